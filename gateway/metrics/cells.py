"""
Adding to several counters and histograms of one event at once: one lock and a store each.

The library's own `inc` takes its lock, asks for the pid and looks the place up for every number, 1 us each; an answered
request changes seven. Knows the layout of prometheus_client's mapped values, no metric.
"""

import os
import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any, Final

from prometheus_client import Counter, Histogram

_store: Final = struct.Struct("d").pack_into
#: Of all cells: every number of this module's is added to under it and nowhere else.
_lock: Final = Lock()


class _Process:
    """Count the forks that led to this process: cheaper to look at than its pid, which is a system call."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.number += 1


_process: Final = _Process()


class Cell:
    """Hold one number of a value file and its place there; a process without such files lets the library count."""

    __slots__ = ("_at", "_file", "_process", "_value")

    def __init__(self, value: Any) -> None:
        self._value = value
        self._bind()

    def _bind(self) -> None:
        value = self._value
        self._process = _process.number
        self._file = getattr(value, "_file", None)
        self._at = 0 if self._file is None else self._file._positions[value._key]

    def add(self, amount: float, process: int) -> None:
        """Add to the number; the caller holds the lock and says how many forks lie behind this process."""
        value = self._value
        if self._file is None:
            value.inc(amount)
            return
        if process != self._process:
            value.inc(0)  # after a fork the library opens files of this process and begins at zero
            self._bind()
        value._value = total = value._value + amount
        # The mapping is looked up each time: a file that grows is mapped anew. An old mapping shows the same bytes.
        _store(self._file._m, self._at, total)


class Tally:
    """Be one histogram of a route: the sum and the buckets."""

    __slots__ = ("_bounds", "_buckets", "_sum")

    def __init__(self, histogram: Histogram) -> None:
        self._bounds: Sequence[float] = tuple(histogram._upper_bounds)
        self._buckets = [Cell(bucket) for bucket in histogram._buckets]
        self._sum = Cell(histogram._sum)

    def cells(self, amount: float) -> tuple[tuple[Cell, float], tuple[Cell, float]]:
        """Return what one observation adds to which cells."""
        return (self._sum, amount), (self._buckets[bisect_left(self._bounds, amount)], 1)


def cell_of(counter: Counter) -> Cell:
    """Return the cell of a counter, which nobody may add to in another way from now on."""
    return Cell(counter._value)


def add(changes: Iterable[tuple[Cell, float]]) -> None:
    """Add to several cells; safe for threads, right in a forked process."""
    with _lock:
        process = _process.number
        for cell, amount in changes:
            cell.add(amount, process)
