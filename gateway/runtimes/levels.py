"""Columns of levels -> row numbers of a table. Used by runtimes."""

from collections.abc import Callable

import msgspec

from gateway.runtimes.arrays import Floats
from gateway.schema import Column, Scalar


class LevelTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Hold a row of `values` for each of `keys`, and at the end one for missing and one for unknown levels."""

    keys: list[Scalar]
    values: Floats
    takes_missing: bool
    takes_unknown: bool


def level_finder(table: LevelTable) -> Callable[[Column], list[int]]:
    """Return a function from a column to row numbers of `values`."""
    keys = table.keys
    numbers = {key: number for number, key in enumerate(keys)}
    missing, unknown = len(keys), len(keys) + 1
    takes = {missing: table.takes_missing, unknown: table.takes_unknown}

    def place(value: Scalar) -> int:
        number = missing if value != value else unknown  # noqa: PLR0124 - only NaN differs from itself, at a fifth of isnan's cost
        if not takes[number]:
            raise ValueError(f"the model knows no level {value!r}")
        return number

    get = numbers.get

    def find(column: Column) -> list[int]:
        found = [get(value, -1) for value in column.tolist()]
        if -1 in found:
            found = [
                place(value) if number < 0 else number for number, value in zip(found, column.tolist(), strict=True)
            ]
        return found

    return find
