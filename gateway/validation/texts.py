"""Checks of string fields: levels of an enum, or free text with length and pattern."""

import re
from typing import Any

from gateway.errors import LoadError
from gateway.schema import MISSING, Field
from gateway.validation.limits import (
    INT64_MAX,
    INT64_MIN,
    MAX_PATTERN_TEXT,
    Check,
    Empty,
    FieldLimits,
    Reject,
    null_value,
)
from gateway.validation.patterns import PatternError, Search, compile_pattern

_INTEGRAL = re.compile(r"[ \t]*([+-]?[0-9]{1,19})\.0*[ \t]*")
#: A level that a spreadsheet would run, as answers in CSV write it: what they hold can be sent again.
_ESCAPED = re.compile("'([=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20].*)", re.DOTALL)


def compile_string(field: Field, _limits: FieldLimits | None, empty: Empty) -> tuple[Check, Check]:
    return _compile_levels(field, empty) if field.enum is not None else _compile_free_text(field, empty)


def _compile_levels(field: Field, empty: Empty) -> tuple[Check, Check]:
    table: dict[str, Any] = {level_text(level): level_text(level) for level in field.enum or ()}
    table.update({level_text(code): MISSING for code in field.missing})

    def outside(value: Any) -> Any:
        if value == "":
            return empty()
        if field.unknown == "missing":
            return MISSING
        raise Reject("enum")

    def json(value: Any) -> Any:
        kind = type(value)
        if kind is str:
            found = table.get(value)
            return outside(value) if found is None else found
        if value is None:
            return null_value(field)
        if kind is not int and kind is not float:
            raise Reject("type")
        # A client that read the codes 1, 2, 3 as numbers means the levels "1", "2", "3".
        if INT64_MIN <= value <= INT64_MAX and value == int(value):
            value = str(int(value))
        found = table.get(value)
        return outside(value) if found is None else found

    def text(value: str) -> Any:
        found = table.get(value)
        if found is not None:
            return found
        meant = _INTEGRAL.fullmatch(value) or _ESCAPED.fullmatch(value)
        found = None if meant is None else table.get(meant[1])
        return outside(value) if found is None else found

    return json, text


def level_text(level: Any) -> str:
    return str(int(level)) if isinstance(level, float) and level.is_integer() else str(level)


def _compile_free_text(field: Field, empty: Empty) -> tuple[Check, Check]:
    pattern = _pattern(field)
    codes = frozenset(level_text(code) for code in field.missing)
    shortest = 1 if field.min_length is None else field.min_length
    longest = field.max_length
    if longest is None and pattern is not None:
        longest = MAX_PATTERN_TEXT

    def json(value: Any) -> Any:
        if type(value) is not str:
            if value is None:
                return null_value(field)
            value = _digits(value, field)
        if codes and value in codes:
            return MISSING
        if len(value) < shortest:
            if value:
                raise Reject("min-length")
            return empty()
        if longest is not None and len(value) > longest:
            raise Reject("max-length")
        if not clean(value):
            raise Reject("text")
        if pattern is not None and not pattern(value):
            raise Reject("pattern")
        return value

    return json, json


def _digits(value: Any, field: Field) -> str:
    """Return the digits of a whole number where the field takes it so."""
    if field.takes_integers and type(value) in {int, float} and INT64_MIN <= value <= INT64_MAX and value == int(value):
        return str(int(value))
    # Else a number is refused: the model may have seen "5", "5.0" or "05".
    raise Reject("type")


def clean(value: str) -> bool:
    """Tell whether a text has no NUL (C libraries cut there) and no lone surrogates (no encoder takes them)."""
    if "\0" in value:
        return False
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    return True


def _pattern(field: Field) -> Search | None:
    if field.pattern is None:
        return None
    try:
        return compile_pattern(field.pattern)
    except PatternError as error:
        raise LoadError(f"the pattern of input {field.name} {error}", code="pattern", hint=error.fix) from None
