"""GET /metrics: counters of all workers from their files, gauges from the scoreboard, facts from the manifests."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from flask import Response, request

from gateway import metrics
from gateway.generations.history import Event
from gateway.rest.api import Endpoint, generation_of_request
from gateway.rest.executor_reports import servers_of
from gateway.rest.offload import Offload
from gateway.routing.live_generation import Generation
from gateway.scoreboard import RouteView, Scoreboard
from gateway.scoreboard.status import Status


class Metrics(Endpoint):
    """Answer GET /metrics in Prometheus text format, or OpenMetrics where that is asked for."""

    def __init__(
        self,
        *,
        scoreboard: Scoreboard,
        status: Callable[[], Status],
        last: Callable[[], Event | None],
        directory: Path,
        offload: Offload,
    ) -> None:
        self._offload = offload
        self._last = last
        self._scoreboard = scoreboard
        self._status = status
        self._directory = directory

    def get(self) -> Response:
        """Render the page for the active generation."""
        openmetrics = "application/openmetrics-text" in request.headers.get("Accept", "")
        generation = generation_of_request()
        page = self._offload.report(
            lambda: metrics.render(self._directory, self._facts(generation), openmetrics=openmetrics),
            len(generation.table.by_name),
        )
        kind = metrics.CONTENT_TYPE_OPENMETRICS if openmetrics else metrics.CONTENT_TYPE
        return Response(page, content_type=kind)

    def _facts(self, generation: Generation) -> metrics.CurrentState:
        views = self._scoreboard.routes()
        status = self._status()
        last = self._last()
        names = list(generation.table.by_name)
        return metrics.CurrentState(
            routes=names,
            generation=generation.id,
            models=tuple(_models(generation, views)),
            in_flight={name: views[name].in_flight for name in names if name in views},
            queue_depth={name: views[name].queue_depth for name in names if name in views},
            reloads=last.totals if last else {},
            last_reload_success_at=last.last_success_at or None if last else None,
            worker_pss_bytes=sum(worker.pss_bytes for worker in self._scoreboard.workers() if worker.alive),
            worker_restarts=status.restarts,
            model_servers=dict(_servers(generation, status, views)),
            key_set=_key_set(status),
        )


def _key_set(status: Status) -> metrics.KeySetRow | None:
    found = status.key_set
    if found is None:
        return None
    return metrics.KeySetRow(is_up=found.is_up, age_s=time.time() - found.fetched_at if found.fetched_at else None)


def _servers(
    generation: Generation, status: Status, views: dict[str, RouteView]
) -> Iterator[tuple[str, metrics.ServerRow]]:
    for route in generation.table.remote:
        view = views.get(route.name) or RouteView(name=route.name)
        row = metrics.ServerRow(breakers=view.breakers, away=view.servers_away)
        if told := servers_of(route.manifest, status):
            row = replace(
                row,
                ready=sum(one.state == "ready" for one in told),
                restarts=sum(one.restarts for one in told),
                memory_bytes=sum(one.memory_mb for one in told) * 2**20,
            )
        yield route.name, row


def _models(generation: Generation, views: dict[str, RouteView]) -> Iterator[metrics.ModelRow]:
    for route in generation.table.by_name.values():
        manifest = route.manifest
        view = views.get(route.name)
        yield metrics.ModelRow(
            route=route.name,
            loader=manifest.loader,
            version=route.version,
            compiled=manifest.compiled.compiler if manifest.compiled else "",
            states=view.states if view is not None else {},
            load_seconds=route.model.load_s or manifest.load_s,
            size_bytes=manifest.artifact.size_bytes if manifest.artifact else None,
            warnings=len(manifest.warnings),
        )
