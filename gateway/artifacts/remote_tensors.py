"""
Which tensors of the Open Inference Protocol carry the columns and the answers of a model that runs elsewhere.

Pure data, part of a manifest: found while preparing, from the metadata of the server.
"""

from dataclasses import dataclass
from typing import Final

from gateway.schema import Output, OutputKind, Scalar, Signature

#: Types of columns -> datatypes of the protocol.
DATATYPE_OF: Final = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteTensor:
    """Name a tensor of one column (`width` 0: shape [n]), or of `width` columns side by side ([n, width])."""

    name: str
    datatype: str
    width: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteTensors:
    """
    Map columns to input tensors in their order, and output tensors to predictions.

    `values` are the value, or one tensor per output; none where only probabilities are answered. `labels` are what
    `values` hold for each class; () where they hold places among the `classes` (0: an unknown number). With `is_chance`
    the only value is the probability of the second class. With `is_json` a text of the answer is JSON.
    """

    inputs: tuple[RemoteTensor, ...]
    kind: OutputKind = "regression"
    values: tuple[RemoteTensor, ...] = ()
    probabilities: RemoteTensor | None = None
    labels: tuple[Scalar, ...] = ()
    classes: int = 0
    is_chance: bool = False
    is_json: bool = False

    @property
    def outputs(self) -> tuple[RemoteTensor, ...]:
        """Return all tensors of an answer."""
        return self.values if self.probabilities is None else (*self.values, self.probabilities)


def tensors_of(signature: Signature) -> RemoteTensors:
    """
    Return the tensors of a child server of ours: one per field, `prediction`, and `probabilities` where it has them.

    Classes are places among the labels, further outputs stand side by side, other values are JSON texts.
    """
    output = signature.output
    inputs = tuple(RemoteTensor(name=one.name, datatype=DATATYPE_OF[one.column_type]) for one in signature.inputs)
    width = len(output.labels if output.kind == "classification" else output.names)
    chances = RemoteTensor(name="probabilities", datatype="FP64", width=width)
    return RemoteTensors(
        inputs=inputs,
        kind=output.kind,
        values=(_prediction(output),),
        probabilities=chances if output.probabilities else None,
        classes=len(output.labels) if output.kind == "classification" else 0,
        is_json=output.kind == "json",
    )


def _prediction(output: Output) -> RemoteTensor:
    datatype = {"classification": "INT64", "multi_label": "INT64", "json": "BYTES"}.get(output.kind, "FP64")
    width = len(output.names) if output.kind in {"multi_label", "multi_output"} else 0
    return RemoteTensor(name="prediction", datatype=datatype, width=width)
