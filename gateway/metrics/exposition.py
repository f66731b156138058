"""Exposition for Prometheus: render counters and histograms from the counter files, and gauges from the caller."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from gateway.metrics.instruments import INSTRUMENTS, NO_ROUTE
from gateway.metrics.reader import Reader, Series
from gateway.metrics.text_format import Kind, family, header, prefix

Labels = tuple[tuple[str, str], ...]
#: Name, kind, documentation, and the rows of labels and value.
Family: TypeAlias = tuple[str, Kind, str, Iterable[tuple[Iterable[tuple[str, str]], float]]]

STATES = ("idle", "loading", "ready", "failed")
BREAKERS = ("closed", "half-open", "open")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """Hold the facts of the model of a variant of a route; `states` counts the workers in each state."""

    route: str
    variant: str = "primary"
    loader: str = ""
    version: str = ""
    compiled: str = ""
    states: Mapping[str, int] = field(default_factory=dict)
    load_seconds: float | None = None
    size_bytes: int | None = None
    warnings: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRow:
    """
    Hold the figures of the servers that a route asks.

    The first three are sums over the processes of ours, None where the servers are not ours. `breakers` counts the
    workers by the state of their breaker, `away` the servers that are left out.
    """

    ready: int | None = None
    restarts: int | None = None
    memory_bytes: int | None = None
    breakers: Mapping[str, int] = field(default_factory=dict)
    away: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentState:
    """
    Hold the values of the moment that no counter file has: gauges, facts, and the counters of the arbiter.

    Series of routes that are not in `routes` are not rendered, but their files stay: a route that returns continues its
    counts.
    """

    routes: Collection[str]
    generation: str = ""
    models: tuple[ModelRow, ...] = ()
    in_flight: Mapping[str, int] = field(default_factory=dict)
    queue_depth: Mapping[str, int] = field(default_factory=dict)
    reloads: Mapping[str, int] = field(default_factory=dict)
    last_reload_success_at: float | None = None
    worker_pss_bytes: int | None = None
    worker_restarts: int = 0
    model_servers: Mapping[str, ServerRow] = field(default_factory=dict)


def render(directory: Path, current: CurrentState, *, openmetrics: bool = False) -> bytes:
    """Return the metrics in Prometheus text format 0.0.4 or OpenMetrics 1.0.0. Thread-safe."""
    with _LOCK:
        page = _PAGES.get(directory) or _PAGES.setdefault(directory, _Page(directory))
        counted = page.render(frozenset((*current.routes, NO_ROUTE)), openmetrics=openmetrics)
    return (counted + render_state(current, openmetrics=openmetrics) + ("# EOF\n" if openmetrics else "")).encode()


class _Child:
    """Cache the lines of one counter or histogram, and render them again only when a number changed."""

    __slots__ = ("_last", "_pick", "_prefixes", "_text", "cumulative", "ids", "route")

    def __init__(self, series: list[tuple[int, Series]]) -> None:
        order = sorted(series, key=lambda pair: float(dict(pair[1].labels).get("le", "inf")))
        self.cumulative = any(one.sample.endswith("_bucket") for _, one in order)
        if self.cumulative:  # the sum goes last, the count is the last bucket
            order.sort(key=lambda pair: pair[1].sample.endswith("_sum"))
        self.ids = [number for number, _ in order]
        self.route = dict(order[0][1].labels)["route"]
        self._prefixes = [prefix(one.sample, one.labels) for _, one in order]
        if self.cumulative:
            total = order[-1][1]
            self._prefixes.insert(-1, prefix(total.family + "_count", total.labels))
        self._pick = itemgetter(
            *self.ids, self.ids[0]
        )  # one extra id, so that the result is a tuple even for a single one
        self._last: tuple[float | None, ...] = ()
        self._text = ""

    def text(self, totals: list[float | None]) -> str:
        """Return the lines; nothing while a number is missing."""
        numbers = self._pick(totals)
        if numbers != self._last:
            self._last, self._text = numbers, self._lines(numbers[:-1])
        return self._text

    def _lines(self, numbers: tuple[float | None, ...]) -> str:
        if None in numbers:
            return ""
        values = [number or 0.0 for number in numbers]
        if self.cumulative:
            for i in range(1, len(values) - 1):
                values[i] += values[i - 1]
            values.insert(-1, values[-2])
        return "".join([f"{start}{value!r}\n" for start, value in zip(self._prefixes, values, strict=True)])


class _Page:
    """Cache the rendered children of all families of one directory."""

    def __init__(self, directory: Path) -> None:
        self._reader = Reader(directory)
        self._known = 0
        self._children: dict[str, dict[Labels, _Child]] = {}

    def render(self, routes: frozenset[str], *, openmetrics: bool) -> str:
        totals = self._reader.totals()
        if len(self._reader.series) != self._known:
            self._group()
        parts: list[str] = []
        for instrument in INSTRUMENTS:
            children = self._children.get(instrument.name, {}).values()
            lines = [child.text(totals) for child in children if child.route in routes]
            parts.append(header(instrument.name, instrument.kind, instrument.documentation, openmetrics=openmetrics))
            parts += lines
        return "".join(parts)

    def _group(self) -> None:
        """Assign new series to their children; a route that wakes up costs its own series only."""
        series = self._reader.series
        groups: dict[tuple[str, Labels], list[int]] = {}
        for number in range(self._known, len(series)):
            labels = tuple(pair for pair in series[number].labels if pair[0] != "le")
            groups.setdefault((series[number].family, labels), []).append(number)
        for (name, labels), numbers in groups.items():
            family = self._children.setdefault(name, {})
            older = family[labels].ids if labels in family else []  # a histogram was read while it was being created
            family[labels] = _Child([(number, series[number]) for number in (*older, *numbers)])
        self._known = len(series)


_LOCK = Lock()
_PAGES: dict[Path, _Page] = {}


def render_state(current: CurrentState, *, openmetrics: bool) -> str:
    """Render the families of `current`: gauges, facts, and the counters of the arbiter."""
    primary = {model.route: model for model in reversed(current.models)}
    loads = {route: model.load_seconds for route, model in primary.items()}
    sizes = {route: model.size_bytes for route, model in primary.items()}
    warned = {route: model.warnings for route, model in primary.items()}
    pss = [] if current.worker_pss_bytes is None else [((("kind", "pss"),), current.worker_pss_bytes)]
    reloaded = [] if current.last_reload_success_at is None else [((), current.last_reload_success_at)]
    families: list[Family] = [
        ("in_flight", "gauge", "Predicts running now, all workers", _by_route(current.in_flight)),
        ("queue_depth", "gauge", "Requests waiting for their turn, all workers", _by_route(current.queue_depth)),
        ("model_state", "gauge", "Workers whose model is in the state", _states(current.models)),
        ("model", "info", "What serves a route", [(_facts(model), 1) for model in current.models]),
        ("model_load_seconds", "gauge", "Time to load the model", _by_route(loads)),
        ("model_size_bytes", "gauge", "Size of the artifact", _by_route(sizes)),
        ("model_warnings", "gauge", "Warnings about the model, such as of another library version", _by_route(warned)),
        ("reloads", "counter", "Reloads by result", [((("result", k),), v) for k, v in current.reloads.items()]),
        ("generation", "info", "The active generation", [((("generation", current.generation),), 1)]),
        ("last_reload_success_timestamp_seconds", "gauge", "When the last reload succeeded, Unix time", reloaded),
        ("worker_memory_bytes", "gauge", "Memory of all workers together", pss),
        ("worker_restarts", "counter", "Workers that were replaced unplanned", [((), current.worker_restarts)]),
        *_server_families(current.model_servers),
    ]
    return "".join(
        family(f"gateway_{name}", kind, documentation, list(rows), openmetrics=openmetrics)
        for name, kind, documentation, rows in families
    )


def _server_families(servers: Mapping[str, ServerRow]) -> Iterable[Family]:
    """Yield the families of model servers; routes whose models run in the workers have none."""
    breakers = [
        ((("route", route), ("state", state)), row.breakers.get(state, 0))
        for route, row in servers.items()
        for state in BREAKERS
    ]
    away = {route: row.away for route, row in servers.items()}
    ready = {route: row.ready for route, row in servers.items()}
    restarts = {route: row.restarts for route, row in servers.items()}
    memory = {route: row.memory_bytes for route, row in servers.items()}
    yield "executor_processes", "gauge", "Processes of the model server that are ready", _by_route(ready)
    yield (
        "executor_restarts",
        "counter",
        "Unplanned ends of processes of the model server",
        _by_route(restarts),
    )
    yield "executor_memory_bytes", "gauge", "Memory of the processes of the model server", _by_route(memory)
    yield "executor_breaker", "gauge", "Workers whose breaker before the model server is in the state", breakers
    yield "executor_servers_away", "gauge", "Servers of the model that are left out, as they fail", _by_route(away)


def _by_route(numbers: Mapping[str, float | None]) -> list[tuple[tuple[tuple[str, str], ...], float]]:
    return [((("route", route),), number) for route, number in numbers.items() if number is not None]


def _states(models: Iterable[ModelRow]) -> list[tuple[tuple[tuple[str, str], ...], float]]:
    return [
        ((("route", model.route), ("state", state), ("variant", model.variant)), model.states.get(state, 0))
        for model in models
        for state in STATES
    ]


def _facts(model: ModelRow) -> tuple[tuple[str, str], ...]:
    return (
        ("compiled", model.compiled),
        ("loader", model.loader),
        ("route", model.route),
        ("variant", model.variant),
        ("version", model.version),
    )
