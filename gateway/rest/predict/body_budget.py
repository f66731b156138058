"""
How much of a worker's memory and disk the bodies of all its requests may take together, counted as their bytes arrive.

A body that finds no room is refused with 503 before it is read to the end; the worker and the others go on.
"""

import threading
from typing import Final

from gateway.errors import OverloadError, TooLargeError

#: So much of each body is free of charge: where large bodies have taken everything, small ones are served still.
FREE_BYTES: Final = 64 * 1024
_MIB: Final = 1024 * 1024


class Budget:
    """Count one resource of this process; thread-safe. `setting` is what raises its size."""

    def __init__(self, name: str, setting: str, size: int) -> None:
        self._name, self._setting = name, setting
        self.size = size
        self.used = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Take a share; raises OverloadError where there is not that much left."""
        with self._lock:
            if self.used + size <= self.size:
                self.used += size
                return
        raise OverloadError(
            f"the bodies that this worker is reading have taken all of its {self.size // _MIB} MiB of {self._name}",
            code="bodies-full",
            hint=f"retry later, send less at a time, or raise {self._setting}",
        )

    def give_back(self, size: int) -> None:
        """Return a share."""
        with self._lock:
            self.used -= size


MEMORY: Final = Budget("memory for bodies", "GATEWAY_BODY_MEMORY_MB", 512 * _MIB)
DISK: Final = Budget("disk for bodies", "GATEWAY_SPOOL_MB", 1024 * _MIB)


class Share:
    """Hold what one body takes of a budget; give it back with `release`, or with the object."""

    __slots__ = ("_budget", "_free", "_taken")

    def __init__(self, budget: Budget, *, free: int = 0) -> None:
        self._budget = budget
        self._free = free
        self._taken = 0

    def __del__(self) -> None:
        self.release()

    def grow_to(self, size: int) -> None:
        """Take so much in all; raises OverloadError where there is no room now, TooLargeError where there never is."""
        if size > self._budget.size:
            raise TooLargeError(
                f"the body would take {size // _MIB} MiB, all bodies of a worker have {self._budget.size // _MIB} MiB",
                hint="send it in parts, or as a table",
            )
        more = size - self._free - self._taken
        if more > 0:
            self._budget.take(more)
            self._taken += more

    def release(self) -> None:
        """Give everything back."""
        taken, self._taken = self._taken, 0
        if taken:
            self._budget.give_back(taken)
