"""
Read requests whose tensors are all raw numbers by what an equal one said: their JSON tells names, types and sizes only.

It is the same text for the same number of rows. Reading it anew takes a third of a small model's predict, as code that
has not run since the last request is slow.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

import numpy as np

from .schema import Field
from .tensors import DTYPES, columns_of, parse_json

#: Longer texts hold values, or hundreds of columns; more of them are many sizes of batches.
_MOST_BYTES = 32 * 1024
_MOST_PLANS = 128


class Plan(NamedTuple):
    """Hold what a request asks for, its rows, the bytes behind its JSON, and where each column lies in them."""

    asked: dict[str, Any]
    rows: int
    size: int
    #: Offset, datatype on the wire, and that of the column; None for booleans.
    places: list[tuple[int, Any, Any]]
    #: Whether the columns lie one after the other, all of them 64-bit floats.
    is_table: bool

    def columns(self, raw: bytes) -> list[Any]:
        """Return the columns of a request, which may be changed."""
        if self.is_table:
            return list(np.frombuffer(raw, DTYPES["FP64"]).reshape(len(self.places), self.rows).copy())
        return [self._column(raw, *place) for place in self.places]

    def _column(self, raw: bytes, offset: int, dtype: Any, target: Any) -> Any:
        if dtype.kind == "b":  # other bytes than 0 and 1 are no booleans of NumPy
            flags = np.frombuffer(raw, np.uint8, self.rows, offset) != 0
            return flags if target is None else flags.astype(target)
        return np.frombuffer(raw, dtype, self.rows, offset).astype(target)


class RequestPlans:
    """Read the requests of one model; used by several threads, which may at worst plan the same request twice."""

    def __init__(self, inputs: Sequence[Field]) -> None:
        self._inputs = inputs
        self._plans: dict[bytes, Plan] = {}

    def read(self, head: bytes, raw: bytes) -> tuple[dict[str, Any], list[Any], int]:
        """Return what a request says, its columns and its rows; raises ChildError."""
        plan = self._plans.get(head)
        if plan is not None and plan.size == len(raw):
            return plan.asked, plan.columns(raw), plan.rows
        asked = parse_json(head)
        columns, rows = columns_of(asked, raw, self._inputs)
        if raw and len(head) <= _MOST_BYTES and "id" not in asked:
            places = self._places(asked, rows)
            if places is not None:
                if len(self._plans) >= _MOST_PLANS:
                    self._plans.clear()
                self._plans[head] = Plan(asked, rows, len(raw), places, _is_table(places, rows))
        return asked, columns, rows

    def _places(self, asked: dict[str, Any], rows: int) -> list[tuple[int, Any, Any]] | None:
        """Return the places of the columns in the order of the inputs; None where one is not raw numbers."""
        found: dict[str, tuple[int, Any]] = {}
        offset = 0
        for tensor in asked["inputs"]:
            dtype = DTYPES.get(str(tensor["datatype"]))
            if dtype is None or "data" in tensor:
                return None
            found[tensor["name"]] = offset, dtype
            offset += rows * dtype.itemsize
        return [(*found[field.name], _target(field, found[field.name][1])) for field in self._inputs]


def _target(field: Field, dtype: Any) -> Any:
    kind = field.column_type
    if kind == "boolean":
        return None
    return np.int64 if kind == "integer" and dtype.kind != "f" else np.float64


def _is_table(places: list[tuple[int, Any, Any]], rows: int) -> bool:
    return all(
        offset == i * 8 * rows and dtype == DTYPES["FP64"] and target is np.float64
        for i, (offset, dtype, target) in enumerate(places)
    )
