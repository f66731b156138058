"""
Add to several numbers of one event at once: one lock, and one store into the mapped file for each.

An answered request changes seven numbers. Every process counts in a file of its own, from zero after a fork.
"""

import json
import logging
import os
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from gateway.metrics.counter_file import CounterFile, store

#: Of all cells: every number is added to under it and nowhere else.
_lock: Final = Lock()

log = logging.getLogger("gateway.metrics")


class _Process:
    """Know the counter file of this process; None where there is none, as in tools that serve nothing."""

    __slots__ = ("directory", "file", "has_warned", "number")

    def __init__(self) -> None:
        #: How many forks led to this process: cheaper to look at than its pid, which is a system call.
        self.number = 0
        self.directory: Path | None = None
        self.file: CounterFile | None = None
        self.has_warned = False
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.number += 1
        if self.file is not None:
            self.file.close()
            self.file = None

    def opened(self) -> CounterFile | None:
        """Return the file, opened at the first number."""
        if self.file is None and self.directory is not None:
            self.file = CounterFile(self.directory / f"values_{os.getpid()}.db")
        return self.file


_process: Final = _Process()
_cells: Final[dict[str, "Cell"]] = {}


def count_in(directory: Path) -> None:
    """Keep the numbers of this process and its later forks in files of a directory."""
    with _lock:
        _process.directory = directory
        _process.file = None
        _process.number += 1


class Cell:
    """Hold one number and its place in the file of this process."""

    __slots__ = ("_file", "_key", "_place", "_process", "number")

    def __init__(self, key: str) -> None:
        self._key = key
        self._bind()

    def _bind(self) -> None:
        self._process = _process.number
        self._file, self._place, self.number = None, 0, 0.0
        try:
            file = _process.opened()
            if file is not None:
                self._place = file.place(self._key)
                self.number = file.read(self._place)
                self._file = file
        except OSError as error:
            # Counting fails no request: on a full disk this number stays in memory and off the page.
            if not _process.has_warned:
                _process.has_warned = True
                log.warning("a counter has no file", extra={"counter": self._key, "reason": str(error)})

    def add(self, amount: float, process: int) -> None:
        """Add to the number; the caller holds the lock and passes the number of forks that led to this process."""
        if process != self._process:
            self._bind()
        self.number = number = self.number + amount
        if self._file is not None:
            store(self._file.map, self._place, number)


class Tally:
    """Hold the numbers of one histogram: its sum, and how many observations lie in each bucket."""

    __slots__ = ("_bounds", "_buckets", "_sum")

    def __init__(self, name: str, labels: Mapping[str, str], bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        texts = [*map(repr, self._bounds), "+Inf"]
        self._buckets = [cell(name, f"{name}_bucket", {**labels, "le": bound}) for bound in texts]
        self._sum = cell(name, f"{name}_sum", labels)

    def cells(self, amount: float) -> tuple[tuple[Cell, float], tuple[Cell, float]]:
        """Return the cells that one observation changes, each with its amount."""
        return (self._sum, amount), (self._buckets[bisect_left(self._bounds, amount)], 1)


def cell(family: str, sample: str, labels: Mapping[str, str]) -> Cell:
    """Return the one cell of a sample; asked for again, it goes on with the same number."""
    key = json.dumps([family, sample, sorted(labels.items())], ensure_ascii=False, separators=(",", ":"))
    with _lock:
        found = _cells.get(key)
        if found is None:
            found = _cells[key] = Cell(key)
        return found


def add(changes: Iterable[tuple[Cell, float]]) -> None:
    """Add to several cells; thread-safe, correct in a forked process."""
    with _lock:
        process = _process.number
        for one, amount in changes:
            one.add(amount, process)
