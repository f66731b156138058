"""
Resolve plain scalars of YAML as YAML 1.2 does, without its remaining surprises.

`true false` (in any usual case) are booleans, `null ~` and an empty value are null, decimal numbers are numbers; all
else is text: `no`, `yes`, `on`, `off`, `2024-01-31`, `12:30`, `1_000`, `0x1F` and, because levels such as zip codes
would lose their meaning, digits with a leading zero.
"""

import re
from typing import Final

_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, bool | float | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((f"{sign}{word}" for sign in ("", "+") for word in (".inf", ".Inf", ".INF")), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
#: Above this a whole number is text: it is an identifier, and float64 could not hold it anyway.
_MOST_DIGITS: Final = 18
_FIRST_OF_NUMBER: Final = frozenset("+-.0123456789")


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of the plain (unquoted) scalar `text`."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST_OF_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text) if len(text.lstrip("+-")) <= _MOST_DIGITS else text
    return float(text) if _FLOAT.fullmatch(text) else text
