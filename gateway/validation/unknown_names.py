"""The names in the rows of one request that no field has. Knows no rule."""

from collections.abc import Iterable

#: Name lists that are remembered per batch; rows with further name lists are checked one by one.
_MAX_SEEN = 1_000
#: Rows of one batch whose names are compared letter by letter with absent fields, and names of each.
_MAX_COMPARED = 2_000
_SHARE = 200


class Strangers:
    """
    Collect the names of rows that belong to no field; used by one request.

    `header` are the unknown names of a table, whose rows need no further check; `seen` the name lists already checked.
    """

    __slots__ = ("_found", "_left", "header", "seen")

    def __init__(self, header: tuple[str, ...] | None = None) -> None:
        self.header = header
        self.seen: set[tuple[str, ...]] = set()
        self._found: dict[str, None] = {}
        self._left = _MAX_COMPARED

    def share(self) -> int:
        """Return how many names of the next row may be compared letter by letter; unused ones do not carry over."""
        share = min(_SHARE, self._left)
        self._left -= 1 if share else 0
        return share

    def note(self, names: tuple[str, ...]) -> None:
        """Note the names of a row that was judged and is good."""
        if len(self.seen) < _MAX_SEEN:
            self.seen.add(names)

    def add(self, names: Iterable[str]) -> None:
        """Note names that are ignored."""
        self._found.update(dict.fromkeys(names))

    def names(self) -> tuple[str, ...]:
        """Return all names that are ignored."""
        return tuple(self._found) if self.header is None else self.header
