"""
Fixed native threads for predicts and loads of one worker.

Fixed, because a JVM keeps every thread that ever called it; native, because a predict that holds its thread for
seconds must not hold the event loop. Grows on demand to `size` threads and never shrinks.
"""

import logging
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final, Generic, TypeVar

from gateway.errors import DeadlineError
from gateway.executors.thread_event import CrossThreadEvent

#: A worker with more threads than this spends its time switching; routes beyond share.
MAX_THREADS: Final = 256

T = TypeVar("T")

log = logging.getLogger("gateway.pool")


class OverrunError(DeadlineError):
    """The deadline of a call passed while it was running; it still is, in the thread of `job`."""

    def __init__(self, message: str, job: "Job[Any]") -> None:
        super().__init__(message)
        self.job = job


class Job(Generic[T]):
    """Hold one call: its result or its error, and the event of whoever waits for it."""

    __slots__ = ("_after", "_call", "_event", "_lock", "abandoned", "done", "error", "result", "started")

    def __init__(self, call: Callable[[], T], event: CrossThreadEvent | None) -> None:
        self._call: Callable[[], T] | None = call
        self._event = event
        self._lock = threading.Lock()
        self._after: Callable[[], None] | None = None
        self.result: T | None = None
        self.error: BaseException | None = None
        self.started = False
        self.done = False
        self.abandoned = False

    def run(self) -> None:
        """Run the call in the current thread, unless nobody waits any more."""
        call, self._call = self._call, None
        with self._lock:
            if self.abandoned or call is None:
                return
            self.started = True
        try:
            self.result = call()
        except BaseException as error:
            self.error = error
        with self._lock:
            self.done = True
            after = self._after
        if self._event is not None:
            self._event.pass_on()
        if after is not None:
            after()

    def abandon(self) -> bool:
        """Never begin, and say whether it has already."""
        with self._lock:
            self.abandoned = True
            return self.started

    def then(self, after: Callable[[], None]) -> None:
        """Call `after` once the call has returned: in its thread, or now where it has already."""
        with self._lock:
            if not self.done:
                self._after = after
                return
        after()

    def outcome(self) -> T:
        """Return the result or raise the error of a job that is done."""
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # done without error, so the result is there


class NativePool:
    """
    Run calls in at most `size` native threads, first come, first served.

    Safe from any thread or greenlet. Make it after the fork: threads do not survive one.
    """

    def __init__(self, size: int, name: str = "predict") -> None:
        self.size = size
        self._name = name
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._busy = 0
        self._stuck: set[Job[Any]] = set()

    def resize(self, size: int) -> None:
        """Allow more threads from now on; existing ones stay."""
        self.size = max(self.size, size)

    @property
    def is_busy(self) -> bool:
        """Say whether any call has been handed over and has not returned."""
        return self._busy > 0

    @property
    def stuck(self) -> int:
        """Return how many calls run on although their deadline has passed."""
        self._stuck = {job for job in self._stuck if not job.done}
        return len(self._stuck)

    def call(self, call: Callable[[], T], deadline: float | None = None, *, ends: bool = False) -> T:
        """
        Run `call` in a pool thread and wait for it; other greenlets go on meanwhile.

        `deadline` is a time.monotonic() value. Raises DeadlineError when it passes first: a call that has not begun
        never will; one that runs (OverrunError) is counted as stuck until it returns, which costs the worker. Not so
        where it `ends` by itself: reading and writing are bounded, and no body may cost a worker.
        """
        event = CrossThreadEvent()
        job = Job(call, event)
        self._submit(job)
        timeout_s = None if deadline is None else max(deadline - time.monotonic(), 0.0)
        if not event.wait(timeout_s) and not job.done:
            what = "the body was read or the answer written" if ends else "the model was predicting"
            if job.abandon():
                if not ends:
                    self._stuck.add(job)
                raise OverrunError(f"the deadline passed while {what}", job)
            raise DeadlineError(f"the deadline passed while {what}")
        return job.outcome()

    def spawn(self, call: Callable[[], Any]) -> None:
        """Run `call` in a pool thread and do not wait; an exception is logged."""
        self._submit(Job(call, None))

    def close(self, grace_s: float) -> None:
        """Let idle threads end; running calls keep theirs (they are daemons and end with the process)."""
        del grace_s
        with self._lock:
            threads, self._threads = self._threads, 0
        for _ in range(threads):
            self._jobs.put(None)

    def _submit(self, job: Job[Any]) -> None:
        with self._lock:
            self._busy += 1
            grow = self._threads < self.size and self._busy > self._threads
            if grow:
                self._threads += 1
                number = self._threads
        if grow:
            threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
            if job.error is not None and job._event is None:
                log.error("a background call failed", exc_info=job.error)
            del job
            with self._lock:
                self._busy -= 1
