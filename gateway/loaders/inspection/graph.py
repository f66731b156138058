"""Inspect an ONNX graph: its operators by domain, and the files that it keeps tensors in."""

import importlib
from pathlib import Path
from typing import Any

from gateway.loaders.inspection.report import Inspection
from gateway.system import files

_MOST_BYTES = 2**31


def add_graph(found: Inspection, path: Path) -> bool:
    """Add what a graph names; return whether it is one. Says so where the package onnx is not installed."""
    found.what = "an ONNX graph"
    try:
        onnx: Any = importlib.import_module("onnx")
    except ImportError:
        found.warnings.append("the package onnx is not installed, so that its operators are unknown")
        return False
    try:
        model = onnx.load_model_from_string(files.read(path, _MOST_BYTES))
    except Exception as error:  # protobuf's DecodeError has no stable home
        found.warnings.append(f"it cannot be read: {error}")
        return False
    # By name: it imports ONNX Runtime's floor only where a graph is read.
    messages = importlib.import_module("gateway.loaders.onnx_graph").messages
    for node in messages(model, onnx.NodeProto):
        found.operators.append(f"{node.domain or 'ai.onnx'}: {node.op_type}")
    for tensor in messages(model, onnx.TensorProto):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            place = {entry.key: entry.value for entry in tensor.external_data}.get("location", "?")
            found.warnings.append(f"tensor {tensor.name!r} lies in another file, {place!r}")
    return bool(found.operators)
