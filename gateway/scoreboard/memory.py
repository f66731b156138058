"""The memory-mapped file as words and texts, and the lock of its writers; knows no meaning of any word."""

import mmap
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from gateway.errors import GatewayError
from gateway.scoreboard.layout import H_MAGIC, H_ROUTES, H_SLOTS, HEADER_WORDS, MAGIC, WORD, Geometry
from gateway.system import atomic
from gateway.system.locks import locked

_TRIES = 50  # reads of a text that is being written; a writer killed in between leaves the version odd forever


class Memory:
    """Map the file of a scoreboard; shared with every other process that maps it, and inherited over a fork."""

    def __init__(self, path: Path, *, create: Geometry | None = None) -> None:
        self.path = path
        if create is not None:
            _write_empty(path, create)
        try:
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), 0)
        except (OSError, ValueError) as error:
            raise _broken(path, str(error)) from error
        self.bytes = memoryview(self._map)
        self.words = self.bytes[: len(self.bytes) // WORD * WORD].cast("Q")
        if len(self.words) < HEADER_WORDS or self.words[H_MAGIC] != MAGIC:
            raise _broken(path, "it does not begin with the mark of this version")
        self.geometry = Geometry(self.words[H_SLOTS], self.words[H_ROUTES])
        if self.geometry.size_bytes != len(self.bytes):
            raise _broken(path, f"it has {len(self.bytes)} bytes instead of {self.geometry.size_bytes}")

    def close(self) -> None:
        """Unmap the file; nothing of this object may be used afterwards."""
        self.words.release()
        self.bytes.release()
        self._map.close()

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the lock of writers of shared parts in a `with` block."""
        return locked(self.path, create=False)

    def write_text(self, length_at: int, text_at: int, capacity: int, text: str) -> None:
        """Store a text cut to `capacity` bytes; the caller marks the version odd while this runs."""
        raw = text.encode("utf-8", "replace")[:capacity]
        self.words[length_at] = 0
        self.bytes[text_at * WORD : text_at * WORD + len(raw)] = raw
        self.words[length_at] = len(raw)

    def read_text(self, length_at: int, text_at: int, capacity: int) -> str:
        """Return a text; a character that was cut is dropped."""
        length = min(self.words[length_at], capacity)
        return bytes(self.bytes[text_at * WORD : text_at * WORD + length]).decode("utf-8", "ignore")

    @contextmanager
    def writing(self, version_at: int) -> Iterator[None]:
        """Keep a version odd while something under it changes."""
        self.words[version_at] |= 1
        try:
            yield
        finally:
            self.words[version_at] += 1

    def settled(self, version_at: int) -> Iterator[int]:
        """
        Yield versions to read under until one was even and unchanged around the reading.

        Gives up after 50 rounds; the caller keeps its last reading.
        """
        for _ in range(_TRIES):
            before = self.words[version_at]
            yield before
            if before % 2 == 0 and self.words[version_at] == before:
                return


def _write_empty(path: Path, geometry: Geometry) -> None:
    """Create the file under a temporary name and rename it, so that no reader sees half a scoreboard."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(path) as fresh, fresh.open("wb") as file:
        for word in (MAGIC, geometry.slots, geometry.routes):
            file.write(word.to_bytes(WORD, "little"))
        file.truncate(geometry.size_bytes)


def _broken(path: Path, why: str) -> GatewayError:
    return GatewayError(f"{path} is not a scoreboard: {why}", code="board", hint="stop the gateway and delete the file")
