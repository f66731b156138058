"""
Admit requests fairly under load: one per turn of the event loop, round robin over routes, FIFO within a route.

Without it a burst of requests runs in one turn of the loop: finished predicts wait behind requests that will only be
refused, and the burst of one route delays the requests of every other.
"""

import time
from collections import deque
from typing import Any, Final

import gevent
from gevent.hub import Waiter

#: A turn of the loop handles ready sockets for this long; the rest waits for the next turns.
SLICE_S: Final = 0.005
#: The queue of pipelined requests, sent before the last answer. As one queue among the others it takes every other
#: turn at most: a thousand clients with forty requests each in one piece would be a queue of minutes.
PIPELINED: Final = "pipelined"


def is_spent(loop: Any) -> bool:
    """Say whether this turn of the loop has lasted for SLICE_S; the loop records when a turn begins."""
    return bool(time.time() - loop.now() > SLICE_S)


class FairAdmission:
    """Queue requests by route and admit them in turns. Create it after the fork: it belongs to the loop of a worker."""

    def __init__(self) -> None:
        self._loop = gevent.get_hub().loop
        # Waiting requests by queue; the first queue is next, and then becomes the last.
        self._queues: dict[str, deque[Any]] = {}
        # An idle watcher runs once an iteration unless events of the same priority are pending: finished predicts have
        # it (see thread_event.py), sockets do not. So each iteration admits at most one request, under any load one.
        self._turn = self._loop.idle(priority=self._loop.MAXPRI)

    @property
    def is_busy(self) -> bool:
        """Say whether a request has to queue: others are queued (PIPELINED not counted), or this turn is spent."""
        return len(self._queues) > (PIPELINED in self._queues) or is_spent(self._loop)

    def wait_in(self, queue: str, waiter: Any = None) -> None:
        """
        Wait in a queue until admitted; called by the greenlet of a connection.

        A throw into `waiter` ends the wait and removes it from the queue.
        """
        waiter = waiter or Waiter()
        self._queues.setdefault(queue, deque()).append(waiter)
        if not self._turn.active:
            self._turn.start(self._admit)
        try:
            waiter.get()
        except BaseException:
            self._leave(queue, waiter)
            raise

    def _admit(self) -> None:
        if not self._queues:
            self._turn.stop()
            return
        queue = next(iter(self._queues))
        waiting = self._queues.pop(queue)
        waiter = waiting.popleft()
        if waiting:
            self._queues[queue] = waiting
        waiter.switch(None)

    def _leave(self, queue: str, waiter: Any) -> None:
        waiting = self._queues.get(queue)
        if waiting is not None and waiter in waiting:
            waiting.remove(waiter)
            if not waiting:
                del self._queues[queue]
