"""What is true at a scrape and kept in no counter file: gauges, facts, and the counters of the arbiter."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.metrics.text_format import Kind, family

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
class KeySetRow:
    """Hold the figures of the key set that tokens are verified with; `age_s` is None while none has come yet."""

    is_up: bool
    age_s: float | None = None


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
    key_set: KeySetRow | None = None


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
        *_key_set_families(current.key_set),
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


def _key_set_families(key_set: KeySetRow | None) -> Iterable[Family]:
    """Yield the families of the key set; they have no series where no tokens count."""
    is_up: list[tuple[Iterable[tuple[str, str]], float]] = [] if key_set is None else [((), int(key_set.is_up))]
    age: list[tuple[Iterable[tuple[str, str]], float]] = (
        [] if key_set is None or key_set.age_s is None else [((), key_set.age_s)]
    )
    yield "key_set_up", "gauge", "Whether the key set of the issuer of tokens came at the last try", is_up
    yield "key_set_age_seconds", "gauge", "Time since the key set of the issuer of tokens came", age


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
