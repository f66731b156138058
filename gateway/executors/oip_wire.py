"""
Columns and predictions as requests and answers of the Open Inference Protocol, in JSON or with binary tensors.

Knows no connection. A missing value is NaN in a binary tensor of floats and null in JSON: a tensor of another datatype
that has one goes as JSON in any case. What a server answers is believed only as far as shapes and types agree.
"""

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.artifacts.remote_tensors import RemoteTensor, RemoteTensors
from gateway.codecs.v2_binary import DATATYPES, read_raw
from gateway.errors import InputError
from gateway.executors.tensor_contents import content_of
from gateway.schema import Column, Predictions

_encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode
_decode: Final[Callable[[bytes], Any]] = msgspec.json.Decoder().decode
_MOST_RANK: Final = 2
#: The JSON of requests whose tensors are all raw numbers, by tensors and rows: it is the same each time, and code that
#: has not run since the last request is slow.
_heads: Final[dict[tuple[int, int, bool], tuple[RemoteTensors, bytes]]] = {}
_MOST_HEADS: Final = 1024
#: Longer ones hold values.
_MOST_KNOWN_BYTES: Final = 4096
_NUMBERS: Final = frozenset({int, float})


class AnswerError(Exception):
    """An answer that contradicts the protocol, the request or the metadata; the text says how."""


def encode(
    tensors: RemoteTensors, columns: Sequence[Column], *, binary: bool, texts_as_json: bool = False
) -> tuple[bytes, list[bytes]]:
    """
    Return the JSON of a request and the raw tensors that follow it; raises InputError for values that do not fit.

    `texts_as_json` leaves texts out of what is `binary`: JSON is written and read by compiled code, thousand texts in a
    tenth of the time.
    """
    rows = len(columns[0]) if columns else 0
    contents, place = [], 0
    for tensor in tensors.inputs:
        width = max(tensor.width, 1)
        is_raw = binary and not (texts_as_json and tensor.datatype == "BYTES")
        contents.append(content_of(tensor, columns[place : place + width], binary=is_raw))
        place += width
    raw = [content for content in contents if isinstance(content, bytes)]
    key = id(tensors), rows, texts_as_json
    known = _heads.get(key) if len(raw) == len(contents) else None
    if known is not None and known[0] is tensors:
        return known[1], raw
    try:
        head = _encode(_request(tensors, contents, rows, binary=binary, texts_as_json=texts_as_json))
    except UnicodeEncodeError:
        # Half a surrogate pair has no form in JSON; raw, it goes as its escape.
        if not texts_as_json:
            raise
        return encode(tensors, columns, binary=binary)
    if len(raw) == len(contents) and not any(tensor.datatype == "BYTES" for tensor in tensors.inputs):
        if len(_heads) >= _MOST_HEADS:
            _heads.clear()
        _heads[key] = tensors, head
    return head, raw


def _request(
    tensors: RemoteTensors, contents: Sequence[bytes | list[Any]], rows: int, *, binary: bool, texts_as_json: bool
) -> dict[str, Any]:
    """Return the JSON of a request."""
    inputs: list[dict[str, Any]] = []
    for tensor, content in zip(tensors.inputs, contents, strict=True):
        shape = [rows, tensor.width] if tensor.width else [rows]
        told = {"parameters": {"binary_data_size": len(content)}} if isinstance(content, bytes) else {"data": content}
        inputs.append({"name": tensor.name, "datatype": tensor.datatype, "shape": shape, **told})
    outputs: list[dict[str, Any]] = [{"name": tensor.name} for tensor in tensors.outputs]
    for tensor, one in zip(tensors.outputs, outputs, strict=True):
        if binary and not (texts_as_json and tensor.datatype == "BYTES"):
            one["parameters"] = {"binary_data": True}
    return {"inputs": inputs, "outputs": outputs}


def decode(tensors: RemoteTensors, body: bytes, header_length: int | None, rows: int) -> Predictions:
    """Return the predictions of an answer; raises AnswerError."""
    found = _outputs(body, header_length)
    columns = [_elements(tensor, found, rows) for tensor in tensors.values]
    chances = None
    if tensors.probabilities is not None:
        chances = _numbers(tensors.probabilities, _elements(tensors.probabilities, found, rows), rows)
        chances = chances.reshape(rows, -1)
    if tensors.kind == "json":
        return Predictions(_json_values(tensors, columns[0]))
    if tensors.kind == "classification":
        return _classes(tensors, columns, chances, rows)
    numbers = [_numbers(tensor, column, rows) for tensor, column in zip(tensors.values, columns, strict=True)]
    if tensors.kind == "regression":
        return Predictions(numbers[0].reshape(rows))
    table = np.column_stack([column.reshape(rows, -1) for column in numbers])
    return Predictions(table.astype(np.int64) if tensors.kind == "multi_label" else table, chances)


