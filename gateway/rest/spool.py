"""The body of a request on disk instead of in memory, read without holding the event loop. Knows no format."""

import tempfile
from pathlib import Path
from typing import IO, Any, Final, cast

from flask import current_app, request

from gateway.executors.baton import pause

#: A body up to this size stays in memory.
SPOOL_BYTES: Final = 1024 * 1024
_BLOCK: Final = 64 * 1024
#: Blocks between two turns for other requests: a fast client would keep the loop for its whole body.
_BLOCKS_PER_TURN: Final = 4

#: Key of app.config under which the folder for spooled bodies stands.
SCRATCH: Final = "GATEWAY_SCRATCH"


def scratch() -> Path | None:
    """Return the folder of temporary files; files in it have no name, so a killed worker leaves none."""
    found: Path | None = current_app.config.get(SCRATCH)
    return found


def open_spool(directory: Path | None) -> IO[bytes]:
    """Return an empty file that moves to disk when it grows."""
    folder = None if directory is None else str(directory)
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=folder))


def spool_body() -> tuple[IO[bytes], int]:
    """Read the body of the current request; return it and its size. 413 from Flask when it exceeds the limit."""
    target = open_spool(scratch())
    stream: Any = request.stream
    size = blocks = 0
    while block := stream.read(_BLOCK):
        target.write(block)
        size += len(block)
        blocks += 1
        if blocks % _BLOCKS_PER_TURN == 0:
            pause()
    target.seek(0)
    return target, size
