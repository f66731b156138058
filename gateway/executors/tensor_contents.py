"""
Columns as the elements of one tensor of the Open Inference Protocol, raw or as JSON values.

A value that a narrow datatype cannot hold is refused with its row and never wrapped.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.artifacts.remote_tensors import RemoteTensor
from gateway.codecs.v2_binary import DTYPES, write_raw
from gateway.errors import Fault, InputError
from gateway.schema import Column


def content_of(tensor: RemoteTensor, columns: Sequence[Column], *, binary: bool) -> bytes | list[Any]:
    """Return the elements of one tensor in row-major order: raw, or as JSON values."""
    values = columns[0] if len(columns) == 1 else _side_by_side(columns)
    if tensor.datatype == "BYTES":
        texts = _texts(values)
        return write_raw("BYTES", texts) if binary and None not in texts else texts
    dtype = DTYPES[tensor.datatype]
    if dtype.kind == "f":
        floats = _floats(tensor, values, dtype)
        return floats.tobytes() if binary else floats.tolist()
    missing = np.array([value != value for value in values]) if values.dtype.kind in "fO" else None  # noqa: PLR0124
    if missing is not None and missing.any():
        whole = _whole(tensor, np.where(missing, 0, values), dtype)
        return [None if is_missing else one for is_missing, one in zip(missing, whole.tolist(), strict=True)]
    whole = _whole(tensor, values, dtype)
    return whole.tobytes() if binary else whole.tolist()


def _side_by_side(columns: Sequence[Column]) -> Column:
    """Return columns as one flat array, row by row."""
    is_text = any(column.dtype.kind == "O" for column in columns)
    table: Column = np.empty((len(columns[0]), len(columns)), dtype=object if is_text else np.float64)
    for place, column in enumerate(columns):
        table[:, place] = column
    return table.reshape(-1)


def _texts(values: Column) -> list[str | None]:
    texts: list[Any] = values.tolist()
    if set(map(type, texts)) <= {str}:
        return texts
    return [value if type(value) is str else None if value != value else str(value) for value in texts]  # noqa: PLR0124


def _floats(tensor: RemoteTensor, values: Column, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    floats = np.asarray(values, dtype=np.float64)
    if dtype.itemsize == floats.itemsize:
        return floats
    with np.errstate(over="ignore"):
        narrow = floats.astype(dtype)
    if np.isinf(narrow).any() and (np.isinf(narrow) & np.isfinite(floats)).any():
        _refuse(tensor, int(np.argmax(np.isinf(narrow) & np.isfinite(floats))))
    return narrow


def _whole(tensor: RemoteTensor, values: Column, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind == "b" or dtype.kind == "b":
        return values.astype(dtype)
    if values.dtype.kind == "O":
        values = values.astype(np.float64)
    limits = np.iinfo(dtype)
    fits = (values >= limits.min) & (values <= limits.max)
    if values.dtype.kind == "f":
        # The largest int64 is no float64: 2**63 would pass a comparison with it, and wrap.
        fits &= (np.trunc(values) == values) & (values < float(limits.max) + 1)
    if not fits.all():
        _refuse(tensor, int(np.argmin(fits)))
    return values.astype(dtype)


def _refuse(tensor: RemoteTensor, place: int) -> None:
    message = f"the model takes {tensor.datatype}, and this value is none"
    row = place // max(tensor.width, 1)
    raise InputError([Fault(f"$.instances[{row}]", "range", message, tensor.datatype, field=tensor.name, row=row)])
