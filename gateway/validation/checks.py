"""One closure per field and kind of source: value in, checked value (or MISSING) or `Reject` out. Knows no messages."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gateway.errors import LoadError
from gateway.schema import MISSING, Field
from gateway.validation.limits import Check, Empty, FieldLimits, Reject, limits_of
from gateway.validation.numbers import compile_boolean, compile_numeric
from gateway.validation.reading import PLAIN, Reading, lenient
from gateway.validation.texts import compile_string, level_text


@dataclass(frozen=True, slots=True)
class FieldChecks:
    """
    Hold the compiled rules of a field.

    `json` takes decoded JSON values, `text` takes cells and parameters (and typed cells of a spreadsheet), `absent`
    is called when no source names the field. All three are pure and thread-safe.
    """

    field: Field
    names: tuple[str, ...]
    json: Check
    text: Check
    absent: Callable[[], Any]
    limits: FieldLimits | None
    reading: Reading = PLAIN


def compile_field(field: Field, reading: Reading = PLAIN) -> FieldChecks:
    """Compile a field; raises LoadError for a pattern or a default that can never work."""
    if reading.booleans_as_numbers and field.type in {"number", "integer"}:
        field = replace(field, booleans_as_numbers=True)
    limits = None if field.type == "string" else limits_of(field)
    empty = _empty(field)
    json, text = _COMPILERS[field.type](field, limits, empty)
    _verify_default(field, json)
    if reading != PLAIN:
        json, text = lenient(field, reading, (json, text), empty)
    names = (field.name, *(alias for alias in field.aliases if alias != field.name))
    return FieldChecks(field, names, json, _text(field, json, text, empty), _absent(field), limits, reading)


def _default(field: Field) -> Any:
    """Return the default as the model gets it, None when there is none."""
    default = field.default
    if default is None or isinstance(default, bool):
        return default
    if default in field.missing:
        return MISSING
    if field.type == "string":
        return level_text(default)
    if field.type == "integer" and isinstance(default, float) and default.is_integer():
        return int(default)
    return default


def _verify_default(field: Field, json: Check) -> None:
    if field.default is None or (field.default == "" and field.enum is None):
        return
    try:
        json(field.default if field.type != "string" else level_text(field.default))
    except Reject as reject:
        raise LoadError(
            f"the default {field.default!r} of input {field.name} breaks its own rule ({reject.code})",
            code="default",
            hint="change the default or the rule",
        ) from None


def _absent(field: Field) -> Empty:
    default = _default(field)

    def absent() -> Any:
        if default is not None:
            return default
        if field.required:
            raise Reject("required")
        return MISSING

    return absent


def _empty(field: Field) -> Empty:
    """Return the function for an empty cell or parameter: missing, the default, or a fault."""
    default = _default(field)

    def empty() -> Any:
        if field.nullable:
            return MISSING
        if default is not None:
            return default
        if field.required:
            raise Reject("empty")
        return MISSING

    return empty


def _text(field: Field, json: Check, text: Check, empty: Empty) -> Check:
    """Wrap the reader of text with the rules of all types: empty is absent, typed cells are checked like JSON."""
    empty_is_text = field.type == "string" and (field.min_length == 0 or (field.enum is not None and "" in field.enum))

    def check(value: Any) -> Any:
        if type(value) is str and value:
            return text(value)
        if value is None or (value == "" and not empty_is_text):
            return empty()
        return json(value)

    return check


_COMPILERS: dict[str, Callable[[Field, FieldLimits | None, Empty], tuple[Check, Check]]] = {
    "number": compile_numeric,
    "integer": compile_numeric,
    "boolean": compile_boolean,
    "string": compile_string,
}
