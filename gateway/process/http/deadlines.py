"""Track the waits of a worker's connections: end overdue ones, and shed idle connections when slots run out."""

import heapq
import select
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from gateway.process.http.fair_admission import is_spent

#: A shorter wait does not count as idle: a client that has just connected is about to send a request.
IDLE_S: Final = 1.0


class Waiting(Protocol):
    """Describe a waiting connection: its stage, the begin and end of its wait, and its waiter."""

    stage: Any
    since: float
    until: float

    @property
    def waiter(self) -> Any:
        """Return the waiter of the present wait."""
        ...

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        ...

    def end(self, waiter: Any, *, is_shed: bool) -> None:
        """End the wait of that waiter."""
        ...


class Waits:
    """
    Hold every connection that waits for its client.

    A wait costs two entries in a set and no timer: `end_overdue`, called ten times a second, looks at all of them.
    """

    def __init__(self) -> None:
        self._waiting: set[Waiting] = set()
        self.add = self._waiting.add
        self.discard = self._waiting.discard
        self._deferred: deque[Callable[[], None]] = deque()
        self._turn: Any = None
        self._leaving: list[tuple[Waiting, Any]] = []

    def defer(self, loop: Any, go_on: Callable[[], None]) -> None:
        """Resume an ended wait in one of the next turns of the loop, before sockets that become ready then."""
        self._deferred.append(go_on)
        # No callback of the loop: it runs fifty of them before it checks the time.
        self._turn = self._turn or loop.idle(priority=loop.MAXPRI)
        if not self._turn.active:
            self._turn.start(self._resume, loop)

    def _resume(self, loop: Any) -> None:
        while self._deferred:
            self._deferred.popleft()()
            if is_spent(loop):
                return
        self._turn.stop()

    def end_overdue(self, now: float, *, stages: int = -1) -> None:
        """End the waits that are overdue, and all of a stage up to `stages`."""
        for one in list(self._waiting):
            if now > one.until or one.stage <= stages:
                one.end(one.waiter, is_shed=False)

    def shed(self, now: float, count: int) -> None:
        """
        Close the `count` least valuable connections: idle ones by stage, then the longest waits.

        Closes connections of clients that have disconnected instead, if any; does nothing while shed ones are closing.
        """
        self._leaving = [(one, waiter) for one, waiter in self._leaving if one.waiter is waiter]
        if self._leaving:
            return
        chosen = self._gone() or heapq.nsmallest(count, self._waiting, key=lambda one: _loss(one, now))
        for one in chosen:
            self._waiting.discard(one)
            self._leaving.append((one, one.waiter))
            one.end(one.waiter, is_shed=True)

    def _gone(self) -> list[Waiting]:
        """Return connections that their clients have reset, before the loop has handled the event."""
        poll = select.poll()
        for one in self._waiting:
            poll.register(one.fileno(), 0)  # errors and hang-ups are always reported
        gone = {descriptor for descriptor, _ in poll.poll(0)}
        return [one for one in self._waiting if one.fileno() in gone]


def _loss(one: Waiting, now: float) -> tuple[bool, int, float]:
    is_idle = one.stage == 0 or now - one.since > IDLE_S  # a lingering client has its answer
    return not is_idle, int(one.stage) if is_idle else 0, one.since
