"""The waits of a worker's connections: which have lasted too long, and which is given up where places are short."""

import heapq
import select
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from gateway.process.fair_admission import is_spent

#: Who has waited less is no idler, whatever it waits for: a client that has just connected is about to ask.
IDLE_S: Final = 1.0


class Waiting(Protocol):
    """Be a connection that waits: for what (`stage`), since and until when, and under which name."""

    stage: Any
    since: float
    until: float

    @property
    def waiter(self) -> Any:
        """Return what names the present wait."""
        ...

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        ...

    def end(self, waiter: Any, *, is_shed: bool) -> None:
        """End the wait of that name."""
        ...


class Waits:
    """
    Know every connection that waits for its client.

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
        """Let a wait that is over go on in one of the next turns of the loop, before what becomes ready then."""
        self._deferred.append(go_on)
        # Not a callback of the loop: of those it runs fifty before it looks at the time.
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
        """End the waits whose time is over, and all of a stage up to `stages`."""
        for one in list(self._waiting):
            if now > one.until or one.stage <= stages:
                one.end(one.waiter, is_shed=False)

    def shed(self, now: float, count: int) -> None:
        """
        Give up the least loss: idlers by what they wait for, then those who have waited longest.

        Nobody who waits while there are clients that have gone, or while those who were given up have yet to leave.
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
        """Return those whose clients have reset the connection, which the loop has yet to come to."""
        poll = select.poll()
        for one in self._waiting:
            poll.register(one.fileno(), 0)  # errors and hang-ups are told unasked
        gone = {descriptor for descriptor, _ in poll.poll(0)}
        return [one for one in self._waiting if one.fileno() in gone]


def _loss(one: Waiting, now: float) -> tuple[bool, int, float]:
    is_idle = one.stage == 0 or now - one.since > IDLE_S  # whoever lingers has had its answer
    return not is_idle, int(one.stage) if is_idle else 0, one.since
