"""
Whether a process is alive, and whether it still is the same one: pids are given out again.

A process is named by its pid and its start time. Zombies do not count as alive.
"""

import os
from pathlib import Path
from typing import Final

_HAS_PROC: Final = Path("/proc/self/stat").exists()


def started(pid: int) -> int | None:
    """
    Return the start time of a process in clock ticks since boot; None where no living process has this pid.

    0 where the system has no /proc: a recycled pid cannot be told from the old process there.
    """
    if not _HAS_PROC:
        return 0 if _takes_signals(pid) else None
    fields = _fields(pid)
    return None if not fields or fields[0] in {"Z", "X"} else int(fields[19])


def is_stopped(pid: int) -> bool:
    """Say whether a process is stopped by a signal or a debugger; False where the system does not tell."""
    return _fields(pid)[:1] in (["T"], ["t"])


def is_running(pid: int) -> bool:
    """Say whether a living process has this pid, whichever process that is."""
    return pid > 0 and started(pid) is not None


def is_alive(pid: int, began: int) -> bool:
    """Say whether the process with this pid is the one that started at `began` (see `started`)."""
    return pid > 0 and started(pid) == began


def own_start() -> int:
    """Return the start time of this process; 0 where the system does not tell."""
    return started(os.getpid()) or 0


def _fields(pid: int) -> list[str]:
    """Return the fields of proc(5) from the state on, none where there is no such process."""
    try:
        # The name in parentheses may hold anything; state and start time are fields 3 and 22.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _takes_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
