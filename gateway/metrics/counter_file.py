"""
The numbers of one process in a file that it maps: they survive a kill, and others may read them meanwhile.

    header (16 bytes): magic, bytes in use
    entries: length of the key (4 bytes), key (UTF-8), padding to 8, value (a double)

Entries are only ever appended, and count from the moment at which the header includes them. A number is one aligned
store, so no reader sees half of it. Knows keys and numbers; knows no metric.
"""

import contextlib
import mmap
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

MAGIC: Final = b"GWCOUNT1"
HEADER_BYTES: Final = 16
_FIRST_BYTES: Final = 64 * 1024
#: Store a double into a buffer at a place: (buffer, place, number).
store: Final = struct.Struct("d").pack_into
_length: Final = struct.Struct("I")
_used: Final = struct.Struct("Q")


def entry_of(key: str) -> bytes:
    """Return the bytes of an entry without its value."""
    text = key.encode()
    return _length.pack(len(text)) + text + bytes(-(_length.size + len(text)) % 8)


def used_bytes(head: bytes) -> int:
    """Return how many bytes of a file with this header are in use; 0 for a file that was only just made."""
    return int(_used.unpack_from(head, 8)[0]) if head[:8] == MAGIC else 0


def entries(data: bytes, at: int = HEADER_BYTES) -> Iterator[tuple[bytes, int]]:
    """Yield key and place of each value in the used part of a file, from a position on."""
    while at < len(data):
        length = int(_length.unpack_from(data, at)[0])
        key = data[at + 4 : at + 4 + length]
        at += 4 + length + -(4 + length) % 8
        yield key, at
        at += 8


class CounterFile:
    """Keep numbers by key in a mapped file. Not safe for threads, nor for two processes at once."""

    def __init__(self, path: Path) -> None:
        """
        Open a file, or create it; what it counts goes on.

        Raises OSError, here and when the file grows, where the disk is full: no store needs space.
        """
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = os.fstat(self._descriptor).st_size
        self._grow(max(size, _FIRST_BYTES))
        self.used = max(used_bytes(self.map[:HEADER_BYTES]), HEADER_BYTES)
        self._places = {key.decode(): place for key, place in entries(self.map[: self.used])}
        self._publish()

    def place(self, key: str) -> int:
        """Return where the number of a key lies; a new one begins at zero."""
        place = self._places.get(key)
        if place is None:
            entry = entry_of(key)
            place = self.used + len(entry)
            if place + 8 > len(self.map):
                self._grow(2 * len(self.map) + len(entry))
            self.map[self.used : place + 8] = entry + bytes(8)
            self.used = place + 8
            self._publish()
            self._places[key] = place
        return place

    def read(self, place: int) -> float:
        """Return the number at a place."""
        return float(struct.unpack_from("d", self.map, place)[0])

    def write(self, place: int, number: float) -> None:
        """Store the number at a place."""
        store(self.map, place, number)

    def close(self) -> None:
        """Unmap and close the file."""
        self.map.close()
        os.close(self._descriptor)

    def _grow(self, size: int) -> None:
        # Reserved rather than truncated: a store into a hole of a full disk is a signal that ends the process.
        size += -size % mmap.PAGESIZE
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._descriptor, 0, size)
        else:  # macOS
            os.truncate(self._descriptor, size)
        self.map = mmap.mmap(self._descriptor, size)

    def _publish(self) -> None:
        _used.pack_into(self.map, 8, self.used)
        self.map[:8] = MAGIC


def read_values(path: Path) -> dict[str, float]:
    """Return all numbers of a file that nobody writes any more."""
    data = path.read_bytes()
    data = data[: used_bytes(data[:HEADER_BYTES])]
    return {key.decode(): float(struct.unpack_from("d", data, place)[0]) for key, place in entries(data)}


def write_values(path: Path, values: Mapping[str, float]) -> None:
    """Make a file that holds these numbers."""
    path.unlink(missing_ok=True)
    with contextlib.closing(CounterFile(path)) as file:
        for key, value in values.items():
            file.write(file.place(key), value)
