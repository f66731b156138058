"""End with the process that started this one, however that one ends: the kernel sees to it, not our code."""

import ctypes
import os
import sys

#: prctl(2): deliver a signal when the parent (the thread that forked) ends.
_PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: int, parent: int) -> None:
    """
    Ask the kernel for `signal_number` when the parent ends; act at once where it has ended already.

    Linux only; elsewhere orphans notice at their next look at their parent, if they look.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal_number))
    if os.getppid() != parent:
        os.kill(os.getpid(), signal_number)
