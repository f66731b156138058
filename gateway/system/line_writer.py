"""
Write whole lines to a file descriptor that several processes share, from any thread, buffered per turn of a loop.

A write of at most PIPE_BUF bytes reaches a pipe in one piece, so that lines of several processes never mix.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

#: Calls a function later, say at the end of the present turn of an event loop.
Schedule: TypeAlias = Callable[[Callable[[], None]], object]

#: How long a write may wait for a reader before its lines are lost: a log must not stop requests.
PATIENCE_S: Final = 1.0


class LineWriter:
    """Write lines in order; buffered lines go out together."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._schedule: Schedule | None = None
        self._waiting: deque[bytes] = deque()
        self._lock = threading.RLock()

    def defer(self, schedule: Schedule | None) -> None:
        """Buffer added lines until the callback given to `schedule` runs; with None, write them at once."""
        self.flush()
        self._schedule = schedule

    def after_fork(self) -> None:
        """Drop the buffered lines of the parent process, and a lock that one of its threads may hold."""
        self._waiting.clear()
        self._lock = threading.RLock()

    def add(self, line: bytes) -> None:
        """Buffer a line until the scheduled flush; called in the thread that schedules."""
        self._waiting.append(line)
        if self._schedule is None:
            self.flush()
        elif len(self._waiting) == 1:
            self._schedule(self.flush)

    def write(self, line: bytes) -> None:
        """Write a line at once, after the buffered ones; called in any thread."""
        self._waiting.append(line)
        self.flush()

    def flush(self) -> None:
        """Write the buffered lines; drops them after PATIENCE_S without a reader, and never raises."""
        with self._lock:
            together = b""
            while self._waiting:
                line = self._waiting.popleft()
                if len(together) + len(line) > select.PIPE_BUF:
                    self._put(together)
                    together = b""
                together += line
            self._put(together)

    def _put(self, data: bytes) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while data:
            try:
                data = data[os.write(self.fd, data) :]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return
                select.select([], [self.fd], [], 0.1)
            except OSError:  # the reader is gone
                return
