"""
One immutable state of a worker: a snapshot, its live models and its route table.

Models are shared between generations by manifest key, counters by route name, so a swap loads only what changed.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gateway.executors.thread_pool import MAX_THREADS, NativePool
from gateway.generations.snapshot import Snapshot
from gateway.metrics import RouteMetrics
from gateway.registry.load_options import load_options
from gateway.registry.spec import RouteSpec
from gateway.routing.bulkhead import Bulkhead
from gateway.routing.memory_budget import MemoryBudget
from gateway.routing.model import Model
from gateway.routing.route_table import RouteTable
from gateway.routing.routes import Route, RouteCounters
from gateway.scoreboard import Scoreboard, Slot
from gateway.security.limits import CallerLimits

#: Threads beside those that routes may fill, so that loads and quick calls find one.
SPARE_THREADS = 4
BACKGROUND_THREADS = 3


@dataclass(frozen=True, slots=True)
class Generation:
    """Pair a snapshot with the live routes made from it; `limits` are those of what is no route."""

    snapshot: Snapshot
    table: RouteTable
    limits: CallerLimits | None

    @property
    def id(self) -> str:
        """Return the name of the generation."""
        return self.snapshot.id

    @property
    def paths(self) -> frozenset[tuple[str, str, bool]]:
        """Return path, route name, and whether it is a page, of every mount: with the same, the Flask app is shared."""
        by_path = self.table.by_path
        return frozenset((path, route.name, path in route.spec.pages) for path, route in by_path.items())


class GenerationBuilder:
    """
    Make generations of one worker and keep what they share.

    A native thread builds beside the loop, which goes on serving, so making and forgetting take turns. What new
    requests see is changed by the loop alone (`Gateway.tick`).
    """

    def __init__(self, scoreboard: Scoreboard, slot: Slot, cache_dir: Path, threads: int) -> None:
        self.pool = NativePool(threads)
        # Loads, adoptions and measurements have threads of their own: routes that hang must not hold up a repair.
        self.background = NativePool(BACKGROUND_THREADS, "background")
        self._scoreboard = scoreboard
        self._slot = slot
        self._cache_dir = cache_dir
        self._budget = MemoryBudget()
        self._models: dict[str, Model] = {}
        self._counters: dict[str, RouteCounters] = {}
        self._turn = threading.Lock()

    def make(self, snapshot: Snapshot, before: Generation | None = None) -> Generation:
        """
        Build a generation; models that no living generation has yet are IDLE until `load` is called.

        Routes of `before` with the same entry (as an object) and model are taken over as they are.
        """
        with self._turn:
            return self._make(snapshot, before)

    def _make(self, snapshot: Snapshot, before: Generation | None) -> Generation:
        specs = snapshot.registry.routes
        wanted = sum(spec.max_concurrency for spec in specs)
        self.pool.resize(min(wanted + SPARE_THREADS, MAX_THREADS))
        indices = self._scoreboard.bind(self._slot, [spec.name for spec in specs])
        same = _unchanged(before, snapshot) if before is not None else {}
        routes = [same.get(spec.name) or self._route(spec, snapshot, indices[spec.name]) for spec in specs]
        made = Generation(snapshot, RouteTable(routes), snapshot.registry.server.limits.limits())
        self._share_memory(made)
        return made

    def load(self, generation: Generation, done: Callable[[Route], None]) -> None:
        """Start loading every eager model that is IDLE; `done` is called in a pool thread after each."""
        # Those elsewhere last: whoever waits for a server must not hold up what is here.
        for route in sorted(generation.table.by_name.values(), key=lambda one: one.manifest.remote is not None):
            if route.spec.load == "eager" and route.problem is None:
                self.background.spawn(lambda route=route: self._load(route, done))  # type: ignore[misc]

    def forget_except(self, generation: Generation) -> None:
        """Drop models and counters that `generation` does not use; calls in flight keep their references."""
        routes = generation.table.by_name
        keys = {route.manifest.key for route in routes.values()}
        with self._turn:
            for key in self._models.keys() - keys:
                for held in self._models.pop(key).held:
                    self._budget.release(held)
            gone = [name for name in self._counters if name not in routes]
            self._slot.drop(self._counters.pop(name).index for name in gone)

    def _share_memory(self, generation: Generation) -> None:
        """Put every model under the budget that no eager route has; what an eager one has stays loaded."""
        routes = generation.table.by_name.values()
        eager = {route.manifest.key for route in routes if route.spec.load == "eager"}
        for model in {route.model for route in routes}:
            if model.manifest.key in eager:
                model.budget = None
                for held in model.held:
                    self._budget.release(held)
            elif model.budget is None:
                model.budget = self._budget
                if model.state == "READY":
                    for held in model.held:
                        self._budget.count(held)
        self._budget.limit(generation.snapshot.registry.server.memory_budget)

    def _route(self, spec: RouteSpec, snapshot: Snapshot, index: int) -> Route:
        manifest = snapshot.manifests[spec.name]
        model = self._model(spec, snapshot)
        counters = self._counters_of(spec, model, index)
        return Route(spec, snapshot.registry.server, manifest, model, counters)

    @staticmethod
    def _load(route: Route, done: Callable[[Route], None]) -> None:
        route.model.load()
        done(route)

    def _model(self, spec: RouteSpec, snapshot: Snapshot) -> Model:
        manifest = snapshot.manifests[spec.name]
        model = self._models.get(manifest.key)
        if model is None or model.state == "FAILED":
            options = load_options(spec, manifest.artifact, self._cache_dir)
            model = self._models[manifest.key] = Model(manifest, options, self.pool)
        return model

    def _counters_of(self, spec: RouteSpec, model: Model, index: int) -> RouteCounters:
        most, signature = min(spec.max_concurrency, model.capacity), model.manifest.signature
        counters = self._counters.get(spec.name)
        if counters is None:
            bulkhead = Bulkhead(spec.path, most, spec.max_queue)
            counters = self._counters[spec.name] = RouteCounters(bulkhead, self._slot, index)
        else:
            counters.bulkhead.resize(most, spec.max_queue)
            counters.index = index
        labels = signature.output.labels if signature else ()
        fields = signature.names if signature else ()
        is_remote = model.manifest.remote is not None
        metrics = partial(RouteMetrics, spec.name, labels=labels, fields=fields, is_remote=is_remote)
        counters.count_with(metrics, now=spec.load == "eager")
        return counters


def _unchanged(before: Generation, snapshot: Snapshot) -> dict[str, Route]:
    """Return the routes that an edit left alone; one that failed is made anew, because its model is to be retried."""
    if before.snapshot.registry.server != snapshot.registry.server:
        return {}
    manifests, same = snapshot.manifests, {}
    for spec in snapshot.registry.routes:
        route = before.table.by_name.get(spec.name)
        if route is None or route.spec is not spec or route.manifest.key != manifests[spec.name].key:
            continue
        if route.manifest.attachments != manifests[spec.name].attachments:
            continue
        if route.state != "FAILED" and manifests[spec.name].problem is None:
            same[spec.name] = route
    return same
