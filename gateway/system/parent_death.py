"""
Parent-death signal: the kernel ends this process when its parent ends, even by SIGKILL.

As a script (`parent_death.py SIGNAL PARENT COMMAND...`) it becomes a program that ends so, whatever that program is:
the signal outlives exec. Standard library only.
"""

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


def main() -> None:
    """Become the command of the arguments."""
    _, signal_number, parent, *command = sys.argv
    die_with_parent(int(signal_number), int(parent))
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
