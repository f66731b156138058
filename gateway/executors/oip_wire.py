"""
Columns and predictions as requests and answers of the Open Inference Protocol, in JSON or with binary tensors.

Knows no connection. A missing value is NaN in a binary tensor of floats and null in JSON: a tensor of another datatype
that has one goes as JSON in any case. What a server answers is believed only as far as shapes and types agree.
"""

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
    inputs, raw, place = [], [], 0
    for tensor in tensors.inputs:
        width = max(tensor.width, 1)
        shown: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype}
        shown["shape"] = [rows, tensor.width] if tensor.width else [rows]
        is_raw = binary and not (texts_as_json and tensor.datatype == "BYTES")
        content = content_of(tensor, columns[place : place + width], binary=is_raw)
        if isinstance(content, bytes):
            shown["parameters"] = {"binary_data_size": len(content)}
            raw.append(content)
        else:
            shown["data"] = content
        inputs.append(shown)
        place += width
    outputs: list[dict[str, Any]] = [{"name": tensor.name} for tensor in tensors.outputs]
    for tensor, one in zip(tensors.outputs, outputs, strict=True):
        if binary and not (texts_as_json and tensor.datatype == "BYTES"):
            one["parameters"] = {"binary_data": True}
    try:
        return _encode({"inputs": inputs, "outputs": outputs}), raw
    except UnicodeEncodeError:
        # Half a surrogate pair has no form in JSON; raw, it goes as its escape.
        if not texts_as_json:
            raise
        return encode(tensors, columns, binary=binary)


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
        head = _decode(body if header_length is None else body[:header_length])
        listed = head["outputs"]
        raw = memoryview(body)[len(body) if header_length is None else header_length :]
        return {name: rest for name, *rest in _each(listed, raw)}  # type: ignore[misc]  # three of them
    except AnswerError:
        raise
    except (msgspec.MsgspecError, InputError) as error:
        raise AnswerError(f"it cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise AnswerError("it is no answer of the Open Inference Protocol") from error


def _each(listed: Sequence[Mapping[str, Any]], raw: memoryview) -> Iterator[tuple[str, str, list[int], Any]]:
    used = 0
    for one in listed:
        name, datatype, shape = one["name"], one["datatype"], one["shape"]
        if datatype not in DATATYPES or not all(type(size) is int and size >= 0 for size in shape):
            raise AnswerError(f"output {name!r:.80} has no known datatype and shape")
        size = (one.get("parameters") or {}).get("binary_data_size")
        if size is None:
            elements: Any = one["data"]
        elif type(size) is not int or not 0 <= size <= len(raw) - used:
            raise AnswerError(f"output {name!r:.80} has another size than it says")
        else:
            elements = read_raw(datatype, math.prod(shape), raw[used : used + size], str(name)[:80])
            used += size
        yield str(name), datatype, shape, elements


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
