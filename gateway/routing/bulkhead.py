"""
The limits of one route in one worker: so many predicts at once, so many waiting, all others refused at once.

Keyed by route and kept across generations, so a reload neither forgets nor doubles what is in flight.
"""

import math
import threading
import time
from collections import deque

from gateway.errors import DeadlineError, OverloadError
from gateway.executors.thread_event import CrossThreadEvent
from gateway.executors.thread_pool import OverrunError

#: Weight of the newest call in the running mean of service times: about the last ten calls count.
SMOOTHING = 0.1


class _Waiter:
    """Hold one queued call; whoever frees a slot hands it over by setting `has_slot`."""

    __slots__ = ("event", "has_slot")

    def __init__(self) -> None:
        self.event = CrossThreadEvent()
        self.has_slot = False


class Bulkhead:
    """
    Admit calls of one route: `with bulkhead.slot(deadline): …`.

    Safe for greenlets and threads. The lock is never held while waiting.
    """

    def __init__(self, route: str, max_concurrency: int, max_queue: int) -> None:
        self.route = route
        self.max_concurrency = max_concurrency
        self.max_queue = max_queue
        self.in_flight = 0
        self.mean_s = 0.0
        self._waiting: deque[_Waiter] = deque()
        self._lock = threading.Lock()

    @property
    def queue_depth(self) -> int:
        """Return how many calls wait for a slot."""
        return len(self._waiting)

    def resize(self, max_concurrency: int, max_queue: int) -> None:
        """Take new limits; calls that were admitted under the old ones go on."""
        self.max_concurrency, self.max_queue = max_concurrency, max_queue
        with self._lock:
            while self._waiting and self.in_flight < self.max_concurrency:
                self._hand_over()

    def slot(self, deadline: float, *, resume: bool = False) -> "Admission":
        """
        Take a slot, waiting for one until `deadline` (time.monotonic()).

        Raises OverloadError at once when the queue is full or cannot move before the deadline, DeadlineError when the
        wait was in vain. A batch that has begun to answer comes back with `resume`: it queues like anybody else, but
        is never refused at the door.
        """
        waiter = self._enter_or_queue(deadline, resume)
        if waiter is not None:
            self._wait(waiter, deadline)
        return Admission(self)

    def leave(self, took_s: float) -> None:
        """Give the slot back, to the first one waiting if there is one."""
        self.mean_s += SMOOTHING * (took_s - self.mean_s) if self.mean_s else took_s
        with self._lock:
            self.in_flight -= 1
            if self._waiting and self.in_flight < self.max_concurrency:
                self._hand_over()

    def retry_after_s(self) -> int:
        """Estimate when the queue of now will be worked off; at least 1 s, at most 60 s."""
        calls = self.queue_depth + self.in_flight
        return max(1, min(60, math.ceil(calls * self.mean_s / max(self.max_concurrency, 1))))

    def _enter_or_queue(self, deadline: float, resume: bool) -> _Waiter | None:
        with self._lock:
            if self.in_flight < self.max_concurrency and not self._waiting:
                self.in_flight += 1
                return None
            full = len(self._waiting) >= self.max_queue
            if resume or (not full and self._expected_wait_s() <= deadline - time.monotonic()):
                waiter = _Waiter()
                self._waiting.append(waiter)
                return waiter
        reason = f"{self.max_queue} calls are waiting already" if full else "the queue is longer than the deadline"
        raise OverloadError(f"route {self.route} is at its limit: {reason}", retry_after_s=self.retry_after_s())

    def _expected_wait_s(self) -> float:
        # Half the mean: with every slot busy, one of them comes free that soon on average.
        return (len(self._waiting) + 0.5) * self.mean_s / max(self.max_concurrency, 1)

    def _wait(self, waiter: _Waiter, deadline: float) -> None:
        waiter.event.wait(max(deadline - time.monotonic(), 0.0))
        with self._lock:
            if waiter.has_slot:
                return
            self._waiting.remove(waiter)
        raise DeadlineError(f"the deadline passed while the call waited for a slot of route {self.route}")

    def _hand_over(self) -> None:
        waiter = self._waiting.popleft()
        waiter.has_slot = True
        self.in_flight += 1
        waiter.event.pass_on()


class Admission:
    """Hold one slot until the end of the `with` block, or of the call that overran its deadline in it; and time it."""

    __slots__ = ("_bulkhead", "_started")

    def __init__(self, bulkhead: Bulkhead) -> None:
        self._bulkhead = bulkhead
        self._started = time.perf_counter()

    def __enter__(self) -> "Admission":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        took_s = time.perf_counter() - self._started
        if isinstance(error, OverrunError):
            # Its thread is still taken: a slot given back now would let the next call take one more, until a model
            # that hangs held every thread of the worker.
            error.job.then(lambda: self._bulkhead.leave(took_s))
        else:
            self._bulkhead.leave(took_s)
