"""
The order in which a worker begins requests while a native thread predicts: one at a time, first come first served,
after everything already begun.

Without it a burst of requests runs in one go before the loop looks at anything else, so that finished predicts wait
behind requests that will only be refused, their slots stay empty, and goodput collapses just when it is needed.
"""

from collections import deque
from typing import Any

import gevent
from gevent.hub import Waiter


class Turnstile:
    """Make it in the worker, after the fork: it belongs to the loop of its thread."""

    def __init__(self) -> None:
        loop = gevent.get_hub().loop
        self._waiting: deque[Any] = deque()
        self._ahead: deque[Any] = deque()
        self._other = False
        # An idle watcher runs once an iteration if nothing as urgent is pending: finished predicts are (see baton.py),
        # bytes on sockets are not. So each iteration begins one request at most and still begins one under any load.
        self._turn = loop.idle(priority=loop.MAXPRI)

    @property
    def is_busy(self) -> bool:
        """Say whether anybody waits for a turn whose client has waited for its last answer."""
        return bool(self._waiting)

    def pass_through(self, *, is_ahead: bool = False) -> None:
        """
        Wait for the next turn; called by the greenlet of a connection that has read the head of a request.

        `is_ahead` says that the client sent the request before it got its last answer. All of these together take
        every other turn at most: a thousand clients with forty requests each in one piece would be a line of minutes.
        """
        waiter = Waiter()
        (self._ahead if is_ahead else self._waiting).append(waiter)
        if not self._turn.active:
            self._turn.start(self._admit)
        waiter.get()

    def _admit(self) -> None:
        self._other = not self._other
        line = self._ahead if self._ahead and (self._other or not self._waiting) else self._waiting
        waiter = line.popleft()
        if not self._waiting and not self._ahead:
            self._turn.stop()
        waiter.switch(None)
