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
from gateway.codecs.v2_binary import DATATYPES, DTYPES, read_raw, write_raw
from gateway.errors import Fault, InputError
from gateway.schema import Column, Predictions

_encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode
_decode: Final[Callable[[bytes], Any]] = msgspec.json.Decoder().decode
_MOST_RANK: Final = 2
_NUMBERS: Final = frozenset({int, float})


class AnswerError(Exception):
    """An answer that contradicts the protocol, the request or the metadata; the text says how."""


def encode(tensors: RemoteTensors, columns: Sequence[Column], *, binary: bool) -> tuple[bytes, list[bytes]]:
    """Return the JSON of a request and the raw tensors that follow it; raises InputError for values that do not fit."""
    rows = len(columns[0]) if columns else 0
    inputs, raw, place = [], [], 0
    for tensor in tensors.inputs:
        width = max(tensor.width, 1)
        shown: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype}
        shown["shape"] = [rows, tensor.width] if tensor.width else [rows]
        content = _content(tensor, columns[place : place + width], binary=binary)
        if isinstance(content, bytes):
            shown["parameters"] = {"binary_data_size": len(content)}
            raw.append(content)
        else:
            shown["data"] = content
        inputs.append(shown)
        place += width
    outputs: list[dict[str, Any]] = [{"name": tensor.name} for tensor in tensors.outputs]
    if binary:
        for one in outputs:
            one["parameters"] = {"binary_data": True}
    return _encode({"inputs": inputs, "outputs": outputs}), raw


def _content(tensor: RemoteTensor, columns: Sequence[Column], *, binary: bool) -> bytes | list[Any]:
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
    if values.dtype.kind != "O":
        return [str(value) for value in values.tolist()]
    return [value if isinstance(value, str) else None if value != value else str(value) for value in values]  # noqa: PLR0124


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
