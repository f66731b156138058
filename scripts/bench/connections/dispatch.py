"""
Three ways to run a predict: in a native pool beside the gevent loop, behind a semaphore in a thread, or just so.

Knows limits; refuses to know models and HTTP. `Full` means that the route's queue has no place left.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from gevent import get_hub, monkey
from gevent.hub import Waiter

Call = Callable[[], Any]


class Full(Exception):
    """The route's limit and its queue are taken."""


class Dispatch(Protocol):
    """Run a predict of a route; `fast` says that it was proven to take under 1 ms."""

    def run(self, route: str, call: Call, *, fast: bool) -> Any: ...


class Plain:
    """Run at once in the thread of the request."""

    def run(self, route: str, call: Call, *, fast: bool) -> Any:
        return call()


class ThreadGate:
    """Let `limit` threads in and `queue` wait."""

    def __init__(self, limit: int, queue: int) -> None:
        self._running = threading.BoundedSemaphore(limit)
        self._present = threading.BoundedSemaphore(limit + queue)

    def run(self, call: Call) -> Any:
        if not self._present.acquire(blocking=False):
            raise Full
        try:
            with self._running:
                return call()
        finally:
            self._present.release()


class Gated:
    """Run in the thread of the request: fast routes share one gate of 2, every other route has its own."""

    def __init__(self, limit: int, queue: int, threads: int) -> None:
        self._limits = (limit, queue)
        self._fast = ThreadGate(2, threads)
        self._gates: dict[str, ThreadGate] = {}

    def run(self, route: str, call: Call, *, fast: bool) -> Any:
        if fast:
            return self._fast.run(call)
        gate = self._gates.get(route) or self._gates.setdefault(route, ThreadGate(*self._limits))
        return gate.run(call)


class _Task:
    __slots__ = ("call", "error", "route", "value", "waiter")

    def __init__(self, route: _Route, call: Call, waiter: Any) -> None:
        self.route, self.call, self.waiter = route, call, waiter
        self.value: Any = None
        self.error: BaseException | None = None


class _Route:
    __slots__ = ("queued", "running")

    def __init__(self) -> None:
        self.running = 0
        self.queued: deque[_Task] = deque()


class NativePool:
    """
    Run slow predicts in fixed native threads while the calling greenlet waits; fast ones inline in the loop.

    Make it in the worker, after the fork, in the thread of the loop. Limits are counted in that thread only, so they
    need no lock. `get_original` gives the native primitives with and without monkey patching.
    """

    def __init__(self, limit: int, queue: int, threads: int) -> None:
        self._limit, self._queue = limit, queue
        self._routes: dict[str, _Route] = {}
        self._done: deque[_Task] = deque()
        self._todo: Any = monkey.get_original("queue", "SimpleQueue")()
        # A watcher of the loop: send() is its one method that other threads may call.
        self._wake = get_hub().loop.async_()
        self._wake.start(self._collect)
        start = monkey.get_original("_thread", "start_new_thread")
        for _ in range(threads):
            start(self._work, ())

    def run(self, route: str, call: Call, *, fast: bool) -> Any:
        if fast:
            return call()
        state = self._routes.get(route) or self._routes.setdefault(route, _Route())
        task = _Task(state, call, Waiter())
        if state.running < self._limit:
            state.running += 1
            self._todo.put(task)
        elif len(state.queued) < self._queue:
            state.queued.append(task)
        else:
            raise Full
        task.waiter.get()
        if task.error is not None:
            raise task.error
        return task.value

    def _work(self) -> None:
        while True:
            task: _Task = self._todo.get()
            try:
                task.value = task.call()
            except BaseException as error:  # the greenlet that waits raises it
                task.error = error
            self._done.append(task)
            self._wake.send()

    def _collect(self) -> None:
        """Run in the hub: several send() may arrive as one call."""
        while self._done:
            task = self._done.popleft()
            if task.route.queued:
                self._todo.put(task.route.queued.popleft())
            else:
                task.route.running -= 1
            task.waiter.switch(None)
