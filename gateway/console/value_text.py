"""Values of inputs as texts of controls and links, and back: a number stays a number, whatever the route reads."""

import math
import re
from typing import Final

from gateway.schema import Scalar

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)
#: Digits that Python reads as one number in any case.
_MOST_DIGITS: Final = 400
#: Whole floats below this are written without an exponent.
_PLAIN: Final = 1e21


def value_text(value: Scalar | None) -> str:
    """Return a value as a control shows it: numbers as JavaScript writes them, no value as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < _PLAIN
        return str(int(value)) if whole else re.sub(r"e([+-])0*", r"e\1", repr(value))
    return str(value)


def lines_of(text: str) -> str:
    """Return a text with one kind of line ends: a form sends each of its names and values with CR LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def number_of(text: str) -> int | float | None:
    """Return the number that a number box holds, which is that of JSON; None for any other text."""
    text = text.strip()
    if len(text) > _MOST_DIGITS or not _NUMBER.fullmatch(text):
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None
