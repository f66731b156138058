"""Memory of a process, in bytes, as /proc reports it."""

import os
from pathlib import Path
from typing import Final

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def address_space_bytes() -> int:
    """Return the address space of this process (VmSize); 0 where the system does not tell."""
    return _pages("self", 0) * _PAGE_BYTES


def resident_bytes(pid: int | None = None) -> int:
    """Return the resident memory (RSS) of a process, of this one by default; 0 where the system does not tell."""
    return _pages("self" if pid is None else str(pid), 1) * _PAGE_BYTES


def proportional_bytes() -> int | None:
    """
    Return the proportional set size (PSS) of this process: its own memory and its share of what it shares.

    None where the system does not tell. Takes about 1 ms.
    """
    try:
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None
    return None


def _pages(process: str, field: int) -> int:
    """Return a field of /proc/<process>/statm (proc(5)): 0 is the address space, 1 the resident set."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[field])
    except (OSError, IndexError, ValueError):
        return 0
