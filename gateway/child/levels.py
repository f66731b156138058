"""Tells the type of a column from the levels that training saw, and turns levels into the codes that trees know."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from .faults import LoadError
from .schema import Field, Scalar

#: What `prefix_sep` of pandas.get_dummies usually is.
_SEPARATORS = "_-=.:|/ "
#: Levels of columns with two values: `drop_first=True` leaves one dummy of these, without a sibling.
_OF_TWO = frozenset(
    ["0", "1", "0.0", "1.0", "f", "false", "female", "m", "male", "n", "no", "off", "on", "t", "true", "y", "yes"]
)


def is_missing(value: Any) -> bool:
    """Say whether a level stands for a missing value."""
    return value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and math.isnan(value))


def typed(levels: Sequence[Any]) -> tuple[str, tuple[Scalar, ...] | None]:
    """Return the type of a field and its levels as JSON values; booleans need no list."""
    if levels and all(isinstance(value, bool) for value in levels):
        return "boolean", None
    if all(isinstance(value, (int, float)) and float(value).is_integer() for value in levels):
        return "integer", tuple(int(value) for value in levels)
    if all(isinstance(value, (int, float)) for value in levels):
        return "number", tuple(levels)
    return "string", tuple(str(value) for value in levels)


def plain(value: Any) -> Scalar:
    """Turn a NumPy scalar into the JSON type it stands for; text, whole numbers and booleans stay what they are."""
    found: Any = value.item() if isinstance(value, np.generic) else value
    return found if isinstance(found, (str, int, float, bool)) else str(found)


def field_of(name: str, levels: Sequence[Any]) -> Field:
    """Return the field of a column of categories whose levels are known: a missing one is missing."""
    kind, enum = typed(levels)
    return Field(name=name, type=kind, enum=enum, required=False, nullable=True)


def codes_of(field: Field, levels: Sequence[Any]) -> dict[Any, float]:
    """Return level -> code, as values of the field; raises LoadError where two levels would be one value."""
    keys = levels if field.enum is None else field.enum
    found = {key: float(code) for code, key in enumerate(keys)}
    if len(found) != len(levels):
        raise LoadError(
            "child-signature",
            f"two categories of the column {field.name!r} are one value in JSON",
            "train with categories that are all text or all numbers",
        )
    return found


def encode(column: Any, codes: Mapping[Any, float]) -> Any:
    """Return the codes of a column; NaN stands for a missing value and for a level that is not known."""
    return np.array([codes.get(value, np.nan) for value in column.tolist()], dtype=np.float64)


def with_dummies(fields: Sequence[Field]) -> tuple[Field, ...]:
    """
    Return the fields, of which numbers that are dummies by name (pandas.get_dummies) take true and false.

    They are appended: a dummy is in the run of separated names at the end, and shares what precedes a separator with a
    neighbour, or names one of two levels.
    """
    start = len(fields)
    while start and _is_candidate(fields[start - 1]):
        start -= 1
    shared = Counter(prefix for field in fields[start:] for prefix in _prefixes(field.name))
    return (*fields[:start], *[_marked(field, shared) for field in fields[start:]])


def _is_candidate(field: Field) -> bool:
    return field.type == "number" and field.enum is None and any(_prefixes(field.name))


def _prefixes(name: str) -> Iterator[str]:
    for at in range(1, len(name) - 1):
        if name[at] in _SEPARATORS:
            yield name[: at + 1]


def _marked(field: Field, shared: Mapping[str, int]) -> Field:
    prefixes: list[str] = list(_prefixes(field.name))
    has_sibling = any(shared[prefix] > 1 for prefix in prefixes)
    is_of_two = any(field.name[len(prefix) :].lower() in _OF_TWO for prefix in prefixes)
    return replace(field, booleans_as_numbers=True) if has_sibling or is_of_two else field
