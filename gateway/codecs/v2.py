"""
Requests and answers of the Open Inference Protocol v2: JSON, or JSON followed by raw tensors.

Knows datatypes, shapes and sizes, but no model (v2_tables.py does) and no HTTP.
"""

import base64
import binascii
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from gateway.codecs.base import refuse
from gateway.codecs.json import parse
from gateway.codecs.v2_binary import BF16, DATATYPES, DTYPES, read_raw, text_of
from gateway.system.suggest import did_you_mean

_OF_KIND: Final[dict[str, frozenset[type]]] = {
    "b": frozenset({bool}),
    "i": frozenset({int}),
    "u": frozenset({int}),
    "f": frozenset({int, float}),
}
#: JSON types that an element of a datatype may have; null is a missing value.
_JSON_TYPES: Final[dict[str, frozenset[type]]] = {name: _OF_KIND[dtype.kind] for name, dtype in DTYPES.items()} | {
    "BYTES": frozenset({str}),
    BF16: frozenset(),
}
#: A tensor of more dimensions than this is no table.
_MAX_RANK: Final = 8
#: The protocol's dimensions are 64-bit numbers; Python could not even print the product of much longer ones.
_MAX_SIZE: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Tensor:
    """Hold one input: flat values in row-major order. `at` is its path, `form` the form of its values."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any] | npt.NDArray[Any]
    at: str = "$"
    form: Literal["flat", "nested", "raw"] = "raw"

    def at_element(self, index: int) -> str:
        """Return the path of the element with this flat index; raw bytes have no path of their own."""
        if self.form == "raw":
            return self.at
        places = np.unravel_index(index, self.shape) if self.form == "nested" else (index,)
        return f"{self.at}.data" + "".join(f"[{place}]" for place in places)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Name one output that the client asks for, and whether as raw bytes."""

    name: str
    binary: bool
    at: str = "$"


