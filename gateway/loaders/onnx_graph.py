"""
Reads from an ONNX file what a session does not tell: class labels, and whether data lies outside the file.

Uses the package onnx where it is installed; without it, labels have to come from ZipMap or metadata.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import ArtifactError, LoadError
from gateway.schema import Scalar

onnx: Any
try:
    import onnx
except ImportError:
    onnx = None

#: Operators that hand a column on as it is.
_PASSING = {"Identity", "Reshape", "Flatten", "Cast", "Squeeze", "Unsqueeze", "Gather", "ArrayFeatureExtractor"}

#: The key `location` of a tensor's external data, whose length may be written in more bytes than it needs.
_LOCATION = re.compile(rb"\x0a(\x08|\x88\x80*\x00)location")
_STANDARD_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """Hold the labels of the last classifier, and the levels of inputs that go straight into an encoder."""

    labels: tuple[Scalar, ...] = ()
    levels: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)


def read_graph(path: Path, data: bytes) -> GraphFacts:
    """Read the file; refuses tensors outside it, because only the verified bytes may count, and foreign operators."""
    if onnx is None:
        if _LOCATION.search(data):
            raise _external(path)
        return GraphFacts()
    try:
        model = onnx.load_model_from_string(data)
    except Exception as exc:  # protobuf's DecodeError has no stable home
        raise ArtifactError(
            f"{path.name}: not an ONNX file: {exc}", code="broken-artifact", hint="export it again as one file"
        ) from exc
    foreign = {entry.domain for entry in model.opset_import} - _STANDARD_DOMAINS
    used = {node.domain for node in messages(model, onnx.NodeProto)} & foreign
    if used:
        raise LoadError(
            f"{path.name}: uses custom operators of {', '.join(sorted(used))}",
            code="unsupported-model",
            hint="export it with standard operators only",
        )
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in messages(model, onnx.TensorProto)):
        raise _external(path)
    return GraphFacts(_labels(model.graph), _levels(model.graph))


def _external(path: Path) -> ArtifactError:
    return ArtifactError(
        f"{path.name}: keeps tensors in other files, which no checksum covers",
        code="external-data",
        hint="save it as one file: onnx.save(model, path, save_as_external_data=False)",
    )


def messages(root: Any, kind: Any) -> Iterator[Any]:
    """Yield every message of a kind, wherever it stands: in branches, functions, training, sparse tensors."""
    stack = [root]
    while stack:
        message = stack.pop()
        if isinstance(message, kind):
            yield message
        for member, value in message.ListFields():
            if member.message_type is not None:
                stack += value if isinstance(value, Sequence) else [value]


def _labels(graph: Any) -> tuple[Scalar, ...]:
    found: tuple[Scalar, ...] = ()
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name in {"classlabels_strings", "classlabels_ints", "classlabels_int64s"}:
                texts = tuple(text.decode() for text in attribute.strings)
                found = texts or tuple(attribute.ints) or found
    return found


def _levels(graph: Any) -> dict[str, tuple[Scalar, ...]]:
    """Follow every input through operators that change nothing; an encoder at the end knows its levels."""
    origin = {node.name: node.name for node in graph.input}
    found: dict[str, tuple[Scalar, ...]] = {}
    for node in graph.node:
        source = origin.get(node.input[0]) if node.input else None
        if source is None:
            continue
        if node.op_type in _PASSING:
            origin[node.output[0]] = source
        elif node.op_type == "OneHotEncoder":
            for attribute in node.attribute:
                if attribute.name in {"cats_strings", "cats_int64s"}:
                    texts = tuple(text.decode() for text in attribute.strings)
                    found[source] = texts or tuple(attribute.ints)
    return found
