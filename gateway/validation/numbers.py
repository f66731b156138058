"""Checks of number, integer and boolean fields, from JSON values and from text."""

from typing import Any

from gateway.schema import MISSING, Field
from gateway.validation.limits import (
    INT64_MAX,
    INT64_MIN,
    Check,
    Empty,
    FieldLimits,
    Reject,
    null_value,
    parse_integer,
    parse_number,
)

_WORDS = {"true": True, "false": False}
_BOOLEAN_TEXT = _WORDS | {"1": True, "0": False}


def _numeric(field: Field, limits: FieldLimits) -> Check:
    """Check JSON numbers for number and integer fields."""
    low, high, levels, codes, words = limits.low, limits.high, limits.levels, limits.codes, limits.words
    whole, takes_booleans = field.type == "integer", field.booleans_as_numbers

    def check(value: Any) -> Any:
        kind = type(value)
        if kind is bool and takes_booleans:
            value = 1 if value else 0
            kind = int
        if kind is float or kind is int:
            if codes and value in codes:
                return MISSING
            if whole and kind is float:
                value = _whole(value)
            if low <= value <= high and (levels is None or value in levels):
                return value
            return _outside(field, value)
        if value is None:
            return null_value(field)
        if kind is str and value in words:
            return MISSING
        raise Reject("type")

    return check


def _whole(value: float) -> int:
    if value - value != 0.0:
        raise Reject("not-finite")
    if not value.is_integer():
        raise Reject("not-integer")
    return int(value)


def _outside(field: Field, value: float) -> Any:
    """Name the rule that a number outside the limits breaks."""
    if field.type == "integer" and not INT64_MIN <= value <= INT64_MAX:
        raise Reject("too-large")
    if field.minimum is not None and value < field.minimum:
        raise Reject("minimum")
    if field.exclusive_minimum is not None and value <= field.exclusive_minimum:
        raise Reject("exclusive-minimum")
    if field.maximum is not None and value > field.maximum:
        raise Reject("maximum")
    if field.exclusive_maximum is not None and value >= field.exclusive_maximum:
        raise Reject("exclusive-maximum")
    if isinstance(value, float) and value - value != 0.0:
        raise Reject("not-finite")
    if field.enum is not None and value not in field.enum:
        if field.unknown == "missing":
            return MISSING
        raise Reject("enum")
    raise Reject("too-large")


def compile_numeric(field: Field, limits: FieldLimits | None, empty: Empty) -> tuple[Check, Check]:
    assert limits is not None  # noqa: S101 - narrows the type, compile_field passes it
    json, words = _numeric(field, limits), limits.words
    parse = parse_integer if field.type == "integer" else parse_number
    takes_booleans = field.booleans_as_numbers

    def text(value: str) -> Any:
        if value in words:
            return MISSING
        if value.isspace():
            return empty()
        if takes_booleans and (found := _WORDS.get(value.strip().lower())) is not None:
            return json(found)
        return json(parse(value))

    return json, text


def compile_boolean(field: Field, limits: FieldLimits | None, empty: Empty) -> tuple[Check, Check]:
    assert limits is not None  # noqa: S101 - narrows the type, compile_field passes it
    words, codes, levels, takes_numbers = limits.words, limits.codes, limits.levels, field.booleans_as_numbers

    def json(value: Any) -> Any:
        kind = type(value)
        if takes_numbers and (kind is int or kind is float) and value in (0, 1) and value not in codes:
            value, kind = bool(value), bool
        if kind is bool:
            if levels is None or value in levels:
                return value
            if field.unknown == "missing":
                return MISSING
            raise Reject("enum")
        if value is None:
            return null_value(field)
        if (kind is str and value in words) or ((kind is int or kind is float) and value in codes):
            return MISSING
        raise Reject("type")

    def text(value: str) -> Any:
        if value in words:
            return MISSING
        stripped = value.strip().lower()
        if not stripped:
            return empty()
        found = _BOOLEAN_TEXT.get(stripped)
        if codes and (found is None or stripped in "01") and parse_number(stripped) in codes:
            return MISSING
        if found is None:
            raise Reject("type")
        return json(found)

    return json, text
