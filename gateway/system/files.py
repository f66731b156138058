"""
Read files of other programs safely: regular files only, opened without blocking, up to an expected size.

A pipe would wait for a writer forever, a device never ends, and a file may grow while it is read.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

#: Read size: 1 MiB keeps memory flat; hashlib releases the GIL above 2 KiB.
CHUNK_BYTES: Final = 1024 * 1024
_SHOWN: Final = 200
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotRegularError(OSError):
    """A path leads to something other than a regular file; `strerror` names its kind."""


class TooLongError(OSError):
    """A file is larger than it may be, or grew while it was read; `strerror` says so."""


def kind_of(mode: int) -> str:
    """Name the kind of file that a mode stands for, with an article."""
    return next((name for test, name in _KINDS if test(mode)), "a file" if stat.S_ISREG(mode) else "no file")


def shortened(text: str) -> str:
    """Return a path for a message: some are as long as a book."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}…{text[-_SHOWN // 2 :]}"


def stat_of(path: Path) -> os.stat_result | None:
    """Return the stat of a path; None if it does not exist or cannot be resolved (a loop, a name too long)."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def is_file(path: Path) -> bool:
    """Say whether a path leads to a regular file; never raises."""
    found = stat_of(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def open_regular(path: Path) -> BinaryIO:
    """
    Open a regular file for reading.

    Raises NotRegularError for anything else, and OSError. A NUL in a path is an OSError here, too.
    """
    try:
        # Checked before opening: opening a device may already have an effect.
        _refuse_odd(path, path.stat().st_mode)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    stream = os.fdopen(descriptor, "rb", buffering=0)
    try:
        _refuse_odd(path, os.fstat(descriptor).st_mode)
    except OSError:
        stream.close()
        raise
    return stream


def _refuse_odd(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise NotRegularError(number, f"it is {kind_of(mode)}, not a regular file", str(path))


def blocks(path: Path, most: int | None = None) -> Iterator[bytes]:
    """
    Yield the content of a regular file.

    Raises TooLongError for more than `most` bytes, before the first is read if the size says so, and for a file that
    grows while it is read; otherwise raises as `open_regular`.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if most is not None and size > most:
            raise TooLongError(errno.EFBIG, f"it has {size:,} bytes, at most {most:,} are read", str(path))
        left = size
        while block := stream.read(min(CHUNK_BYTES, left + 1)):
            left -= len(block)
            if left < 0:
                raise TooLongError(errno.EFBIG, f"it grew beyond its {size:,} bytes while it was read", str(path))
            yield block


def read(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes; raises as `blocks`."""
    return b"".join(blocks(path, most))
