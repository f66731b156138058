"""ONNX graphs that other tools made: networks, odd shapes, foreign operators, weights elsewhere."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .data import TEST
from .graphs import ASKED, run, save
from .specimen import Grown, rows_of, species, valued


@species("onnx-boolean-column")
def boolean_column(folder: Path) -> Grown:
    """An input of booleans beside one of numbers."""
    nodes = [
        helper.make_node("Cast", ["flag"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["number", "size"], ["value"]),
    ]
    inputs = [
        helper.make_tensor_value_info("flag", TensorProto.BOOL, [None, 1]),
        helper.make_tensor_value_info("size", TensorProto.FLOAT, [None, 1]),
    ]
    output = helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])
    save(folder, _graph(nodes, inputs, [output]))
    rows = [{"flag": i % 2 == 0, "size": i / 4} for i in range(TEST)]
    return Grown("model.onnx", rows, valued(np.array([row["flag"] + row["size"] for row in rows])))


def _graph(nodes: Any, inputs: Any, outputs: Any, tensors: Any = ()) -> Any:
    graph = helper.make_graph(nodes, "zoo", inputs, outputs, list(tensors))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _network(batch: Any) -> Any:
    weights = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Softmax", ["h"], ["p"], axis=1)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 4])]
    outputs = [helper.make_tensor_value_info("p", TensorProto.FLOAT, [batch, 3])]
    return _graph(nodes, inputs, outputs, [numpy_helper.from_array(weights, "w")])


@species("onnx-network")
def network(folder: Path) -> Grown:
    """A network that answers a table without labels, as PyTorch exports it."""
    found = run(save(folder, _network("batch")))
    return Grown("model.onnx", rows_of(ASKED.astype(float)), valued(found[0].astype(np.float64)))


@species("onnx-network-one-row")
def one_row(folder: Path) -> Grown:
    """A network exported for exactly one row at a time, as PyTorch does without dynamic axes."""
    session = save(folder, _network(1))
    found = np.concatenate([run(session, ASKED[i : i + 1])[0] for i in range(TEST)])
    return Grown("model.onnx", rows_of(ASKED.astype(float)), valued(found.astype(np.float64)))


@species("onnx-image")
def image(folder: Path) -> Grown:
    """A graph that takes pictures is not about rows."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    shape = [None, 3, 8, 8]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    graph = _graph(nodes, inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)])
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    return Grown("model.onnx", refused="unsupported-model", says="shape")


@species("onnx-outside-data")
def outside(folder: Path) -> Grown:
    """A graph that keeps its weights in a second file, which no pin covers."""
    onnx.save_model(
        _network("n"), str(folder / "model.onnx"), save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    return Grown("model.onnx", refused="external-data", says="checksum")


@species("onnx-own-operator")
def own_operator(folder: Path) -> Grown:
    """A graph with an operator of somebody's own."""
    nodes = [helper.make_node("Magic", ["x"], ["y"], domain="com.example")]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "g", [value("x", 1, [None, 2])], [value("y", 1, [None, 1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)])
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return Grown("model.onnx", refused="unsupported-model", says="com.example")
