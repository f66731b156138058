"""Tensors of an answer of the Open Inference Protocol: those that a request asks for, as JSON or raw bytes."""

import json
from collections.abc import Sequence
from typing import Any, Final

from gateway.codecs.base import refuse
from gateway.codecs.v2 import InferRequest, Wanted
from gateway.codecs.v2_binary import write_raw
from gateway.codecs.v2_specs import TensorSpec
from gateway.system.suggest import did_you_mean, listing

#: Parameter that tells clients which restore types (MLServer's) how to read a tensor.
_CONTENT: Final = {"BYTES": "str"}


def chosen(
    request: InferRequest, specs: Sequence[TensorSpec], joined: Sequence[TensorSpec] = ()
) -> list[tuple[TensorSpec, bool]]:
    """
    Return the outputs that a request asks for, and whether each is wanted as raw bytes; `joined` only by name.

    Each is answered once: a request of 150 kB that named one for 1,500 times had an answer of 120 MB.
    """
    if request.outputs is None:
        return [(spec, request.binary) for spec in specs]
    by_name = {spec.name: spec for spec in (*joined, *specs)}
    found: dict[str, tuple[TensorSpec, bool]] = {}
    for one in request.outputs:
        spec = _find(one, by_name)
        if one.name in found:
            refuse(
                "repeated",
                f"the output {one.name[:80]!r} is asked for more than once",
                at=f"{one.at}.name",
                expected="each output once",
                hint="name it once in `outputs`",
            )
        found[one.name] = spec, one.binary
    return list(found.values())


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
