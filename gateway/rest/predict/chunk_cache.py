"""
Keeps the validated chunks of a batch between its two passes, where this worker has room for them.

What does not fit is parsed and validated again from the spooled body: slower, but of bounded memory.
"""

import sys
import threading
from collections import deque
from typing import Final

from gateway.codecs.chunks import Chunk
from gateway.rest.predict.chunk_validation import ValidatedChunk

#: Bytes that the batches of one worker may keep, all together: 100,000 rows of ten numbers or levels take 15 MB.
KEEP_BYTES: Final = 48 * 1024 * 1024
#: A fault with its texts, and a key with its place in a list.
_FAULT_BYTES, _KEY_BYTES, _CELL_BYTES = 1_000, 72, 64


class _Allowance:
    """Count what all batches of this process keep; thread-safe."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take a share; False where there is not that much left."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """Return a share."""
        with self._lock:
            self._left += size


ALLOWANCE: Final = _Allowance(KEEP_BYTES)


class ChunkCache:
    """
    Hold the chunks of one batch, all of them or none; used by one request.

    `inputs` says that the answer repeats the input columns, which are then kept as well. The share of the allowance is
    given back with each chunk that is taken, and with the object: an answer that nobody reads never ends by itself.
    """

    def __init__(self, *, inputs: bool, allowance: _Allowance = ALLOWANCE) -> None:
        self._inputs = inputs
        self._allowance = allowance
        self._chunks: deque[tuple[ValidatedChunk, int]] | None = deque()

    def __del__(self) -> None:
        self.drop()

    @property
    def is_whole(self) -> bool:
        """Say whether every chunk that was added is here."""
        return self._chunks is not None

    def add(self, validated: ValidatedChunk) -> None:
        """Keep a chunk, or drop all where there is no room for it."""
        if self._chunks is None:
            return
        if not self._inputs:
            validated.chunk = Chunk(validated.chunk.start, validated.chunk.size)
        size = _size_of(validated)
        if self._allowance.take(size):
            self._chunks.append((validated, size))
        else:
            self.drop()

    def take(self) -> ValidatedChunk | None:
        """Return the next chunk and forget it; None after the last."""
        if not self._chunks:
            return None
        validated, size = self._chunks.popleft()
        self._allowance.give_back(size)
        return validated

    def drop(self) -> None:
        """Forget everything."""
        while self.take() is not None:
            pass
        self._chunks = None


def _size_of(validated: ValidatedChunk) -> int:
    """Return about how many bytes a chunk takes: arrays exactly, texts once each, input cells by a mean."""
    chunk = validated.chunk
    cells = sum(map(len, chunk.columns)) + len(chunk.instances or ()) * len(validated.batch.columns)
    size = cells * _CELL_BYTES + len(validated.errors) * _FAULT_BYTES + len(validated.keys or ()) * _KEY_BYTES
    for column in validated.batch.columns:
        size += int(column.nbytes)
        if column.dtype == object:
            size += sum(map(sys.getsizeof, set(column.tolist())))
    return size
