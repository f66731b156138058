"""Hints for texts that look like numbers: how to send them, and what in the registry admits them. Changes no value."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final

from gateway.validation.reading import Reading

_DECIMAL_COMMA: Final = re.compile(r"([+-]?)([0-9]*),([0-9]+)(?:[eE][+-]?[0-9]+)?")
_DECIMAL_POINT: Final = re.compile(r"([+-]?)([0-9]*)\.([0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMA_GROUPS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.[0-9]+|(?:,[0-9]{3}){2,})")
_POINT_GROUPS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,})")
#: Blanks (also the two that do not break, and the thin one) separate thousands and nothing else.
_BLANK_GROUPS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:[ \u00a0\u2009\u202f][0-9]{3})+(?:[.,][0-9]+)?")
_SWISS_GROUPS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:['\u2019][0-9]{3})+(?:[.,][0-9]+)?")
_SEPARATORS: Final = re.compile(r"[ \u00a0\u2009\u202f'\u2019]")
_INDIAN_GROUPS: Final = re.compile(r"[+-]?[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?")
_JSON_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_POWER: Final = re.compile(r"[0-9][eE][+-]?[0-9]+$")
#: A number with something before or behind it: a currency, a unit, the minus of an accountant.
_DECORATED: Final = re.compile(r"(\D{0,9}?)\s*([+-]?[0-9][0-9.,' \u00a0\u202f]*)\s*([^0-9,.]{0,20})")
#: How a row below a table begins that is none.
_SUMS: Final = ("total", "sum", "average", "mean", "gesamt", "mittelwert", "somme", "moyenne", "media", "promedio")
#: Digits of a group of thousands.
_GROUP: Final = 3
_BOTH: Final = "send thousands without a comma and decimals with a point"
_PLAIN: Final = "send the number without separators of thousands, decimals with a point"


def number_hint(text: str, reading: Reading, *, redact: bool, json: bool) -> str | None:
    """Return the hint for a number in the notation of another country, or in quotes; None for other texts."""
    text = text.strip()
    quotes: dict[str, Any] = {"numbers_in_quotes": True} if json else {}
    if json and _JSON_NUMBER.fullmatch(text) and reading.decimal == ".":
        return f"in JSON a number has no quotes{cure(reading, **quotes)}"
    if reading.thousands and _POWER.search(text) and reading.thousands in text:
        return "write a number with a power of ten without separators of thousands"
    decimal = _DECIMAL_COMMA.fullmatch(text)
    if decimal is not None:
        return _comma_hint(decimal, reading, quotes, redact=redact)
    pointed = _DECIMAL_POINT.fullmatch(text)
    if pointed is not None and reading.decimal == ",":
        return _point_hint(pointed, reading, quotes, redact=redact)
    for pattern, plain, keys in _GROUPED:
        if pattern.fullmatch(text):
            told = _PLAIN if redact else f"{_PLAIN}: {plain(text)}"
            decimals: dict[str, Any] = {"decimal": ","} if "," in text and "decimal" not in keys else {}
            return told + cure(reading, **decimals, **keys, **quotes)
    return _decorated_hint(text)


def cure(reading: Reading, **keys: Any) -> str:
    """Return the end of a hint: the line of the registry that would admit the value; nothing where it is there."""
    said = {"decimal": reading.decimal, "thousands": reading.thousands, **keys}
    if all(getattr(reading, name) == value for name, value in keys.items()) or said["decimal"] == said["thousands"]:
        return ""
    return f"; or let the registry say for this route: {reading.with_keys(**keys)}"


def _comma_hint(number: re.Match[str], reading: Reading, quotes: dict[str, Any], *, redact: bool) -> str:
    """Tell the one reading of a number with one comma, or both where the comma may separate thousands."""
    sign, whole, rest = number.groups()
    if not _may_group(whole, rest):
        told = "use a decimal point" if redact else f"use a decimal point: {sign}{whole}.{rest}"
        return told + cure(reading, decimal=",", **quotes)
    if "," in (reading.decimal, reading.thousands):
        return f"in JSON a number has no quotes{cure(reading, **quotes)}"
    thousands = reading.with_keys(decimal=".", thousands=",", **quotes)
    decimals = reading.with_keys(decimal=",", **quotes)
    if redact:
        return f"{_BOTH}; or let the registry say for this route {thousands} for thousands, {decimals} for decimals"
    many, few = f"{sign}{whole}{rest}", _fraction(sign, whole, rest)
    choice = f"for this route {thousands} to read the first, {decimals} to read the second"
    return f"it may mean {many} or {few}: {_BOTH}; or let the registry say {choice}"


def whole_hint(value: Any, reading: Reading, *, redact: bool) -> str | None:
    """Return the hint for a text that is read as a fraction, where the comma may separate thousands."""
    found = _DECIMAL_COMMA.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or reading.decimal != "," or not _may_group(found[2], found[3]):
        return None
    told = "the comma separates decimals here: leave it out where it is to separate thousands"
    return (
        told
        if redact
        else f"it is read as {_fraction(*found.group(1, 2, 3))}, and may mean {found[1]}{found[2]}{found[3]}; {told}"
    )


def _point_hint(number: re.Match[str], reading: Reading, quotes: dict[str, Any], *, redact: bool) -> str:
    """Tell how to write a number with a point where the decimal sign of the route is the comma."""
    sign, whole, rest = number.groups()
    if reading.thousands == ".":
        told = "the point separates groups of three digits here, decimals have a comma"
        return told if redact or _may_group(whole, rest) else f"{told}: {sign}{whole},{rest}"
    if not _may_group(whole, rest):
        return f"in JSON a number has no quotes{cure(reading, **quotes)}"
    told = "the decimal sign is the comma here, so the point may separate thousands: leave it out, or write a comma"
    cured = cure(reading, thousands=".", **quotes)
    return (
        told + cured if redact else f"it may mean {sign}{whole}{rest} or {_fraction(sign, whole, rest)}; {told}{cured}"
    )


def _may_group(whole: str, rest: str) -> bool:
    return len(rest) == _GROUP and 1 <= len(whole) <= _GROUP and not whole.startswith("0")


def _fraction(sign: str, whole: str, rest: str) -> str:
    decimals = rest.rstrip("0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def _decorated_hint(text: str) -> str | None:
    """Tell what stands beside a number and cannot be read, without guessing at the number."""
    if _INDIAN_GROUPS.fullmatch(text):
        return "thousands are grouped in threes; send the digits of this Indian grouping without commas"
    if text.casefold().startswith(_SUMS):
        return "a sum or a note below the table is no row: delete it"
    if len(text) > 1 and text[0] == text[-1] == '"':
        return "delete the blank before the quote, which makes it a part of the value"
    if text.startswith("\u2212"):
        return "write the minus as a hyphen: -"
    found = _DECORATED.fullmatch(text)
    if found is None or not (found[1] or found[3]):
        return None
    beside = found[1] + found[3]
    if beside == "()" or found[3] == "-":
        return "write a negative number with a minus before it"
    if "%" in beside or "\u2030" in beside:
        return "send the number without the percent sign, as a fraction or of a hundred: as the model was trained"
    if any(unicodedata.category(one) == "Sc" for one in beside):
        return "send the number alone, without a currency"
    return "send the number alone, without a unit" if found[3] and not found[1] else None


def _without_commas(text: str) -> str:
    return text.replace(",", "")


def _without_points(text: str) -> str:
    return text.replace(".", "").replace(",", ".")


def _joined(text: str) -> str:
    return _SEPARATORS.sub("", text).replace(",", ".")


_GROUPED: Final[tuple[tuple[re.Pattern[str], Callable[[str], str], dict[str, Any]], ...]] = (
    (_COMMA_GROUPS, _without_commas, {"decimal": ".", "thousands": ","}),
    (_POINT_GROUPS, _without_points, {"decimal": ",", "thousands": "."}),
    (_BLANK_GROUPS, _joined, {"thousands": " "}),
    (_SWISS_GROUPS, _joined, {"thousands": "'"}),
)
