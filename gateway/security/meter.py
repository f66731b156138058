"""
Meter of one worker: charges callers for requests and rows, in tables that all workers share.

The tables are opened, and made, at the first charge: a gateway without limits has none. One that somebody deletes or
replaces is opened again by every worker within a second, or each would count for itself.
"""

import time
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from gateway.security.gcra import Gcra
from gateway.security.limits import DAY_S, CallerLimits, Rate
from gateway.security.quota import Quotas, until_midnight_s
from gateway.security.shared_table import Place

_NS: Final = 10**9
#: Seconds between two looks at the files of the tables.
LOOK_S: Final = 1.0
#: Callers whose places a worker remembers, each in 1 kB.
_MOST_KNOWN: Final = 4096


class Caller(NamedTuple):
    """Name whose use is counted: a principal, or an address where there is none."""

    name: str
    is_address: bool


class Use(NamedTuple):
    """
    Hold what is left of one limit after a charge.

    `left` may come at once, and all of it again after `reset_s`. `wait_s` is 0 where the charge was made; one that was
    refused may be tried again after it. `window_s` is the span of time that the limit is about, `most` what it is.
    """

    limit: str
    most: int
    window_s: int
    left: int
    reset_s: int
    wait_s: int


class _Places:
    """Hold where the use of one caller at one route is kept."""

    __slots__ = ("daily", "limits", "requests", "rows")

    requests: Place | None
    rows: Place | None
    daily: Place | None

    def __init__(self, meter: "Meter", caller: Caller, route: str, limits: CallerLimits) -> None:
        def place(table: Gcra | Quotas, what: str) -> Place:
            return table.place(f"{what} {route} {caller.name}", is_address=caller.is_address)

        # A rate is part of the name: what was used under another one says nothing about this one.
        self.limits = limits
        self.requests = self.rows = self.daily = None
        if limits.requests is not None:
            self.requests = place(meter.gcra, f"requests {limits.requests} {limits.most_requests}")
        if limits.rows is not None:
            self.rows = place(meter.gcra, f"rows {limits.rows}")
        if limits.daily is not None:
            self.daily = place(meter.quotas, "daily")


class Meter:
    """Keep what callers used: of moments in a file of `run_dir`, of a day in one of `state_dir`."""

    def __init__(self, run_dir: Path, state_dir: Path) -> None:
        self._run_dir, self._state_dir = run_dir, state_dir
        self._known: dict[tuple[Caller, str], _Places] = {}
        self._look_at = 0.0

    @cached_property
    def gcra(self) -> Gcra:
        """Return the table of requests and rows."""
        return Gcra(self._run_dir / "limits")

    @cached_property
    def quotas(self) -> Quotas:
        """Return the table of quotas."""
        return Quotas(self._state_dir / "quotas")

    def places(self, caller: Caller, route: str, limits: CallerLimits) -> _Places:
        """Return where the use of a caller at a route is kept."""
        if (now := time.monotonic()) > self._look_at:
            self._look_at = now + LOOK_S
            self._forget_replaced()
        found = self._known.get((caller, route))
        if found is None or found.limits is not limits:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[caller, route] = _Places(self, caller, route, limits)
        return found

    def _forget_replaced(self) -> None:
        """Let go of tables whose files are others by now; a charge under way ends in the one that it began with."""
        for name in ("gcra", "quotas"):
            table: Gcra | Quotas | None = self.__dict__.get(name)
            if table is not None and table.is_replaced():
                del self.__dict__[name]
                self._known.clear()


class Usage:
    """Charge one request of a caller at a route, and keep what is left of each of its limits."""

    __slots__ = ("_charged_s", "_meter", "_places", "_rows", "limits", "uses")

    def __init__(self, meter: Meter, caller: Caller, route: str, limits: CallerLimits) -> None:
        self._meter = meter
        self._places = meter.places(caller, route, limits)
        self._rows, self._charged_s = 0, 0.0
        self.limits = limits
        self.uses: list[Use] = []

    def begin(self) -> Use | None:
        """Charge the request; return the limit that refuses it."""
        rate, place = self.limits.requests, self._places.requests
        if rate is None or place is None:
            return None
        return self._charge("requests", place, rate, 1, self.limits.most_requests)

    def add_rows(self, rows: int) -> Use | None:
        """Charge its rows; return the first limit that refuses them."""
        rate, place = self.limits.rows, self._places.rows
        if rate is not None and place is not None:
            refusing = self._charge("rows", place, rate, rows, rate.count)
            if refusing is not None:
                return refusing
        most, place = self.limits.daily, self._places.daily
        if most is None or place is None:
            return None
        now_s = time.time()
        is_granted, left = self._meter.quotas.charge(place, rows, most, now_s)
        if is_granted:
            self._rows, self._charged_s = rows, now_s
        reset_s = until_midnight_s(now_s)
        return self._note(Use("daily", most, DAY_S, left, reset_s, 0 if is_granted else reset_s))

    def give_back(self) -> None:
        """Take the rows out of the quota of the day: they were not answered."""
        if self._rows and self._places.daily is not None:
            self._meter.quotas.give_back(self._places.daily, self._rows, self._charged_s)
            self._rows = 0

    def _charge(self, limit: str, place: Place, rate: Rate, count: int, at_once: int) -> Use | None:
        depth_ns = rate.ns(at_once)
        wait_ns, owed_ns = self._meter.gcra.charge(place, rate.ns(count), depth_ns, time.monotonic_ns())
        left = rate.within(max(depth_ns - owed_ns, 0))
        return self._note(Use(limit, rate.count, rate.seconds, left, _seconds(owed_ns), _seconds(wait_ns)))

    def _note(self, use: Use) -> Use | None:
        self.uses.append(use)
        return use if use.wait_s else None


def _seconds(ns: int) -> int:
    return -(-ns // _NS)
