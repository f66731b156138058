"""Quotas of a day: rows of each caller since 00:00 UTC, in a file that survives restarts."""

from pathlib import Path
from typing import Final

from gateway.security.limits import DAY_S
from gateway.security.shared_table import Place, SharedTable

#: A value is the number of the day, then the rows: those of past days are smaller, and make room first.
_ROW_BITS: Final = 40
_ROWS: Final = (1 << _ROW_BITS) - 1


class Quotas:
    """Keep the rows of today of all callers in one file; `now_s` is Unix time."""

    def __init__(self, path: Path) -> None:
        self._table = SharedTable(path)
        self.place = self._table.place
        self.close = self._table.close
        self.is_replaced = self._table.is_replaced

    def charge(self, place: Place, rows: int, most: int, now_s: float) -> tuple[bool, int]:
        """Charge rows where they are within the quota; return whether they are, and how many are left of it."""
        table, today = self._table, int(now_s) // DAY_S
        table.lock(place)
        try:
            used = _used(table.read(place), today)
            if used + rows > most:
                return False, max(most - used, 0)
            table.write(place, today << _ROW_BITS | used + rows)
        finally:
            table.unlock(place)
        return True, most - used - rows

    def give_back(self, place: Place, rows: int, charged_s: float) -> None:
        """Take back a charge whose rows were not answered; one of a past day is past."""
        table, day = self._table, int(charged_s) // DAY_S
        table.lock(place)
        try:
            value = table.read(place)
            if value >> _ROW_BITS == day:
                table.write(place, day << _ROW_BITS | max(_used(value, day) - rows, 0))
        finally:
            table.unlock(place)


def until_midnight_s(now_s: float) -> int:
    """Return the whole seconds until the next day (UTC) begins."""
    return DAY_S - int(now_s) % DAY_S


def _used(value: int, today: int) -> int:
    return value & _ROWS if value >> _ROW_BITS == today else 0
