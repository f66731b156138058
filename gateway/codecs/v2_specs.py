"""
Which tensors of the Open Inference Protocol a model takes and answers, as its metadata shows them.

Knows no request and no HTTP.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from gateway.schema import Output, Signature

_DATATYPES: Final = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES"}
_LABEL_TYPES: Final[dict[type, str]] = {bool: "BOOL", int: "INT64", float: "FP64"}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Describe a tensor as model metadata shows it; -1 is the batch, or a width that only the model knows."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    labels: tuple[Any, ...] = ()

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
    """Return the tensors that a model answers: `prediction`, and `probabilities` where it has them."""
    output = signature.output
    names = output.labels if output.kind == "classification" else output.names
    wide = (-1, len(names) or -1)
    shape = wide if output.kind in ("multi_output", "multi_label") else (-1,)
    specs = [TensorSpec("prediction", _prediction_type(output), shape, output.names)]
    if output.probabilities:
        specs.append(TensorSpec("probabilities", "FP64", wide, names))
    return tuple(specs)


def _prediction_type(output: Output) -> str:
    if output.kind == "classification":
        kinds = {type(label) for label in output.labels}
        if not kinds:
            return "INT64"
        return _LABEL_TYPES.get(kinds.pop(), "BYTES") if len(kinds) == 1 else "BYTES"
    return {"json": "BYTES", "multi_label": "INT64"}.get(output.kind, "FP64")
