"""Sum the counter files of all processes at each scrape and cache their layout in between; knows no metric."""

import json
import os
import weakref
from pathlib import Path
from typing import NamedTuple

from gateway.metrics.counter_file import HEADER_BYTES, entries, used_bytes
from gateway.metrics.folding import sources, steady


class Series(NamedTuple):
    """Name one number: the metric, the sample of it, its labels."""

    family: str
    sample: str
    labels: tuple[tuple[str, str], ...]


class _File:
    """Remember the position of each series in one file; entries are only appended."""

    def __init__(self, path: Path) -> None:
        # Stays open, so that no other file can get the inode under which this layout is cached.
        self.handle = path.open("rb", buffering=0)
        #: Also called when the reader is dropped, and at the end of the process.
        self.close = weakref.finalize(self, self.handle.close)
        self.used = HEADER_BYTES
        self.series: list[int] = []
        self.places: list[int] = []

    def read(self) -> bytes:
        """Return the used part; entries appended meanwhile are left for the next read."""
        used = used_bytes(os.pread(self.handle.fileno(), HEADER_BYTES, 0))
        return os.pread(self.handle.fileno(), used, 0)


class Reader:
    """Sum the files of a directory. Not thread-safe."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.series: list[Series] = []
        self._ids: dict[Series, int] = {}
        self._ids_of_keys: dict[bytes, int] = {}
        self._files: dict[tuple[str, int], _File] = {}

    def totals(self) -> list[float | None]:
        """Return the sum of each of `series`; None for a series that no file holds any more."""
        sums: list[float | None] = [None] * len(self.series)
        with steady(self.directory):
            for file in self._open(sources(self.directory)):
                self._add(file, sums)
        return sums

    def _open(self, paths: list[Path]) -> list[_File]:
        kept: dict[tuple[str, int], _File] = {}
        for path in paths:
            file_id = (path.name, path.stat().st_ino)
            kept[file_id] = self._files.pop(file_id) if file_id in self._files else _File(path)
        for gone in self._files.values():
            gone.close()
        self._files = kept
        return list(kept.values())

    def _add(self, file: _File, sums: list[float | None]) -> None:
        data = file.read()
        if len(data) > file.used:
            self._learn(data, file)
            sums.extend([None] * (len(self.series) - len(sums)))
        numbers = memoryview(data)[: len(data) // 8 * 8].cast("d")
        for series, place in zip(file.series, file.places, strict=True):
            sums[series] = (sums[series] or 0.0) + numbers[place]

    def _learn(self, data: bytes, file: _File) -> None:
        """Note the entries after the known ones."""
        for key, place in entries(data, file.used):
            file.series.append(self._id(key))
            file.places.append(place // 8)
        file.used = len(data)

    def _id(self, key: bytes) -> int:
        """Return the number of a series."""
        found = self._ids_of_keys.get(key)
        if found is None:
            family, sample, labels = json.loads(key)
            series = Series(family, sample, tuple((name, value) for name, value in labels))
            found = self._ids_of_keys[key] = self._ids.setdefault(series, len(self.series))
            if found == len(self.series):
                self.series.append(series)
        return found
