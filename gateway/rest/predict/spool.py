"""The body of a request on disk instead of in memory, read without holding the event loop. Knows no format."""

import tempfile
import time
from pathlib import Path
from typing import IO, Any, Final, cast

from flask import current_app, request

from gateway.rest.predict.body import blocks, note_slow_sender
from gateway.rest.predict.body_budget import DISK, FREE_BYTES, MEMORY, Share

#: A body up to this size stays in memory.
SPOOL_BYTES: Final = 1024 * 1024

#: Key of app.config under which the folder for spooled bodies stands.
SCRATCH: Final = "GATEWAY_SCRATCH"


class Spool(tempfile.SpooledTemporaryFile[bytes]):
    """Be a file that moves to disk when it grows, and takes its share of memory, then of disk, with each write."""

    def __init__(self, directory: Path | None) -> None:
        self._memory, self._disk = Share(MEMORY, free=FREE_BYTES), Share(DISK)
        self._written = 0
        super().__init__(SPOOL_BYTES, dir=None if directory is None else str(directory))

    def write(self, s: Any) -> int:
        """Append bytes; raises OverloadError where bodies have taken all there is."""
        self._written += len(s)
        if self._written <= SPOOL_BYTES:
            self._memory.grow_to(self._written)
        else:
            self._disk.grow_to(self._written)
            self._memory.release()
        return super().write(s)

    def close(self) -> None:
        """Close the file and give its share back."""
        super().close()
        self._memory.release()
        self._disk.release()


def scratch() -> Path | None:
    """Return the folder of temporary files; files in it have no name, so a killed worker leaves none."""
    found: Path | None = current_app.config.get(SCRATCH)
    return found


def open_spool(directory: Path | None) -> IO[bytes]:
    """Return an empty file that moves to disk when it grows."""
    return cast("IO[bytes]", Spool(directory))


def spool_body() -> tuple[IO[bytes], int]:
    """Read the body of the current request; return it and its size. 413 from Flask when it exceeds the limit."""
    target = open_spool(scratch())
    size, began = 0, time.monotonic()
    try:
        for block in blocks(request.stream, None):
            target.write(block)
            size += len(block)
    except BaseException:
        target.close()
        raise
    note_slow_sender(began)
    target.seek(0)
    return target, size
