"""
Find the model that kills workers: deaths in the middle of a predict count against the routes that were predicting.

Pure bookkeeping; knows no process.
"""

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.scoreboard import InFlight

#: Deaths after which a route is quarantined. Two may be chance, and each one costs the requests in flight.
LIMIT = 3.0
#: Age at which deaths are forgotten.
WINDOW_S = 600.0
#: A worker that was killed from outside counts only against a predict that had been running this long: the operator
#: or the memory killer then most likely meant it.
LONG_RUNNING_S = 1.0
#: Signals that a process sends itself by crashing.
CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE})


@dataclass(slots=True)
class CrashAttribution:
    """Count worker deaths by route; routes that were predicting at the same death share it."""

    deaths: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def died(self, in_flight: Sequence[InFlight], signal_number: int | None, now: float | None = None) -> list[str]:
        """Record a death; return the routes whose share now reaches the limit."""
        now = time.time() if now is None else now
        if signal_number is None:
            return []
        suspects = {entry.route for entry in in_flight}
        if signal_number not in CRASHES:
            suspects = {entry.route for entry in in_flight if now - entry.started_at >= LONG_RUNNING_S}
        for route in suspects:
            kept = [(at, share) for at, share in self.deaths.get(route, []) if now - at < WINDOW_S]
            self.deaths[route] = [*kept, (now, 1 / len(suspects))]
        # Slightly below the limit: three thirds do not sum to exactly one.
        return [route for route in suspects if sum(share for _, share in self.deaths[route]) > LIMIT - 0.01]

    def forgive(self, route: str) -> None:
        """Forget the deaths of a route whose model was replaced, or whose owner forced it open."""
        self.deaths.pop(route, None)
