"""A circuit breaker: stops asking a server that fails again and again, and lets one call at a time try it."""

import threading
import time
from typing import Final, Literal, TypeAlias

State: TypeAlias = Literal["closed", "open", "half-open"]
Admitted: TypeAlias = Literal["call", "trial"]

#: Failures in a row that open it, and how long it stays open: doubled by each trial that fails.
FAILURES: Final = 5
FIRST_S: Final = 1.0
LONGEST_S: Final = 30.0


class Breaker:
    """
    Count failures in a row: closed -> open after FAILURES -> half-open for one trial after FIRST_S -> closed, or open.

    Thread-safe; nothing is held during a call, so calls run side by side.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._open_s = FIRST_S
        self._until = 0.0
        self._is_trying = False

    @property
    def state(self) -> State:
        """Return the state; an open breaker whose time has passed is half-open."""
        if self._failures < FAILURES:
            return "closed"
        return "half-open" if time.monotonic() >= self._until else "open"

    @property
    def retry_after_s(self) -> float:
        """Return how long it stays open, 0 where it is not."""
        return max(self._until - time.monotonic(), 0.0) if self._failures >= FAILURES else 0.0

    def admit(self) -> Admitted | None:
        """Say whether a call may go, as the only trial or as any other; None where it may not."""
        if self._failures < FAILURES:
            return "call"
        with self._lock:
            if self._failures < FAILURES:
                return "call"
            if self._is_trying or time.monotonic() < self._until:
                return None
            self._is_trying = True
            return "trial"

    def succeeded(self, call: Admitted) -> None:
        """Note that the server answered; closes."""
        if not self._failures:
            return
        with self._lock:
            self._failures, self._open_s = 0, FIRST_S
            self._is_trying = self._is_trying and call != "trial"

    def failed(self, call: Admitted) -> None:
        """Note that the server did not answer, or not in time; calls from before it opened no longer count."""
        with self._lock:
            is_trial = call == "trial" and self._is_trying
            if self._failures >= FAILURES and not is_trial:
                return
            if is_trial:
                self._open_s = min(self._open_s * 2, LONGEST_S)
                self._is_trying = False
            self._failures += 1
            if self._failures >= FAILURES:
                self._until = time.monotonic() + self._open_s

    def reset(self) -> None:
        """Close: what is asked from now on is not what failed."""
        with self._lock:
            self._failures, self._open_s, self._is_trying = 0, FIRST_S, False

    def undecided(self, call: Admitted) -> None:
        """Note that a call ended without telling anything about the server; another trial may begin."""
        with self._lock:
            self._is_trying = self._is_trying and call != "trial"
