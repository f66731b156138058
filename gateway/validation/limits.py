"""The limits of a field as comparable values, and numbers written as text. Knows no messages."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.schema import MISSING, Field

Check: TypeAlias = Callable[[Any], Any]
Empty: TypeAlias = Callable[[], Any]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
#: Text that a pattern is tried on when the field has no maxLength: bounds the time of a large expression.
MAX_PATTERN_TEXT = 1_000


class Reject(Exception):
    """Refuse one value; the code says which rule it broke, `explain` finds the words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Hold the numeric rules of a field: an inclusive range, the levels, the codes that mean "missing".

    Exclusive limits become the next number inside, and open ends the largest finite one, so that a single chained
    comparison also refuses NaN and infinity.
    """

    low: float
    high: float
    levels: frozenset[Any] | None
    codes: frozenset[float]
    words: frozenset[str]


def limits_of(field: Field) -> Limits:
    """Compute the limits of a field of type number, integer or boolean."""
    low, high = -sys.float_info.max, sys.float_info.max
    if field.minimum is not None:
        low = max(low, field.minimum)
    if field.exclusive_minimum is not None:
        low = max(low, math.nextafter(field.exclusive_minimum, math.inf))
    if field.maximum is not None:
        high = min(high, field.maximum)
    if field.exclusive_maximum is not None:
        high = min(high, math.nextafter(field.exclusive_maximum, -math.inf))
    if field.type == "integer":
        low, high = _int_limits(field, low, high)
    codes, words = missing_codes(field)
    return Limits(low, high, None if field.enum is None else _levels(field), codes, words)


def _levels(field: Field) -> frozenset[Any]:
    """Return the levels in the type of the column, so that one by one and by array they compare alike."""
    levels = [level for level in field.enum or () if not isinstance(level, str)]
    if field.type == "number":
        return frozenset(map(float, levels))
    if field.type == "integer":
        return frozenset(int(level) for level in levels if level == int(level) and INT64_MIN <= level <= INT64_MAX)
    return frozenset(levels)


def _int_limits(field: Field, low: float, high: float) -> tuple[int, int]:
    """Round the range inwards; a limit given as int stays exact beyond 2**53."""
    lowest, highest = math.ceil(low), math.floor(high)
    if field.exclusive_minimum is not None:
        lowest = max(lowest, math.floor(field.exclusive_minimum) + 1)
    if field.exclusive_maximum is not None:
        highest = min(highest, math.ceil(field.exclusive_maximum) - 1)
    return max(lowest, INT64_MIN), min(highest, INT64_MAX)


def missing_codes(field: Field) -> tuple[frozenset[float], frozenset[str]]:
    """Split the `missing` codes into numbers and words; "-9" is a number, as it would be in a CSV cell."""
    codes: set[float] = set()
    words: set[str] = set()
    for code in field.missing:
        if isinstance(code, str):
            try:
                codes.add(parse_number(code))
            except Reject:
                words.add(code)
        elif not isinstance(code, bool):
            codes.add(code)
    return frozenset(codes), frozenset(words)


def parse_number(text: str) -> float:
    """Read a decimal number; refuse what only Python reads: nan, inf, 1_000, digits of other scripts."""
    try:
        value = float(text)
    except ValueError:
        raise Reject("type") from None
    if "_" in text or not text.isascii():
        raise Reject("type")
    if value - value != 0.0:
        raise Reject("not-finite")
    return value


def parse_integer(text: str) -> float:
    """Read a whole number exactly where it is written as one, else as a decimal number ("3.0", "1e3")."""
    if "_" not in text and text.isascii():
        try:
            return int(text)
        except ValueError:  # also beyond 4,300 digits, where Python stops
            pass
    return parse_number(text)


def null_value(field: Field) -> Any:
    if field.nullable:
        return MISSING
    raise Reject("null")
