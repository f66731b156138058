"""
Tensors of the Open Inference Protocol <-> columns of a signature: which tensors a model takes and answers.

An input is a column per field, or a single [n, k] tensor in positional order. Knows no HTTP and no rule of a field.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gateway.codecs.base import refuse
from gateway.codecs.json_pointers import Locator
from gateway.codecs.v2 import InferRequest, Tensor, Wanted
from gateway.codecs.v2_binary import DTYPES, text_of, write_raw
from gateway.errors import Fault, InputError
from gateway.schema import Field, Output, Signature
from gateway.system.suggest import did_you_mean, listing
from gateway.validation.column_names import NameRule
from gateway.validation.faults import MAX_FAULTS, visible
from gateway.validation.pointer import Step

_DATATYPES: Final = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES"}
_LABEL_TYPES: Final[dict[type, str]] = {bool: "BOOL", int: "INT64", float: "FP64"}
#: Parameter that tells clients which restore types (MLServer's) how to read a tensor.
_CONTENT: Final = {"BYTES": "str"}
#: Tensors of one dimension, or of two with the last one 1, are columns.
_COLUMN_RANKS: Final = (1, 2)


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


def table_of(request: InferRequest, signature: Signature) -> tuple[list[str], list[list[Any]]]:
    """
    Return names and columns of equal length, as `Validator.columns` takes them.

    Raises InputError where the tensors do not fit the signature.
    """
    by_name = _fields(signature)
    tensor = request.inputs[0]
    if len(request.inputs) == 1 and _is_positional(tensor, signature, by_name):
        fields = {field.name: field for field in signature.inputs}
        width = len(signature.positions)
        names = list(signature.positions)
        return names, [_cells(tensor, fields[name], column, width) for column, name in enumerate(names)]
    size = tensor.shape[0]
    columns = []
    _check_names(request, signature, by_name)
    for one in request.inputs:
        if len(one.shape) not in _COLUMN_RANKS or one.shape[1:] not in ((), (1,)):
            message = f"shape {list(one.shape)} is no column"
            refuse("tensor-shape", message, at=f"{one.at}.shape", expected=f"[{size}] or [{size}, 1]")
        if one.shape[0] != size:
            message = f"{one.name} has {one.shape[0]} rows, {tensor.name} has {size}"
            refuse("tensor-shape", message, at=f"{one.at}.shape", expected=size)
        columns.append(_cells(one, by_name.get(one.name), 0, 1))
    return [one.name for one in request.inputs], columns


def _check_names(request: InferRequest, signature: Signature, by_name: dict[str, Field]) -> None:
    """
    Refuse tensors that are no inputs while an input has none: they were meant to be it.

    Beside all inputs they are further columns, as in any table.
    """
    given = {one.name for one in request.inputs}
    if all(not given.isdisjoint((field.name, *field.aliases)) for field in signature.inputs):
        return
    rule, expected = NameRule(signature.inputs, ()), listing(by_name, "and")
    known = {*by_name, *signature.dropped}
    strangers = [one for one in request.inputs if one.name not in known]
    faults = [
        Fault(
            f"{one.at}.name",
            "unknown-field",
            f"{visible(one.name)} is not an input of this model",
            expected,
            hint=rule.suggest(one.name),
        )
        for one in strangers[:MAX_FAULTS]
    ]
    if faults:
        raise InputError(faults, total=len(strangers))


def _fields(signature: Signature) -> dict[str, Field]:
    return {name: field for field in signature.inputs for name in (field.name, *field.aliases)}


def locator_of(request: InferRequest, signature: Signature) -> Locator:
    """Return the locator of the cells of a request that `table_of` has read."""
    tensor = request.inputs[0]
    whole = len(request.inputs) == 1 and _is_positional(tensor, signature, _fields(signature))
    names = signature.positions if whole else [one.name for one in request.inputs]
    known: dict[Step, int] = {name: index for index, name in enumerate(names)}

    def cell(row: int, step: Step) -> str:
        index = known[step]
        return tensor.at_element(row * len(names) + index) if whole else request.inputs[index].at_element(row)

    def name(step: Step) -> str:
        return f"{request.inputs[known[step]].at}.name" if step in known and not whole else "$.inputs"

    return Locator(cell, name)


def _is_positional(tensor: Tensor, signature: Signature, by_name: dict[str, Field]) -> bool:
    """Say whether the only tensor is the whole table; refuse one that is neither table nor column."""
    width = len(signature.positions)
    given = tensor.shape[1] if len(tensor.shape) > 1 else 1
    if tensor.name in by_name and (given == 1 or width == 1):
        return False
    if len(tensor.shape) in _COLUMN_RANKS and given == width:
        return True
    if tensor.name in by_name or len(tensor.shape) >= _COLUMN_RANKS[1]:
        shape = list(tensor.shape)
        refuse(
            "arity",
            f"{width} columns are expected, shape {shape} "
            + (f"has {given}" if len(shape) <= _COLUMN_RANKS[1] else "is no table"),
            at=f"{tensor.at}.shape",
            expected=[tensor.shape[0], width],
            hint="the order is " + ", ".join(signature.positions[:50]),
        )
    return False


def _cells(tensor: Tensor, field: Field | None, column: int, width: int) -> list[Any]:
    """Return one column as Python values; NaN is a missing value where the field may be missing."""
    values = tensor.values[column::width] if width > 1 else tensor.values
    cells: list[Any] = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if field is None:
        return cells
    if field.nullable and tensor.datatype.startswith(("FP", "BF")):
        return [None if cell is None or math.isnan(cell) else cell for cell in cells]
    if field.type == "boolean" and tensor.datatype.startswith(("INT", "UINT")):
        return [bool(cell) if cell in (0, 1) else cell for cell in cells]
    return cells


def chosen(request: InferRequest, specs: Sequence[TensorSpec]) -> list[tuple[TensorSpec, bool]]:
    """Return the outputs that a request asks for, and whether each is wanted as raw bytes."""
    if request.outputs is None:
        return [(spec, request.binary) for spec in specs]
    by_name = {spec.name: spec for spec in specs}
    return [(_find(one, by_name), one.binary) for one in request.outputs]


def as_columns(shown: dict[str, Any], labels: Sequence[Any]) -> list[dict[str, Any]]:
    """Split a matrix in JSON into one column per label: data frames of MLServer's clients hold no matrices."""
    if len(shown["shape"]) == 1 or "data" not in shown:
        return [shown]
    rows, width = shown["shape"]
    names = labels if len(labels) == width else range(width)
    return [
        shown | {"name": f"{shown['name']}.{name}", "shape": [rows], "data": shown["data"][column::width]}
        for column, name in enumerate(names)
    ]


