"""What was counted of one route by all processes, for a page that people read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from gateway.metrics.instruments import (
    INSTANCES,
    PREDICTIONS,
    REQUEST_SECONDS,
    REQUESTS,
    SERVER_SECONDS,
    SHED,
    VALIDATION_ERRORS,
    Instrument,
)
from gateway.metrics.reader import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTotals:
    """
    Hold the sums of one route since its counters began.

    `seconds` are pairs of an upper bound (infinity for the last) and the requests that took no longer, but longer than
    the bound before.
    """

    requests: dict[str, int] = field(default_factory=dict)
    seconds: tuple[tuple[float, int], ...] = ()
    instances: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    shed: int = 0


@dataclass(frozen=True, slots=True)
class ServerTime:
    """Hold how long the server of a route was asked, and how long its requests took, since its counters began."""

    remote_s: float = 0.0
    total_s: float = 0.0


class _Totals:
    """Read the files of one directory; the layout that is known of them serves the next question."""

    def __init__(self, directory: Path) -> None:
        self._reader = Reader(directory)
        self._sums: dict[str, tuple[int, int]] = {}
        self._known = 0

    def server_times(self) -> dict[str, ServerTime]:
        totals = self._reader.totals()
        if len(self._reader.series) != self._known:
            self._known = len(self._reader.series)
            found = {(one.sample, one.labels): at for at, one in enumerate(self._reader.series)}
            self._sums = {
                labels[0][1]: (at, found[_TOTAL, labels])
                for (sample, labels), at in found.items()
                if sample == _REMOTE and (_TOTAL, labels) in found
            }
        return {
            route: ServerTime(totals[remote] or 0.0, totals[total] or 0.0)
            for route, (remote, total) in self._sums.items()
        }

    def of(self, route: str) -> RouteTotals:
        found: dict[str, list[tuple[str, dict[str, str], float]]] = {}
        totals = self._reader.totals()
        for series, number in zip(self._reader.series, totals, strict=False):
            labels = dict(series.labels)
            if number is not None and labels.get("route") == route:
                found.setdefault(series.family, []).append((series.sample, labels, number))

        def sums(instrument: Instrument, by: str) -> dict[str, int]:
            made: dict[str, int] = {}
            for _, labels, number in found.get(instrument.name, ()):
                made[labels[by]] = made.get(labels[by], 0) + int(number)
            return made

        return RouteTotals(
            requests=sums(REQUESTS, "code"),
            seconds=tuple(sorted(_buckets(found.get(REQUEST_SECONDS.name, [])))),
            instances=sum(sums(INSTANCES, "route").values()),
            labels=sums(PREDICTIONS, "label"),
            faults=sums(VALIDATION_ERRORS, "field"),
            shed=sum(sums(SHED, "reason").values()),
        )


def _buckets(samples: list[tuple[str, dict[str, str], float]]) -> Iterator[tuple[float, int]]:
    for _, labels, number in samples:
        if "le" in labels:
            yield float(labels["le"]), int(number)


_REMOTE: Final = f"{SERVER_SECONDS.name}_sum"
_TOTAL: Final = f"{REQUEST_SECONDS.name}_sum"
_LOCK: Final = Lock()
_READERS: Final[dict[Path, _Totals]] = {}


def route_totals(directory: Path, route: str) -> RouteTotals:
    """Return the sums of a route over all processes, living and ended. Thread-safe."""
    with _LOCK:
        return _totals(directory).of(route)


def server_times(directory: Path) -> dict[str, ServerTime]:
    """Return by route how long servers were asked, for the routes whose models do not run in workers. Thread-safe."""
    with _LOCK:
        return _totals(directory).server_times()


def _totals(directory: Path) -> _Totals:
    return _READERS.get(directory) or _READERS.setdefault(directory, _Totals(directory))
