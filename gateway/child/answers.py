"""
Predictions -> tensors of the Open Inference Protocol: `prediction`, `probabilities`, as JSON or as raw bytes.

A label is answered as its code, its place among the labels of the signature: the gateway knows the labels. JSON values
are answered as their text in BYTES.
"""

from __future__ import annotations

import functools
import json
import math
import struct
from typing import Any, NamedTuple

import numpy as np

from .faults import ChildError, bad_request
from .http_messages import json_body
from .schema import Predictions, Signature

_LENGTH = struct.Struct("<I")


class Tensor(NamedTuple):
    """Hold one tensor of an answer: an array of numbers, or texts."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Any


def tensors_of(found: Predictions, signature: Signature, rows: int) -> list[Tensor]:
    """Return the tensors of an answer; raises ChildError where the model did not answer one per row."""
    kind = signature.output.kind
    if len(found.values) != rows:
        raise _wrong(f"{len(found.values)} answers to {rows} rows")
    if kind == "json":
        tensors = [_texts(found.values)]
    else:
        tensors = [_table("prediction", np.asarray(found.values), whole=kind in ("classification", "multi_label"))]
    if found.probabilities is not None:
        tensors.append(_table("probabilities", np.asarray(found.probabilities)))
    if any(tensor.shape[0] != rows for tensor in tensors):
        raise _wrong("probabilities of another number of rows")
    return tensors


def _wrong(what: str) -> ChildError:
    return ChildError(500, "predict", f"the model gave {what}")


def _table(name: str, values: Any, *, whole: bool = False) -> Tensor:
    datatype, dtype = ("INT64", "<i8") if whole else ("FP64", "<f8")
    return Tensor(name, datatype, values.shape, np.ascontiguousarray(values, dtype=dtype))


def _texts(values: Any) -> Tensor:
    texts = [json.dumps(_finite(value), ensure_ascii=False, allow_nan=False) for value in values]
    return Tensor("prediction", "BYTES", (len(texts),), texts)


def _finite(value: Any) -> Any:
    """Return a JSON value in which numbers that JSON has not are null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value


def is_binary(request: dict[str, Any]) -> bool:
    """Say whether a request wants all outputs as raw bytes, where it names none."""
    parameters = request.get("parameters")
    return type(parameters) is dict and parameters.get("binary_data_output") is True


def body_of(request: dict[str, Any], model: str, tensors: list[Tensor]) -> tuple[bytes, int]:
    """Return the body of an answer, and the length of its JSON; -1 where nothing follows the JSON."""
    chosen = _chosen(request, tensors)
    parts = [_raw(tensor) if binary else None for tensor, binary in chosen]
    raw = [part for part in parts if part is not None]
    if chosen and len(raw) == len(chosen) and "id" not in request:
        told = tuple((one.name, one.datatype, one.shape, len(part)) for (one, _), part in zip(chosen, raw))
        head = _raw_head(model, told)
    else:
        head = json_body(_head(request, model, [tensor for tensor, _ in chosen], parts))
    return (b"".join([head, *raw]), len(head)) if raw else (head, -1)


@functools.lru_cache(maxsize=256)
def _raw_head(model: str, told: tuple[tuple[str, str, tuple[int, ...], int], ...]) -> bytes:
    """Return the JSON of an answer whose tensors all follow it: the same for the same number of rows."""
    outputs = [
        {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}}
        for name, datatype, shape, size in told
    ]
    return json_body({"model_name": model, "outputs": outputs})


def _head(request: dict[str, Any], model: str, tensors: list[Tensor], parts: list[bytes | None]) -> dict[str, Any]:
    shown: list[dict[str, Any]] = []
    for tensor, part in zip(tensors, parts):
        one: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
        if part is not None:
            one["parameters"] = {"binary_data_size": len(part)}
        else:
            one["data"] = _data(tensor)
        shown.append(one)
    answer: dict[str, Any] = {"model_name": model, "outputs": shown}
    if type(request.get("id")) is str:
        answer["id"] = request["id"]
    return answer


def _chosen(request: dict[str, Any], tensors: list[Tensor]) -> list[tuple[Tensor, bool]]:
    wanted = request.get("outputs")
    if wanted is None:
        binary = is_binary(request)
        return [(tensor, binary) for tensor in tensors]
    by_name = {tensor.name: tensor for tensor in tensors}
    return [_one_of(by_name, one, request) for one in (wanted if type(wanted) is list else [None])]


def _one_of(by_name: dict[str, Tensor], one: Any, request: dict[str, Any]) -> tuple[Tensor, bool]:
    """Return the tensor that an entry of `outputs` names, and whether it is wanted as raw bytes."""
    found = by_name.get(str(one.get("name"))) if type(one) is dict else None
    if found is None:
        raise bad_request("outputs are a list of {}, each with its name".format(", ".join(by_name)))
    parameters = one.get("parameters")
    told = parameters.get("binary_data") if type(parameters) is dict else None
    return found, is_binary(request) if told is None else told is True


def _raw(tensor: Tensor) -> bytes:
    if tensor.datatype != "BYTES":
        found: bytes = tensor.values.tobytes()
        return found
    encoded = [text.encode("utf-8", "backslashreplace") for text in tensor.values]
    return b"".join([part for text in encoded for part in (_LENGTH.pack(len(text)), text)])


def _data(tensor: Tensor) -> list[Any]:
    """Return the values of a tensor as JSON has them: NaN and infinity are null."""
    if tensor.datatype == "BYTES":
        return list(tensor.values)
    values = tensor.values.reshape(-1)
    flat: list[Any] = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return [value if math.isfinite(value) else None for value in flat]
    return flat
