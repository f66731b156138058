"""Turns levels of categories into the codes by which trees know them. Knows no framework."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.errors import LoadError
from gateway.loaders.sklearn_levels import typed
from gateway.schema import Column, Field, Scalar


def field_of(name: str, levels: Sequence[Any]) -> Field:
    """Return the field of a column of categories whose levels are known: a missing one is missing."""
    kind, enum = typed(list(levels))
    return Field(name=name, type=kind, enum=enum, required=False, nullable=True)


def codes_of(field: Field, levels: Sequence[Any]) -> dict[Scalar, float]:
    """Return level -> code, as values of the field; raises LoadError where two levels would be one value."""
    keys = levels if field.enum is None else field.enum
    found = {key: float(code) for code, key in enumerate(keys)}
    if len(found) != len(levels):
        raise LoadError(
            f"two categories of the column {field.name!r} are one value in JSON: {list(levels)!s:.80}",
            code="unreadable-levels",
            hint="train with categories that are all text or all numbers",
        )
    return found


def encode(column: Column, codes: Mapping[Any, float]) -> npt.NDArray[np.float64]:
    """Return the codes of a column; NaN stands for a missing value and for a level that is not known."""
    return np.array([codes.get(value, np.nan) for value in column.tolist()], dtype=np.float64)
