"""What was asked of a route, as rows of bars: how long answers took, which labels they were."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.console.number_text import NOTHING, number_text
from gateway.metrics.route_totals import RouteTotals
from gateway.scoreboard import RouteView

#: Rows of the label mix and of the faults; the rest is summed up.
MOST_ROWS: Final = 12
_FIRST_ERROR, _FIRST_REFUSAL = 500, 400


@dataclass(frozen=True, slots=True)
class BarRow:
    """Hold one row: its words, its count, and the share of all."""

    text: str
    count: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Hold the figures of a route over all workers; the quantiles are of the last minute, None without a request."""

    requests: int
    refused: int
    errors: int
    shed: int
    rows: int
    p50_s: float | None
    p95_s: float | None
    latencies: tuple[BarRow, ...]
    labels: tuple[BarRow, ...]
    faults: tuple[BarRow, ...]

    @property
    def p50_text(self) -> str:
        """Return the median for people."""
        return NOTHING if self.p50_s is None else seconds_text(self.p50_s)

    @property
    def p95_text(self) -> str:
        """Return the 95th percentile for people."""
        return NOTHING if self.p95_s is None else seconds_text(self.p95_s)

    @property
    def error_share(self) -> float:
        """Return the share of requests that failed."""
        return self.errors / self.requests if self.requests else 0.0


def traffic_of(totals: RouteTotals, view: RouteView | None) -> Traffic:
    """Return the figures of a route."""
    return Traffic(
        requests=sum(totals.requests.values()),
        refused=sum(count for code, count in totals.requests.items() if _FIRST_REFUSAL <= int(code) < _FIRST_ERROR),
        errors=sum(count for code, count in totals.requests.items() if int(code) >= _FIRST_ERROR),
        shed=totals.shed,
        rows=totals.instances,
        p50_s=None if view is None else view.p50_s,
        p95_s=None if view is None else view.p95_s,
        latencies=_latencies(totals),
        labels=_mix(totals.labels),
        faults=_mix({name: count for name, count in totals.faults.items() if count}),
    )


def _latencies(totals: RouteTotals) -> tuple[BarRow, ...]:
    """Return a row for each bucket between the first and the last that is not empty."""
    total = sum(count for _, count in totals.seconds)
    filled = [at for at, (_, count) in enumerate(totals.seconds) if count]
    if not filled:
        return ()
    bounds = [bound for bound, _ in totals.seconds]
    return tuple(
        BarRow(_span(bounds[at - 1] if at else 0.0, bounds[at]), count, count / total)
        for at, (_, count) in enumerate(totals.seconds)
        if filled[0] <= at <= filled[-1]
    )


def _span(low: float, high: float) -> str:
    if math.isinf(high):
        return f"over {seconds_text(low)}"
    return f"{seconds_text(low)} to {seconds_text(high)}" if low else f"up to {seconds_text(high)}"


def seconds_text(seconds: float) -> str:
    """Return a time in the unit that people read it in."""
    rounded = float(f"{seconds:.3g}")
    return f"{number_text(rounded)} s" if rounded >= 1 else f"{number_text(float(f'{seconds * 1e3:.3g}'))} ms"


def _mix(counts: Mapping[str, int]) -> tuple[BarRow, ...]:
    total = sum(counts.values())
    if not total:
        return ()
    rows = sorted(counts.items(), key=lambda pair: -pair[1]) if len(counts) > MOST_ROWS else list(counts.items())
    shown = [BarRow(text, count, count / total) for text, count in rows[:MOST_ROWS]]
    rest = sum(count for _, count in rows[MOST_ROWS:])
    if len(rows) > MOST_ROWS:
        shown.append(BarRow(f"{number_text(len(rows) - MOST_ROWS)} others", rest, rest / total))
    return tuple(shown)
