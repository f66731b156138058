"""Locks between processes: flock(2) on a file, which the kernel frees when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, *, shared: bool = False, create: bool = True) -> Iterator[None]:
    """
    Wait for the lock of a file or folder and hold it in the block; `shared` excludes exclusive holders only.

    `create` makes a missing lock file; without it the path must exist and is opened for reading, as a folder needs.
    Threads of one process exclude each other as well.
    """
    # A fresh descriptor each time: flock does not separate threads that share one.
    flags = os.O_RDWR | os.O_CREAT if create else os.O_RDONLY
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Explicit, not left to close(): a process forked meanwhile would hold the lock through its copy.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
