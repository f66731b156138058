"""Texts that a spreadsheet would run as a formula. Knows no format."""

import re
from typing import Final

# OWASP "CSV injection": also after a tab or line end, or in full width.
_FORMULA: Final = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_PLAIN_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet would run a text; plain numbers such as -5 are none."""
    return bool(text) and _FORMULA.match(text) is not None and _PLAIN_NUMBER.fullmatch(text) is None


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run."""
    return "'" + text if is_formula(text) else text
