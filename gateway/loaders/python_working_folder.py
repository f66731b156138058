"""
Gives a thread a working folder of its own, so that `open("model.pkl")` means the file beside the code of its route.

All threads of a process share one until a thread asks Linux for its own (`unshare(CLONE_FS)`, which needs no right).
Where that is refused, as by Docker's default profile, the folder of the process stays.
"""

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CLONE_FS: Final = 0x200


class _Thread(threading.local):
    """Hold whether this thread has a working folder of its own; None: it has not asked."""

    is_own: bool | None = None


_thread = _Thread()


@contextlib.contextmanager
def within(folder: Path | None) -> Iterator[None]:
    """Let relative names of this thread start from `folder`; None changes nothing."""
    if folder is None or not _has_own():
        yield
        return
    before = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        os.chdir(folder)
        yield
    finally:
        os.fchdir(before)
        os.close(before)


def _has_own() -> bool:
    if _thread.is_own is None:
        _thread.is_own = _unshare() == 0
    return _thread.is_own


def _unshare() -> int:
    # os.unshare came with Python 3.12.
    try:
        return int(ctypes.CDLL(None, use_errno=True).unshare(_CLONE_FS))
    except (OSError, AttributeError):
        return -1
