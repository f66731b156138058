"""Hints for texts that look like numbers: how to write them as JSON numbers. Never changes a value."""

import re
from typing import Final

_DECIMAL_COMMA: Final = re.compile(r"([+-]?)([0-9]*),([0-9]+)")
_COMMA_GROUPS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.[0-9]+|(?:,[0-9]{3}){2,})")
_POINT_GROUPS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,})")
#: Blanks (also the two that do not break, and the thin one) and apostrophes separate thousands and nothing else.
_OTHER_GROUPS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:[ \u00a0\u2009\u202f'\u2019][0-9]{3})+(?:[.,][0-9]+)?")
_SEPARATORS: Final = re.compile(r"[ \u00a0\u2009\u202f'\u2019]")
_JSON_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
#: Digits of a group of thousands.
_GROUP: Final = 3
_BOTH: Final = "send thousands without a comma and decimals with a point"


def number_hint(text: str, *, redact: bool, json: bool) -> str | None:
    """Return the hint for a number in the notation of another country, or in quotes; None for other texts."""
    text = text.strip()
    decimal = _DECIMAL_COMMA.fullmatch(text)
    if decimal is not None:
        return _comma_hint(*decimal.groups(), redact=redact)
    for pattern, plain in (
        (_COMMA_GROUPS, _without_commas),
        (_POINT_GROUPS, _without_points),
        (_OTHER_GROUPS, _joined),
    ):
        if pattern.fullmatch(text):
            hint = "send the number without separators of thousands, decimals with a point"
            return hint if redact else f"{hint}: {plain(text)}"
    return "in JSON a number has no quotes" if json and _JSON_NUMBER.fullmatch(text) else None


def _comma_hint(sign: str, whole: str, rest: str, *, redact: bool) -> str:
    """Tell the one reading of a number with one comma, or both where the comma may separate thousands."""
    if len(rest) != _GROUP or not 1 <= len(whole) <= _GROUP or whole.startswith("0"):
        return "use a decimal point" if redact else f"use a decimal point: {sign}{whole}.{rest}"
    decimals = rest.rstrip("0")
    fraction = f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
    return _BOTH if redact else f"it may mean {sign}{whole}{rest} or {fraction}: {_BOTH}"


def _without_commas(text: str) -> str:
    return text.replace(",", "")


def _without_points(text: str) -> str:
    return text.replace(".", "").replace(",", ".")


def _joined(text: str) -> str:
    return _SEPARATORS.sub("", text).replace(",", ".")


_GROUPED: Final = ((_COMMA_GROUPS, _without_commas), (_POINT_GROUPS, _without_points), (_OTHER_GROUPS, _joined))
