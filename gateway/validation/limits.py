"""The limits of a field as comparable values, and numbers written as text. Knows no messages."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gateway.schema import MISSING, Field
from gateway.validation.ranges import inclusive_range

Check: TypeAlias = Callable[[Any], Any]
Empty: TypeAlias = Callable[[], Any]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_FLOAT_MAX: Final = sys.float_info.max
#: Text that a pattern is tried on when the field has no maxLength: bounds the time of a large expression.
MAX_PATTERN_TEXT = 1_000


class Reject(Exception):
    """Refuse one value; the code says which rule it broke, `explain` finds the words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class FieldLimits:
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


def limits_of(field: Field) -> FieldLimits:
    """Compute the limits of a field of type number, integer or boolean."""
    least, greatest = (INT64_MIN, INT64_MAX) if field.type == "integer" else (-_FLOAT_MAX, _FLOAT_MAX)
    low, high = inclusive_range(field)
    codes, words = missing_codes(field)
    levels = None if field.enum is None else _levels(field)
    return FieldLimits(max(low, least), min(high, greatest), levels, codes, words)


def _levels(field: Field) -> frozenset[Any]:
    """Return the levels in the type of the column, so that single values and arrays compare alike."""
    levels = [level for level in field.enum or () if not isinstance(level, str)]
    if field.type == "number":
        return frozenset(map(float, levels))
    if field.type == "integer":
        return frozenset(int(level) for level in levels if level == int(level) and INT64_MIN <= level <= INT64_MAX)
    return frozenset(levels)


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
    """Read a decimal number; refuse forms that only Python reads: nan, inf, 1_000, digits of other scripts."""
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
