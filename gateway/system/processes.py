"""Which process is meant: a pid with the time at which it began, because pids are given out again."""

from pathlib import Path


def started(pid: int) -> int:
    """Return when a living process began, in ticks since the machine did; 0 where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


def is_alive(pid: int, began: int) -> bool:
    """Say whether a process still is the one that was noted; its pid alone may have been given to somebody else."""
    return pid > 0 and began > 0 and started(pid) == began
