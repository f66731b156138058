"""
The order in which a worker begins requests where it has more to do than fits into a turn of its loop: one at a time,
after everything already begun, each route in its turn, first come first served within a route.

Without it a burst of requests runs in one go before the loop looks at anything else: finished predicts wait behind
requests that will only be refused, and one route's burst stands in front of every other route's requests.
"""

import time
from collections import deque
from typing import Any, Final

import gevent
from gevent.hub import Waiter

#: So much of a turn of the loop goes to what is ready by then; the rest waits in line for the next turns.
SLICE_S: Final = 0.005
#: The line of those whose clients sent a request before they got their last answer. As one line among the others it
#: takes every other turn at most: a thousand clients with forty requests each in one piece would be a line of minutes.
AHEAD: Final = "ahead"


def is_spent(loop: Any) -> bool:
    """Say whether this turn of the loop has lasted for SLICE_S; the loop notes the time when a turn begins."""
    return bool(time.time() - loop.now() > SLICE_S)


class FairAdmission:
    """Make it in the worker, after the fork: it belongs to the loop of its thread."""

    def __init__(self) -> None:
        self._loop = gevent.get_hub().loop
        # Those who wait, by their line; the first line is the next to move, and then becomes the last.
        self._lines: dict[str, deque[Any]] = {}
        # An idle watcher runs once an iteration if nothing as urgent is pending: finished predicts are (see event.py),
        # bytes on sockets are not. So each iteration begins one request at most and still begins one under any load.
        self._turn = self._loop.idle(priority=self._loop.MAXPRI)

    @property
    def is_busy(self) -> bool:
        """Say whether a request has to wait: others do, or this turn of the loop is spent. AHEAD is not counted."""
        return len(self._lines) > (AHEAD in self._lines) or is_spent(self._loop)

    def pass_through(self, line: str, waiter: Any = None) -> None:
        """
        Wait for the next turn of a line; called by the greenlet of a connection.

        Whoever ends the wait by a throw into `waiter` takes it out of the line.
        """
        waiter = waiter or Waiter()
        self._lines.setdefault(line, deque()).append(waiter)
        if not self._turn.active:
            self._turn.start(self._admit)
        try:
            waiter.get()
        except BaseException:
            self._leave(line, waiter)
            raise

    def _admit(self) -> None:
        if not self._lines:
            self._turn.stop()
            return
        line = next(iter(self._lines))
        waiting = self._lines.pop(line)
        waiter = waiting.popleft()
        if waiting:
            self._lines[line] = waiting
        waiter.switch(None)

    def _leave(self, line: str, waiter: Any) -> None:
        waiting = self._lines.get(line)
        if waiting is not None and waiter in waiting:
            waiting.remove(waiter)
            if not waiting:
                del self._lines[line]
