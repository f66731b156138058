"""
How many XLSX and Parquet files a worker reads at a time: each reader may take 1 GiB, so they are few.

A request waits for a seat in its greenlet, until its deadline, and not in a native thread that predicts need.
"""

from typing import Final

from gateway.codecs.child_reader_process import MEMORY_BYTES
from gateway.errors import DeadlineError, OverloadError
from gateway.routing.bulkhead import Bulkhead

#: Files that wait for a reader, for each reader.
_QUEUE: Final = 8
_READERS: Final = Bulkhead("reading of tables", 2, 2 * _QUEUE)
_HINT: Final = "retry later, send CSV or NDJSON, or raise GATEWAY_TABLE_MEMORY_MB"


def allow(memory_bytes: int) -> None:
    """Let readers of tables take so much memory together, one at least."""
    readers = max(1, memory_bytes // MEMORY_BYTES)
    _READERS.resize(readers, readers * _QUEUE)


class Seat:
    """Hold the right to one reader; give it back with `release`, or with the object."""

    __slots__ = ("_slot",)

    def __init__(self, deadline: float) -> None:
        """Wait for a free reader until `deadline` (time.monotonic()); raises OverloadError."""
        self._slot = None
        try:
            self._slot = _READERS.slot(deadline)
        except (OverloadError, DeadlineError):
            raise OverloadError(
                f"this worker reads {_READERS.max_concurrency} XLSX or Parquet files already",
                code="readers-full",
                hint=_HINT,
                retry_after_s=_READERS.retry_after_s(),
            ) from None

    def __del__(self) -> None:
        self.release()

    def release(self) -> None:
        """Give it back; nothing happens where it has been."""
        slot, self._slot = self._slot, None
        if slot is not None:
            slot.__exit__(None, None, None)
