"""Decide when a value that is looked at again and again has changed and come to rest; pure, no clock."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Debounce(Generic[T]):
    """
    Compare each look with the one before and with the value that was accepted last.

    A change is due once the value differs from the `accepted` one and `quiet_looks` looks in a row saw no difference.
    """

    def __init__(self, accepted: T, quiet_looks: int) -> None:
        self.accepted = accepted
        self._quiet_looks = quiet_looks
        self._seen = accepted
        self._unchanged = 0

    def look(self, value: T) -> bool:
        """Take the next look; say whether a change is due."""
        self._unchanged = self._unchanged + 1 if value == self._seen else 0
        self._seen = value
        return value != self.accepted and self._unchanged >= self._quiet_looks

    def accept(self) -> T:
        """Accept the value of the last look, at rest or not; return the one that was accepted before."""
        before, self.accepted = self.accepted, self._seen
        return before
