"""Parent-death signal: the kernel ends this process when its parent ends, even by SIGKILL."""

import ctypes
import os
import sys

#: prctl(2): deliver a signal when the parent (the thread that forked) ends.
_PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: int, parent: int) -> None:
    """
    Ask the kernel to send `signal_number` when the parent ends; send it at once if the parent has ended already.

    Linux only; elsewhere an orphan must check its parent itself.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal_number))
    if os.getppid() != parent:
        os.kill(os.getpid(), signal_number)
