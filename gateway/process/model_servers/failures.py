"""
How often a model server has ended by itself: how long to wait before the next start, and when to give up.

Pure; times are those of one clock.
"""

from typing import Final

#: Wait before the next start, doubled with each failure in a row.
FIRST_DELAY_S: Final = 0.1
MOST_DELAY_S: Final = 10.0
#: A server that lived this long has recovered: the next failure is the first of a row.
RECOVERED_S: Final = 60.0
#: So many failures within WINDOW_S are no accident.
LIMIT: Final = 5
WINDOW_S: Final = 60.0


class Failures:
    """Remember the failures of one instance."""

    def __init__(self) -> None:
        self.total = 0
        self._row = 0
        self._times: list[float] = []

    def add(self, now: float, lived_s: float) -> None:
        """Record that the instance ended by itself after `lived_s`."""
        self.total += 1
        self._row = 1 if lived_s >= RECOVERED_S else self._row + 1
        self._times = [*(at for at in self._times if now - at < WINDOW_S), now]

    @property
    def delay_s(self) -> float:
        """Return how long to wait before the next start."""
        return float(min(FIRST_DELAY_S * 2 ** (self._row - 1), MOST_DELAY_S)) if self._row else 0.0

    @property
    def is_hopeless(self) -> bool:
        """Say whether the last failures came so fast that another start would be in vain."""
        return len(self._times) >= LIMIT

    def forget(self) -> None:
        """Begin anew; the total stays."""
        self._row = 0
        self._times = []
