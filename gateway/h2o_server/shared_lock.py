"""A lock that many may share, or one hold alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    """Let many hold a lock together, or one alone; whoever waits to be alone comes before new ones that share."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._sharing = 0
        self._is_taken = False
        self._waiting = 0

    @property
    def is_awaited(self) -> bool:
        """Say whether somebody waits to be alone."""
        return self._waiting > 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold it together with others."""
        with self._condition:
            self._condition.wait_for(lambda: not self._is_taken and not self._waiting)
            self._sharing += 1
        try:
            yield
        finally:
            with self._condition:
                self._sharing -= 1
                self._condition.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold it alone."""
        with self._condition:
            self._waiting += 1
            self._condition.wait_for(lambda: not self._is_taken and not self._sharing)
            self._waiting -= 1
            self._is_taken = True
        try:
            yield
        finally:
            with self._condition:
                self._is_taken = False
                self._condition.notify_all()