def _outputs(body: bytes, header_length: int | None) -> dict[str, tuple[str, list[int], Any]]:
    """Return datatype, shape and elements of every output, by name."""
    if header_length is not None and header_length > len(body):
        raise AnswerError("its JSON is longer than the answer")
    try:
        head = body if header_length is None else body[:header_length]
        listed = _known(head) if header_length is not None and header_length <= _MOST_KNOWN_BYTES else _listed(head)
        raw = memoryview(body)[len(head) :]
        return {name: rest for name, *rest in _each(listed, raw)}  # type: ignore[misc]  # three of them
    except AnswerError:
        raise
    except (msgspec.MsgspecError, InputError) as error:
        raise AnswerError(f"it cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise AnswerError("it is no answer of the Open Inference Protocol") from error


def _listed(head: bytes) -> list[tuple[str, str, list[int], Any, Any]]:
    """Return name, datatype, shape, size of the raw elements and those in JSON of each output."""
    found = []
    for one in _decode(head)["outputs"]:
        name, datatype, shape = one["name"], one["datatype"], one["shape"]
        if datatype not in DATATYPES or not all(type(size) is int and size >= 0 for size in shape):
            raise AnswerError(f"output {name!r:.80} has no known datatype and shape")
        size = (one.get("parameters") or {}).get("binary_data_size")
        found.append((str(name), datatype, shape, size, one["data"] if size is None else None))
    return found


#: Answers to as many rows begin with the same JSON. What it returns is not changed.
_known: Final = functools.lru_cache(maxsize=256)(_listed)


def _each(
    listed: Sequence[tuple[str, str, list[int], Any, Any]], raw: memoryview
) -> Iterator[tuple[str, str, list[int], Any]]:
    used = 0
    for name, datatype, shape, size, data in listed:
        if size is None:
            elements = data
        elif type(size) is not int or not 0 <= size <= len(raw) - used:
            raise AnswerError(f"output {name!r:.80} has another size than it says")
        else:
            elements = read_raw(datatype, math.prod(shape), raw[used : used + size], name[:80])
            used += size
        yield name, datatype, shape, elements


def _elements(tensor: RemoteTensor, found: Mapping[str, tuple[str, list[int], Any]], rows: int) -> Any:
    """Return the flat elements of an output that has a row for each that was sent, and is of the type of `tensor`."""
    if tensor.name not in found:
        raise AnswerError(f"output {tensor.name!r} is absent")
    datatype, shape, elements = found[tensor.name]
    width = shape[1] if len(shape) == _MOST_RANK else 1
    if not 1 <= len(shape) <= _MOST_RANK or shape[0] != rows or (tensor.width and width != tensor.width):
        expected = [rows, tensor.width] if tensor.width else [rows]
        raise AnswerError(f"output {tensor.name!r} has the shape {shape}, expected {expected}")
    if not tensor.width and width != 1:
        raise AnswerError(f"output {tensor.name!r} has the shape {shape}, expected [{rows}]")
    if (datatype == "BYTES") != (tensor.datatype == "BYTES"):
        raise AnswerError(f"output {tensor.name!r} is {datatype}, and its metadata says {tensor.datatype}")
    if isinstance(elements, list) and elements and isinstance(elements[0], list):
        elements = [value for row in elements for value in row]
    if len(elements) != rows * width:
        raise AnswerError(f"output {tensor.name!r} has {len(elements)} elements for the shape {shape}")
    return elements


def _numbers(tensor: RemoteTensor, elements: Any, rows: int) -> npt.NDArray[np.float64]:
    """Return elements as floats; null is NaN."""
    if isinstance(elements, list):
        kinds = set(map(type, elements))
        if not kinds <= _NUMBERS:
            if not kinds <= _NUMBERS | {bool, type(None)}:
                raise AnswerError(f"output {tensor.name!r} holds values that are no numbers")
            elements = [math.nan if value is None else value for value in elements]
    try:
        return np.asarray(elements, dtype=np.float64).reshape(rows, -1) if rows else np.empty((0, 1))
    except (ValueError, OverflowError, TypeError) as error:
        raise AnswerError(f"output {tensor.name!r} holds values that are no numbers") from error


def _classes(
    tensors: RemoteTensors, columns: Sequence[Any], chances: npt.NDArray[np.float64] | None, rows: int
) -> Predictions:
    if tensors.is_chance:
        second = _numbers(tensors.values[0], columns[0], rows).reshape(rows)
        chances = np.column_stack([1 - second, second])
        return Predictions((second > 0.5).astype(np.int64), chances)  # noqa: PLR2004 - the more likely one
    if not tensors.values:
        if chances is None or not chances.shape[1]:
            raise AnswerError("it holds neither a class nor probabilities")
        return Predictions(chances.argmax(axis=1), chances)
    elements = columns[0]
    if tensors.labels:
        places = {label: place for place, label in enumerate(tensors.labels)}
        values = elements.tolist() if isinstance(elements, np.ndarray) else elements
        try:
            return Predictions(np.array([places[value] for value in values], dtype=np.int64), chances)
        except (KeyError, TypeError) as error:
            raise AnswerError(f"output {tensors.values[0].name!r} holds a label that the model has not") from error
    codes = _numbers(tensors.values[0], elements, rows).reshape(rows)
    most = tensors.classes or (chances.shape[1] if chances is not None else math.inf)
    if not ((np.trunc(codes) == codes) & (codes >= 0) & (codes < most)).all():
        raise AnswerError(f"output {tensors.values[0].name!r} holds a number that is no class")
    return Predictions(codes.astype(np.int64), chances)


def _json_values(tensors: RemoteTensors, elements: Any) -> list[Any]:
    values = elements.tolist() if isinstance(elements, np.ndarray) else list(elements)
    if not tensors.is_json:
        return values
    try:
        return [_decode(value) for value in values]
    except (msgspec.MsgspecError, TypeError) as error:
        raise AnswerError(f"output {tensors.values[0].name!r} holds texts that are no JSON") from error
