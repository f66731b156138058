"""
Ends this process with its parent, and takes the network from it where the kernel can.

Called before anything of the model is imported: a user namespace is given to processes of a single thread only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import sys
import threading

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def without_network() -> str:
    """Move this process into a network of its own that reaches nothing; return "refused", or "open" where it cannot."""
    if not sys.platform.startswith("linux"):
        return "open"
    user, group = os.getuid(), os.getgid()
    kernel = ctypes.CDLL(None, use_errno=True)
    if kernel.unshare(_CLONE_NEWNET) == 0:
        return "refused"
    if kernel.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return "open"
    # Under its own number again: code that asks for the user's name or home finds what it found before.
    with contextlib.suppress(OSError):
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    return "refused"


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def end_with_parent(parent: int) -> None:
    """
    Have the kernel end this process when its parent ends, and end it when its standard input is closed.

    After without_network(): a new user namespace takes the signal back. `parent` was the parent at the start.
    """
    if sys.platform.startswith("linux"):
        kernel = ctypes.CDLL(None)
        kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        kernel.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    # A pipe that nobody writes to ends when the starter does; a file or a terminal says nothing about it.
    with contextlib.suppress(OSError):
        if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
            threading.Thread(target=_end_with_input, name="parent", daemon=True).start()


def _end_with_input() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(1)
