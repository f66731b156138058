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
_READING: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
#: A folder on the way to a file may be passed without being listed, where the system knows that.
_FOLDER: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
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


def resolved(path: Path) -> Path:
    """Return an absolute path without links; what lies behind a loop of links stays as it is, and cannot be opened."""
    return Path(os.path.realpath(path))  # `Path.resolve` raises RuntimeError, before Python 3.13, for a loop


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
        descriptor = os.open(path, _READING)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    return _checked(path, descriptor)


def open_resolved(path: Path) -> BinaryIO:
    """
    Open a regular file by an absolute path without links, as `Path.resolve` returns it.

    Raises OSError where a folder on the way, or the file, has become a link since; otherwise as `open_regular`.
    """
    folder = os.open(path.anchor, _FOLDER)
    try:
        for name in path.parts[1:-1]:
            inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        _refuse_odd(path, os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode)
        descriptor = os.open(path.name, _READING | os.O_NOFOLLOW, dir_fd=folder)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    finally:
        os.close(folder)
    return _checked(path, descriptor)


def _checked(path: Path, descriptor: int) -> BinaryIO:
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
        yield from blocks_of(stream, path, most)


def blocks_of(stream: BinaryIO, path: Path, most: int | None = None) -> Iterator[bytes]:
    """Yield what an open file holds; raises TooLongError as `blocks`."""
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
