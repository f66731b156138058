"""Tells the type of a column from the levels that an encoder learnt. Knows no estimator."""

import math
from typing import Any

from gateway.schema import FieldType, Scalar


def is_missing(value: Any) -> bool:
    """Say whether a level stands for a missing value."""
    return value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and math.isnan(value))


def typed(levels: list[Any]) -> tuple[FieldType, tuple[Scalar, ...] | None]:
    """Return the type of a field and its levels as JSON values; booleans need no list."""
    if levels and all(isinstance(value, bool) for value in levels):
        return "boolean", None
    if all(isinstance(value, int | float) and float(value).is_integer() for value in levels):
        return "integer", tuple(int(value) for value in levels)
    if all(isinstance(value, int | float) for value in levels):
        return "number", tuple(levels)
    return "string", tuple(str(value) for value in levels)
