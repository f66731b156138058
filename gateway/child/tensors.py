"""
Tensors of the Open Inference Protocol -> columns of a model.

A tensor is a column: JSON `data`, or raw little-endian bytes behind the JSON (`binary_data_size`); both may stand in
one request. Sizes are checked before anything is made of them.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from typing import Any, Sequence

import numpy as np

from .faults import bad_request
from .schema import MISSING, Columns, Field, make_column

DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
#: Field type -> the types of JSON that its values have, besides null.
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "number": (float, int),
    "integer": (int, float),
    "string": (str,),
    "boolean": (bool,),
}
_LENGTH = struct.Struct("<I")
#: Newer versions refuse whole numbers of more digits by themselves.
_ENDLESS_NUMBER = re.compile(r"[0-9]{4300}") if not hasattr(sys, "get_int_max_str_digits") else None


def parse_json(raw: bytes) -> dict[str, Any]:
    """Return the object that a body holds; raises ChildError."""
    try:
        text = raw.decode("utf-8")
        if _ENDLESS_NUMBER is not None and _ENDLESS_NUMBER.search(text):
            raise ValueError("a number has more than 4300 digits")
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body is no JSON: {error}") from None
    if type(found) is not dict:
        raise bad_request("the body is no JSON object")
    return found


def columns_of(request: dict[str, Any], raw: bytes, inputs: Sequence[Field]) -> tuple[list[Any], int]:
    """
    Return a column per input, and the number of rows; `raw` is what stands behind the JSON.

    Raises ChildError where the tensors are not those of the inputs. Without any input there is one row.
    """
    tensors = request.get("inputs", [])
    if type(tensors) is not list:
        raise bad_request("inputs is no list")
    found: dict[str, tuple[dict[str, Any], bytes]] = {}
    position = 0
    for tensor in tensors:
        if type(tensor) is not dict or type(tensor.get("name")) is not str:
            raise bad_request("an input is no object with a name")
        if tensor["name"] in found:
            raise bad_request("{!r} is there twice".format(tensor["name"]))
        size = _binary_size(tensor)
        found[tensor["name"]] = tensor, raw[position : position + size]
        position += size
    if position != len(raw):
        raise bad_request(f"the tensors say {position} bytes, {len(raw)} are there")
    _check_names(found, inputs)
    columns = [_column(field, *found[field.name]) for field in inputs]
    return columns, _rows(columns, inputs)


def _check_names(found: dict[str, Any], inputs: Sequence[Field]) -> None:
    names = [field.name for field in inputs]
    if len(found) != len(names) or any(name not in found for name in names):
        lacking = [name for name in names if name not in found]
        strange = [name for name in found if name not in names]
        raise bad_request(f"inputs do not fit: {lacking[:5]} lacking, {strange[:5]} unknown")


def _rows(columns: Columns, inputs: Sequence[Field]) -> int:
    rows = len(columns[0]) if columns else 1
    for column, field in zip(columns, inputs):
        if len(column) != rows:
            raise bad_request(f"{field.name!r} has {len(column)} rows, {inputs[0].name!r} has {rows}")
    if rows == 0:
        raise bad_request("there is no row")
    return rows


def _binary_size(tensor: dict[str, Any]) -> int:
    parameters = tensor.get("parameters")
    if parameters is None:
        return 0
    if type(parameters) is not dict:
        raise bad_request("the parameters of an input are no object")
    size = parameters.get("binary_data_size", 0)
    if type(size) is not int or size < 0:
        raise bad_request("binary_data_size is no whole number")
    return size


def _column(field: Field, tensor: dict[str, Any], raw: bytes) -> Any:
    count = _count(field, tensor.get("shape"))
    kind = field.column_type
    if "data" not in tensor:
        return _raw_column(field.name, kind, str(tensor.get("datatype")), count, raw)
    values = tensor["data"]
    if type(values) is not list:
        raise bad_request(f"data of {field.name!r} is no list")
    if values and type(values[0]) is list:
        values = [one for row in values if type(row) is list for one in row]
    if len(values) != count:
        raise bad_request(f"data of {field.name!r} has {len(values)} values, its shape says {count}")
    return _json_column(field.name, kind, values)


def _count(field: Field, shape: Any) -> int:
    if type(shape) is not list or not 1 <= len(shape) <= 2 or any(type(one) is not int or one < 0 for one in shape):
        raise bad_request(f"shape of {field.name!r} is no [rows]")
    if len(shape) == 2 and shape[1] != 1:
        raise bad_request(f"shape of {field.name!r} is no column")
    count: int = shape[0]
    return count


def _json_column(name: str, kind: str, values: list[Any]) -> Any:
    found = set(map(type, values))
    strange = found - {type(None), *_JSON_TYPES[kind]}
    if strange:
        raise bad_request(f"{name!r} takes a {kind}, not {min(one.__name__ for one in strange)}")
    if type(None) in found:
        values = [MISSING if value is None else value for value in values]
    try:
        if kind == "integer" and (float in found or type(None) in found):
            return np.asarray(values, dtype=np.float64)
        return make_column(kind, values)
    except OverflowError:
        raise bad_request(f"a value of {name!r} is out of range") from None


def _raw_column(name: str, kind: str, datatype: str, count: int, raw: bytes) -> Any:
    if datatype == "BYTES":
        if kind != "string":
            raise bad_request(f"{name!r} takes a {kind}, not BYTES")
        return make_column("string", _texts(name, count, raw))
    dtype = DTYPES.get(datatype)
    if dtype is None or kind == "string" or (kind == "boolean" and datatype != "BOOL"):
        raise bad_request(f"{name!r} takes a {kind}, not {datatype[:20]!r}")
    if len(raw) != count * dtype.itemsize:
        raise bad_request(f"{name!r}: {count} {datatype} are not {len(raw)} bytes")
    # Other bytes than 0 and 1 are no booleans of NumPy: compared, not reinterpreted.
    values = np.frombuffer(raw, np.uint8) != 0 if datatype == "BOOL" else np.frombuffer(raw, dtype)
    if kind == "boolean":
        return values
    is_whole = kind == "integer" and values.dtype.kind != "f"
    return values.astype(np.int64 if is_whole else np.float64)


def _texts(name: str, count: int, raw: bytes) -> list[str]:
    """Return texts, each of which stands behind its length."""
    found: list[str] = []
    position, end = 0, len(raw)
    try:
        while position < end:
            start = position + 4
            position = start + _LENGTH.unpack_from(raw, position)[0]
            if position > end:
                break
            found.append(raw[start:position].decode("utf-8"))
    except struct.error:
        position = -1
    except UnicodeDecodeError:
        raise bad_request(f"a text of {name!r} is not UTF-8") from None
    if position != end or len(found) != count:
        raise bad_request(f"the bytes of {name!r} are not {count} texts behind their lengths")
    return found
