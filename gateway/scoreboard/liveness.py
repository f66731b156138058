"""Whether a process is still the one it was; knows no worker."""

import os
from pathlib import Path

_PROC = Path("/proc/self/stat").exists()


def start_ticks(pid: int) -> int | None:
    """
    Return when a process started, in ticks since boot; None if it is gone or a zombie.

    0 where the system has no /proc: there a recycled pid cannot be told from the old process.
    """
    if not _PROC:
        return _exists(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # proc(5): the name in parentheses may hold anything; state and starttime are fields 3 and 22.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in b"ZX" else int(fields[19])


def _exists(pid: int) -> int | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return 0
    return 0
