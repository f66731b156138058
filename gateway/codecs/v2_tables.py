"""
Tensors of a request of the Open Inference Protocol -> columns of a signature.

An input is a column per field, or a single [n, k] tensor in positional order. Knows no HTTP and no rule of a field.
"""

import math
from typing import Any, Final

import numpy as np

from gateway.codecs.base import refuse
from gateway.codecs.json_pointers import Locator
from gateway.codecs.v2 import InferRequest, Tensor
from gateway.codecs.v2_binary import DTYPES, text_of
from gateway.codecs.v2_specs import input_specs
from gateway.errors import Fault, InputError
from gateway.schema import Field, Signature
from gateway.system.suggest import listing
from gateway.validation.column_names import NameRule
from gateway.validation.faults import MAX_FAULTS, visible
from gateway.validation.pointer import Step

#: Tensors of one dimension, or of two with the last one 1, are columns.
_COLUMN_RANKS: Final = (1, 2)


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
