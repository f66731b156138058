"""Columns of levels -> row numbers of a table. Used by runtimes."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.schema import Column


def level_finder(part: Mapping[str, Any]) -> Callable[[Column], list[int]]:
    """Return a function from a column to row numbers of `values`, whose last two are for missing and for unknown."""
    keys = part["keys"]
    numbers = {key: number for number, key in enumerate(keys)}
    missing, unknown = len(keys), len(keys) + 1

    def place(value: Any) -> int:
        number = missing if value != value else unknown  # noqa: PLR0124 - only NaN differs from itself, at a fifth of isnan's cost
        if not part["takes_missing" if number == missing else "takes_unknown"]:
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
