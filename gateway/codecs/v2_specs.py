"""
Which tensors of the Open Inference Protocol a model takes and answers, as its metadata shows them.

Knows no request and no HTTP.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.schema import Output, OutputPart, Signature

_DATATYPES: Final = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES"}
_LABEL_TYPES: Final[dict[type, str]] = {bool: "BOOL", int: "INT64", float: "FP64"}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """
    Describe a tensor as model metadata shows it; -1 is the batch, or a width that only the model knows.

    `output` is the one of several that it answers; None stands for all of them, or for the only one.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    labels: tuple[Any, ...] = ()
    output: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return its metadata; parameters hold scalars only, so labels are JSON text."""
        shown: dict[str, Any] = {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}
        if self.labels:
            shown["parameters"] = {"labels": json.dumps(list(self.labels), ensure_ascii=False)}
        return shown


def input_specs(signature: Signature) -> tuple[TensorSpec, ...]:
    """Return one tensor per field."""
    return tuple(TensorSpec(field.name, _DATATYPES[field.type], (-1,)) for field in signature.inputs)


def output_specs(signature: Signature) -> tuple[TensorSpec, ...]:
    """
    Return the tensors that a model answers: `prediction`, and `probabilities` where it has them.

    Each of several outputs is a tensor of its name, its probabilities are `<name>.probabilities`.
    """
    output = signature.output
    if output.kind in ("multi_output", "multi_label") and output.names:
        return (*_several(output), *_probabilities(output))
    shape = (-1, -1) if output.kind in ("multi_output", "multi_label") else (-1,)
    return (TensorSpec("prediction", _prediction_type(output), shape), *_probabilities(output))


def joined_specs(signature: Signature) -> tuple[TensorSpec, ...]:
    """Return the tensors that a request may name besides: all outputs as one matrix, where they are of one type."""
    output = signature.output
    if output.kind not in ("multi_output", "multi_label") or output.parts or "prediction" in output.names:
        return ()
    return (TensorSpec("prediction", _prediction_type(output), (-1, len(output.names) or -1), output.names),)


def _several(output: Output) -> Iterator[TensorSpec]:
    parts = output.parts or (OutputPart(type="integer" if output.kind == "multi_label" else "number"),) * len(
        output.names
    )
    for name, part in zip(output.names, parts, strict=True):
        datatype = _label_type(part.labels) if part.labels else _DATATYPES[part.type]
        yield TensorSpec(name, datatype, (-1, part.width) if part.width else (-1,), part.labels, name)
        if part.probabilities:
            yield TensorSpec(f"{name}.probabilities", "FP64", (-1, len(part.labels)), part.labels, name)


def _probabilities(output: Output) -> Iterator[TensorSpec]:
    if output.probabilities:
        names = output.labels if output.kind == "classification" else output.names
        yield TensorSpec("probabilities", "FP64", (-1, len(names) or -1), names)


def _label_type(labels: Sequence[Any]) -> str:
    kinds = {type(label) for label in labels}
    return _LABEL_TYPES.get(kinds.pop(), "BYTES") if len(kinds) == 1 else "BYTES"


def _prediction_type(output: Output) -> str:
    if output.kind == "classification":
        return _label_type(output.labels) if output.labels else "INT64"
    return {"json": "BYTES", "multi_label": "INT64"}.get(output.kind, "FP64")
