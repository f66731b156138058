"""
GCRA, the generic cell rate algorithm: one number for each caller, the time until which what it used is paid for.

Numbers in the past are as good as none, so a table of them cleans itself.
"""

from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from gateway.security.shared_table import Place, SharedTable

#: Changes at each boot of the machine, and with it the clock of the times in the table.
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class Charge(NamedTuple):
    """Hold what became of a charge: nanoseconds to wait (0: it is made), and until all is paid for."""

    wait_ns: int
    owed_ns: int


class Gcra:
    """Keep the paid-until times of all callers in one file; times are those of time.monotonic_ns()."""

    def __init__(self, path: Path) -> None:
        self._table = SharedTable(path, _boot())
        self.place = self._table.place
        self.close = self._table.close
        self.is_replaced = self._table.is_replaced

    def charge(self, place: Place, cost_ns: int, depth_ns: int, now_ns: int) -> Charge:
        """
        Charge a cost where what is owed with it stays within the depth; refuse it whole else.

        A cost beyond the depth is let in while nothing is owed.
        """
        table = self._table
        table.lock(place)
        try:
            paid_until = max(table.read(place), now_ns)
            owed_ns = paid_until - now_ns
            wait_ns = owed_ns - max(depth_ns - cost_ns, 0)
            if wait_ns > 0:
                return Charge(wait_ns, owed_ns)
            table.write(place, paid_until + cost_ns)
        finally:
            table.unlock(place)
        return Charge(0, owed_ns + cost_ns)


def _boot() -> int:
    try:
        return crc32(_BOOT.read_bytes())
    except OSError:
        return 0
