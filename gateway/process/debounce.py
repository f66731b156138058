"""Debounce a polled value: decide when it has changed and stopped changing; pure, no clock."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Debounce(Generic[T]):
    """
    Compare each polled value with the one before and with the value that was accepted last.

    A change is due once the value differs from the `accepted` one and `quiet_looks` polls in a row saw the same value.
    """

    def __init__(self, accepted: T, quiet_looks: int) -> None:
        self.accepted = accepted
        self._quiet_looks = quiet_looks
        self._seen = accepted
        self._unchanged = 0

    def look(self, value: T) -> bool:
        """Take the next polled value; say whether a change is due."""
        self._unchanged = self._unchanged + 1 if value == self._seen else 0
        self._seen = value
        return value != self.accepted and self._unchanged >= self._quiet_looks

    def accept(self) -> T:
        """Accept the value of the last poll, stable or not; return the one that was accepted before."""
        before, self.accepted = self.accepted, self._seen
        return before