@dataclass(frozen=True, slots=True)
class InferRequest:
    """Hold a decoded request; `outputs` None means all of them, as raw bytes if `binary`."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Wanted, ...] | None = None
    id: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    binary: bool = False


def decode(body: bytes, header_length: int | None = None, check: Callable[[int], object] = int) -> InferRequest:
    """
    Read a request; `header_length` is the size of the JSON before the raw tensors, None when all of it is JSON.

    `check` is called with the number of rows of each tensor before its elements are read: raw texts take ten times
    their size in the body.
    Raises InputError for everything that the protocol does not allow.
    """
    if header_length is None:
        header_length = len(body)
    if header_length > len(body):
        refuse(
            "tensor-size",
            f"Inference-Header-Content-Length says {header_length}, the body has {len(body)} bytes",
            at="header.Inference-Header-Content-Length",
        )
    if header_length == 0 or body.isspace():
        refuse("empty-body", "the body is empty", expected='{"inputs": [...]}')
    head = parse(body[:header_length])
    if type(head) is not dict:
        refuse("json-type", "the request must be an object", expected='{"inputs": [...]}')
    parameters = _parameters(head, "$")
    binary = parameters.get("binary_data_output") is True
    inputs = _list(head, "inputs")
    if not inputs:
        refuse("tensor", "the request has no inputs", at="$.inputs", expected="at least one input tensor")
    request_id = head.get("id")
    if request_id is not None and type(request_id) is not str:
        refuse("json-type", "id must be a text", at="$.id", expected="string")
    raw = memoryview(body)[header_length:]
    tensors = _tensors(inputs, raw, check)
    outputs = None if head.get("outputs") is None else _wanted(_list(head, "outputs"), binary)
    return InferRequest(tensors, outputs, request_id, parameters, binary)


def _tensors(inputs: list[Any], raw: memoryview, check: Callable[[int], object]) -> tuple[Tensor, ...]:
    tensors, used = [], 0
    for index, one in enumerate(inputs):
        tensor, size = _tensor(one, f"$.inputs[{index}]", raw[used:], check)
        tensors.append(tensor)
        used += size
    if used != len(raw):
        refuse("tensor-size", f"{len(raw) - used} bytes follow the last tensor", expected="nothing after it")
    return tuple(tensors)


def _tensor(value: Any, at: str, raw: memoryview, check: Callable[[int], object]) -> tuple[Tensor, int]:
    """Read one input and say how many raw bytes it took."""
    if type(value) is not dict:
        refuse("json-type", "an input must be an object", at=at, expected="name, shape, datatype, data")
    name, datatype = _text(value, "name", at), _text(value, "datatype", at)
    if datatype not in DATATYPES:
        hint = did_you_mean(datatype[:20], DATATYPES)
        refuse("datatype", f"{datatype[:20]!r} is no datatype", at=f"{at}.datatype", expected=DATATYPES, hint=hint)
    shape = _shape(value.get("shape"), f"{at}.shape")
    check(shape[0])
    count = math.prod(shape)
    parameters = _parameters(value, at)
    if any(word.startswith("shared_memory") for word in parameters):
        refuse("tensor", "shared memory is not offered", at=f"{at}.parameters", hint="send data, or binary tensor data")
    if "binary_data_size" in parameters:
        return _raw_tensor(value, parameters, Tensor(name, datatype, shape, (), at), raw)
    data = value.get("data")
    if type(data) is not list:
        refuse("json-type", "data must be a list", at=f"{at}.data", expected="a flat or nested list")
    flat = _flat(data, shape, count, f"{at}.data")
    tensor = Tensor(name, datatype, shape, flat, at, "flat" if flat is data else "nested")
    _check_elements(tensor)
    if parameters.get("content_type") == "base64" and datatype == "BYTES":
        tensor = replace(tensor, values=[_unbase64(text, tensor, row) for row, text in enumerate(flat)])
    return tensor, 0


def _raw_tensor(value: Any, parameters: dict[str, Any], tensor: Tensor, raw: memoryview) -> tuple[Tensor, int]:
    """Fill a tensor with the bytes that it takes from the front of `raw`."""
    size, at = parameters["binary_data_size"], tensor.at
    if type(size) is not int or size < 0:
        refuse("json-type", "binary_data_size must be a number of bytes", at=f"{at}.parameters", expected="bytes")
    if "data" in value:
        refuse("tensor", "an input has either data or binary_data_size", at=at)
    if size > len(raw):
        message = f"binary_data_size is {size}, only {len(raw)} bytes follow"
        refuse("tensor-size", message, at=f"{at}.parameters", hint="send Inference-Header-Content-Length")
    values = read_raw(tensor.datatype, math.prod(tensor.shape), raw[:size], at)
    return replace(tensor, values=values), size


def _shape(value: Any, at: str) -> tuple[int, ...]:
    if type(value) is not list or not 1 <= len(value) <= _MAX_RANK:
        refuse("tensor-shape", f"shape must be a list of 1 to {_MAX_RANK} dimensions", at=at, expected="[n] or [n, k]")
    if any(type(size) is not int or not 0 <= size <= _MAX_SIZE for size in value):
        refuse("tensor-shape", "a dimension must be a whole number from 0 to 2^63 - 1", at=at)
    if value[0] == 0:
        refuse("empty-batch", "the first dimension is the batch, and it is 0", at=at, expected="at least 1")
    return tuple(value)


def _flat(data: list[Any], shape: tuple[int, ...], count: int, at: str) -> list[Any]:
    """Return the elements of a flat list, or of lists nested as the shape says."""
    flat = data
    for size in shape[1:]:
        if not flat or type(flat[0]) is not list:
            break
        if any(type(row) is not list or len(row) != size for row in flat):
            refuse("tensor-shape", f"the nested lists do not have the shape {list(shape)}", at=at)
        flat = [element for row in flat for element in row]
    if len(flat) != count:
        refuse("tensor-size", f"the shape {list(shape)} has {count} elements, {len(flat)} were given", at=at)
    return flat


def _check_elements(tensor: Tensor) -> None:
    datatype, flat = tensor.datatype, tensor.values
    allowed = _JSON_TYPES[datatype]
    kinds = set(map(type, flat)) - allowed - {type(None)}
    if kinds:
        row = next(row for row, element in enumerate(flat) if type(element) in kinds)
        names = {str: "a text", bool: "a boolean", int: "a number", float: "a number with a point", dict: "an object"}
        got = names.get(type(flat[row]), "a list")
        hint = "send it as binary tensor data" if datatype == BF16 else None
        refuse("tensor-type", f"{got} is no {datatype}", at=tensor.at_element(row), expected=datatype, hint=hint)
    if int in allowed and float not in allowed:
        limits = np.iinfo(DTYPES[datatype])
        for row, element in enumerate(flat):
            if element is not None and not limits.min <= element <= limits.max:
                refuse("tensor-type", f"a number is out of the range of {datatype}", at=tensor.at_element(row))


def _unbase64(text: Any, tensor: Tensor, row: int) -> Any:
    if text is None:
        return None
    at = tensor.at_element(row)
    try:
        return text_of(base64.b64decode(text, validate=True), at)
    except (binascii.Error, ValueError):
        return refuse("encoding", "content_type is base64, and this is not", at=at, expected="base64")


def _wanted(outputs: list[Any], binary: bool) -> tuple[Wanted, ...]:
    found = []
    for index, one in enumerate(outputs):
        at = f"$.outputs[{index}]"
        if type(one) is not dict:
            refuse("json-type", "an output must be an object", at=at, expected='{"name": "prediction"}')
        parameters = _parameters(one, at)
        for word in parameters:
            if word.startswith("shared_memory") or word == "classification":
                refuse("tensor", f"{word} is not offered", at=f"{at}.parameters", hint="ask for probabilities")
        found.append(Wanted(_text(one, "name", at), parameters.get("binary_data", binary) is True, at))
    return tuple(found)


def _parameters(value: dict[str, Any], at: str) -> dict[str, Any]:
    parameters = value.get("parameters")
    if parameters is None:
        return {}
    if type(parameters) is not dict:
        refuse("json-type", "parameters must be an object", at=f"{at}.parameters", expected="object")
    return parameters


def _list(value: dict[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    if type(found) is not list:
        refuse("json-type", f"{name} must be a list", at=f"$.{name}", expected="list")
    return found


def _text(value: dict[str, Any], name: str, at: str) -> str:
    found = value.get(name)
    if type(found) is not str or not found:
        refuse("json-type", f"{name} must be a text", at=f"{at}.{name}", expected="string")
    return found
