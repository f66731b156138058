"""
Reads from a session how its inputs are to be fed, and from the metadata properties what they are called.

Refuses inputs that are not rows of a known number of columns.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gateway.errors import ArtifactError, LoadError
from gateway.schema import Field, FieldType, Scalar

_TYPES: dict[str, tuple[FieldType, Any]] = {
    "tensor(float)": ("number", np.float32),
    "tensor(double)": ("number", np.float64),
    "tensor(float16)": ("number", np.float16),
    "tensor(int64)": ("integer", np.int64),
    "tensor(int32)": ("integer", np.int32),
    "tensor(string)": ("string", object),
    "tensor(bool)": ("boolean", np.bool_),
}
#: Dimensions of rows by columns.
_TABLE = 2


@dataclass(frozen=True, slots=True)
class GraphInput:
    """Describe one graph input: its share of the columns, (n, width) or (n,), and whether n must be 1."""

    name: str
    dtype: Any
    width: int
    is_flat: bool
    one_row: bool = False


def read_inputs(
    session: Any, meta: dict[str, str], levels: Mapping[str, tuple[Scalar, ...]]
) -> tuple[list[GraphInput], tuple[Field, ...], bool]:
    """Return the graph inputs, the fields they take, and whether those have names of their own."""
    wanted, made_up = [], []
    known = read_property(meta, "gateway.feature_names", [])
    nodes = session.get_inputs()
    for node in nodes:
        if node.type not in _TYPES:
            raise LoadError(f"input {node.name!r} is a {node.type}", code="unsupported-model", hint="only tensors fit")
        shape = list(node.shape)
        width = 1 if len(shape) == 1 else shape[-1]
        if isinstance(shape[0] if shape else None, int) and shape[0] != 1:
            raise LoadError(
                f"input {node.name!r} has shape {shape}: it takes exactly {shape[0]} rows at a time",
                code="unsupported-model",
                hint="export it with a dynamic first dimension (dynamic_axes in PyTorch)",
            )
        if not isinstance(width, int) and len(nodes) == 1 and known:
            width = len(known)
        if len(shape) > _TABLE or not isinstance(width, int):
            raise LoadError(
                f"input {node.name!r} has shape {shape}; rows of a known number of columns are needed",
                code="unsupported-model",
                hint="export with [None, columns], or set the metadata property gateway.feature_names",
            )
        wanted.append(GraphInput(node.name, _TYPES[node.type][1], width, len(shape) == 1, shape[:1] == [1]))
        prefix = "x" if len(nodes) == 1 else f"{node.name}_"
        made_up += [node.name] if width == 1 else [f"{prefix}{i}" for i in range(width)]
    if known and len(known) != len(made_up):
        raise LoadError(
            f"gateway.feature_names has {len(known)} names for {len(made_up)} columns",
            code="unsupported-model",
            hint="name every column once, in the order of the inputs",
        )
    kinds = [_TYPES[node.type][0] for node, part in zip(nodes, wanted, strict=True) for _ in range(part.width)]
    dtypes = [part.dtype for part in wanted for _ in range(part.width)]
    # Levels of a one-column input belong to its only field; the metadata says more than the graph.
    found = {new: levels[old] for old, new in zip(made_up, known or made_up, strict=True) if old in levels}
    told = found | read_property(meta, "gateway.levels", {})
    nullable = read_property(meta, "gateway.nullable", [])
    fields = tuple(
        Field(
            name=str(name),
            type=kind,
            enum=tuple(told[name]) if name in told else None,
            nullable=name in nullable,
            required=name not in nullable,
            **_limits(dtype),
        )
        for name, kind, dtype in zip(known or made_up, kinds, dtypes, strict=True)
    )
    return wanted, fields, bool(known) or all(part.width == 1 for part in wanted)


def _limits(dtype: Any) -> dict[str, Any]:
    """Return what a tensor of whole numbers can hold: anything else would be cut or wrapped without a word."""
    if np.dtype(dtype).kind != "i":
        return {}
    range_ = np.iinfo(dtype)
    is_long = range_.bits == np.iinfo(np.int64).bits  # the range of every integer field
    return {"whole": True} | ({} if is_long else {"minimum": int(range_.min), "maximum": int(range_.max)})


def read_property(meta: dict[str, str], key: str, default: Any) -> Any:
    """Return a metadata property, which is JSON of the same type as the default."""
    try:
        value = json.loads(meta[key]) if key in meta else default
    except ValueError as exc:
        raise ArtifactError(f"metadata {key} is not JSON: {exc}", code="broken-artifact", hint="write JSON") from exc
    if type(value) is not type(default):
        raise ArtifactError(
            f"metadata {key} holds a {type(value).__name__}, expected a {type(default).__name__}",
            code="broken-artifact",
            hint="README.md of the loaders shows the properties",
        )
    return value
