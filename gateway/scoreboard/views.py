"""Views of the scoreboard for readers: plain data in seconds and bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.scoreboard.latency import BUCKETS, quantile
from gateway.scoreboard.layout import BREAKERS, STATES


@dataclass(frozen=True, slots=True)
class InFlight:
    """Name a route with a predict in flight, and its start (Unix time)."""

    route: str
    started_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """Hold the last numbers of one worker; times are Unix time, `alive` comes from the kernel."""

    pid: int
    alive: bool
    started_at: float
    heartbeat_at: float
    phase: str
    generation: str
    pss_bytes: int
    stuck_threads: int
    connections: int
    in_flight: tuple[InFlight, ...]


def _no_buckets() -> list[int]:
    return [0] * BUCKETS


@dataclass(slots=True, kw_only=True)
class RouteView:
    """
    Hold the sums over live workers of one route.

    `recent` counts durations by latency bucket over the last `recent_s` (30 to 60) seconds; `states` counts the workers
    by the state of the model in them, `breakers` by the state of their breaker before the servers of the model (empty
    where it runs in the workers). `servers_away` is how many servers are left out by the worker that leaves out most.
    """

    name: str
    requests: int = 0
    errors: int = 0
    shed: int = 0
    in_flight: int = 0
    queue_depth: int = 0
    recent_s: float = 0.0
    states: Mapping[str, int] = field(default_factory=dict)
    breakers: Mapping[str, int] = field(default_factory=dict)
    servers_away: int = 0
    recent: list[int] = field(default_factory=_no_buckets)

    @property
    def state(self) -> str:
        """Return the worst state any worker reports."""
        return next((state for state in STATES if self.states.get(state)), "unknown")

    @property
    def breaker(self) -> str:
        """Return the worst state of a breaker that any worker reports; "" where none asks a server."""
        return next((state for state in BREAKERS if self.breakers.get(state)), "")

    @property
    def per_second(self) -> float:
        """Return the requests per second over the last 30 to 60 seconds."""
        return sum(self.recent) / self.recent_s if self.recent_s else 0.0

    @property
    def p50_s(self) -> float | None:
        """Return the median of the last 30 to 60 seconds; None without a request."""
        return quantile(self.recent, 0.5)

    @property
    def p95_s(self) -> float | None:
        """Return the 95th percentile of the last 30 to 60 seconds; None without a request."""
        return quantile(self.recent, 0.95)
