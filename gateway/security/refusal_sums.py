"""
Sums of refused requests: what the audit log tells of a flood instead of one line for each request.

Lines have a budget. Beyond it requests of one kind are counted together, and none is left out.
"""

from typing import Final, NamedTuple

#: Lines of single requests that one worker writes: so many a second, and so many at once.
LINES_A_SECOND: Final = 50
LINES_AT_ONCE: Final = 200
#: Seconds after which what was counted together is told.
TOLD_AFTER_S: Final = 2.0
#: Kinds of requests that are told apart: by all that is known, then by caller and status, then by status alone.
MOST_KINDS: Final = 64
_MOST_CALLERS: Final = 128
#: Stands where requests that differ are counted together.
SEVERAL: Final = "(several)"


class Refusal(NamedTuple):
    """Hold what the audit log tells of a refused request; `what` is its method."""

    who: str
    what: str
    route: str
    status: int
    rows: int
    request_id: str
    client: str


class Sum(NamedTuple):
    """Hold requests of one kind: how many, and what is known of them together."""

    refusal: Refusal
    times: int


_Kind = tuple[str, str, str, int]


class RefusalSums:
    """Decide which requests have a line of their own, and count the others; `now` is time.monotonic()."""

    __slots__ = ("_due", "_paid_until", "_sums")

    def __init__(self) -> None:
        self._paid_until = self._due = 0.0
        self._sums: dict[_Kind, Sum] = {}

    def has_line(self, now: float) -> bool:
        """Say whether the budget has one more line, and take it."""
        owed = max(self._paid_until - now, 0.0)
        if owed > (LINES_AT_ONCE - 1) / LINES_A_SECOND:
            return False
        self._paid_until = now + owed + 1 / LINES_A_SECOND
        return True

    def add(self, refusal: Refusal, now: float) -> None:
        """Count a request that has no line of its own."""
        if not self._sums:
            self._due = now + TOLD_AFTER_S
        kind = self._kind(refusal)
        before = self._sums.get(kind)
        if before is None:
            who, what, route, status = kind
            self._sums[kind] = Sum(refusal._replace(who=who, what=what, route=route, status=status), 1)
            return
        known, times = before
        client = known.client if known.client == refusal.client else SEVERAL
        self._sums[kind] = Sum(known._replace(rows=known.rows + refusal.rows, client=client), times + 1)

    def due(self, now: float) -> list[Sum]:
        """Return what is to be told now, and forget it."""
        if not self._sums or now < self._due:
            return []
        told = list(self._sums.values())
        self._sums.clear()
        return told

    def _kind(self, refusal: Refusal) -> _Kind:
        """Return as what a request is counted: paths and subjects of tokens are chosen by clients."""
        who, what, route, status = refusal[:4]
        for kind, most in (((who, what, route, status), MOST_KINDS), ((who, SEVERAL, SEVERAL, status), _MOST_CALLERS)):
            if kind in self._sums or len(self._sums) < most:
                return kind
        return SEVERAL, SEVERAL, SEVERAL, status
