"""Collect faults up to a limit while counting all, and format paths and values for JSON."""

import re
from typing import Any

from gateway.errors import Fault

#: Faults that an answer lists; the rest are only counted (docs/errors.md).
MAX_FAULTS = 100
#: Faults with a did-you-mean hint: the search takes up to 1 ms among 1,000 levels.
MAX_GUESSED = 10
_MAX_SHOWN = 80
_PLAIN_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,99}")


class Faults:
    """
    Count faults and keep the first ones.

    With `one_per_row`, stores the first fault of every row without limit, for callers that skip bad rows.
    """

    __slots__ = ("_last_row", "items", "one_per_row", "total")

    def __init__(self, *, one_per_row: bool = False) -> None:
        self.items: list[Fault] = []
        self.total = 0
        self.one_per_row = one_per_row
        self._last_row: int | None = None

    @property
    def may_guess(self) -> bool:
        """Say whether the next fault may spend the time of a did-you-mean search."""
        return len(self.items) < MAX_GUESSED

    def wants(self, row: int | None) -> bool:
        """Count a fault and tell whether it is worth writing down."""
        self.total += 1
        if self.one_per_row:
            new, self._last_row = row != self._last_row, row
            return new
        return len(self.items) < MAX_FAULTS


def printable(text: str, limit: int = _MAX_SHOWN) -> str:
    """Shorten a text and escape characters that no encoder takes."""
    if len(text) > limit:
        text = text[:limit] + "…"
    if text.isascii() and text.isprintable():
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def visible(name: str) -> str:
    """Return a name in quotes, with invisible characters (line breaks, non-breaking blanks) as escapes."""
    text = printable(name)
    return "'" + "".join(one if one.isprintable() else repr(one)[1:-1] for one in text) + "'"


def shown(value: Any) -> Any:
    """Return a value as a fault may carry it: a short, finite scalar or the name of a kind of value."""
    if isinstance(value, str):
        return printable(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if value.bit_length() < 64 else "an integer beyond 64 bits"  # noqa: PLR2004 - width of int64
    if isinstance(value, float):
        return value if value - value == 0.0 else str(value)
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"


def quoted(value: Any) -> str:
    """Return a value as a message names it: text in single quotes, JSON words for the rest."""
    if isinstance(value, str):
        return f"'{printable(value)}'"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(shown(value))


def member(path: str, name: str) -> str:
    """Append a member to a JSON path."""
    if _PLAIN_NAME.fullmatch(name):
        return f"{path}.{name}"
    escaped = printable(name).replace("\\", "\\\\").replace("'", "\\'")
    return f"{path}['{escaped}']"