def _find(wanted: Wanted, by_name: dict[str, TensorSpec]) -> TensorSpec:
    found = by_name.get(wanted.name)
    if found is None:
        refuse(
            "unknown-output",
            f"{wanted.name[:80]!r} is not an output of this model",
            at=f"{wanted.at}.name",
            expected=listing(by_name),
            hint=did_you_mean(wanted.name[:80], by_name),
        )
    return found


def output_tensor(spec: TensorSpec, values: Sequence[Any], *, binary: bool) -> tuple[dict[str, Any], bytes]:
    """Return an output's JSON and its raw bytes (empty unless `binary`)."""
    rows = [list(row.values()) if isinstance(row, dict) else row for row in values] if len(spec.shape) > 1 else values
    shape = [len(rows), *((len(rows[0]),) if len(spec.shape) > 1 and len(rows) else ())]
    flat = [value for row in rows for value in row] if len(shape) > 1 else list(rows)
    if spec.datatype == "BYTES":
        flat = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in flat]
    shown: dict[str, Any] = {"name": spec.name, "shape": shape, "datatype": spec.datatype}
    shown["parameters"] = {"content_type": _CONTENT.get(spec.datatype, "np")}
    if not binary:
        shown["data"] = flat
        return shown, b""
    raw = write_raw(spec.datatype, flat)
    shown["parameters"]["binary_data_size"] = len(raw)
    return shown, raw


def raw_request(body: bytes, signature: Signature) -> InferRequest:
    """Read the raw form: the bytes of the only input and nothing else; a text is one instance."""
    if len(signature.inputs) != 1:
        refuse(
            "tensor",
            f"the raw form is for models with one input, this one has {len(signature.inputs)}",
            at="header.Inference-Header-Content-Length",
            hint="send the length of the JSON that precedes the tensors",
        )
    spec = input_specs(signature)[0]
    if spec.datatype == "BYTES":
        return InferRequest((Tensor(spec.name, "BYTES", (1,), [text_of(body, "$")]),), binary=True)
    count = math.ceil(len(body) / DTYPES[spec.datatype].itemsize)
    if not body or count * DTYPES[spec.datatype].itemsize != len(body):
        refuse("tensor-size", f"the body is no whole number of {spec.datatype} elements", expected=spec.datatype)
    values = np.frombuffer(body, DTYPES[spec.datatype])
    return InferRequest((Tensor(spec.name, spec.datatype, (count,), values),), binary=True)
