"""
GET /health, /health/live, /health/ready: for people, for supervisors, for load balancers.

Reasons come from this worker's generation, sums over all workers from the scoreboard.
"""

import time
from collections.abc import Callable
from typing import Any

from flask import Response, request

from gateway.codecs.json import encode
from gateway.errors import Problem
from gateway.generations.history import Event
from gateway.rest.access import Access
from gateway.rest.api import Endpoint, generation_of_request, may
from gateway.rest.doors import has_operations
from gateway.rest.executor_reports import ExecutorReports
from gateway.rest.middleware.conditional import document
from gateway.rest.offload import Offload
from gateway.rest.ops.figures import figures
from gateway.rest.predict.steps.authorise import AUTHENTICATOR
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route
from gateway.scoreboard import RouteView, Scoreboard, WorkerView
from gateway.scoreboard.status import KeySetStatus, Status
from gateway.security.authentication import Authenticator

#: A worker that has not said anything for so long is shown as silent; it beats ten times a second.
SILENT_S = 5.0


def _respond(body: dict[str, Any], status: int = 200) -> Response:
    response = Response(encode(body), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


class Live(Endpoint):
    """Say that this process answers."""

    def get(self) -> Response:
        """Answer 200 always."""
        return _respond({"status": "live"})


class Ready(Endpoint):
    """Say whether traffic may come: no eager route loading, every critical route READY."""

    def get(self) -> Response:
        """Answer 200 or 503; with the routes that are missing where /health tells them to this caller."""
        generation = generation_of_request()
        table = generation.table
        ready = table.is_ready()
        if not has_operations() or not may(Access.CATALOG):
            return _respond({"status": "ready" if ready else "unready"}, 200 if ready else 503)
        degraded = {route.spec.path: _problem(route) for route in table.degraded()}
        waiting = [r.spec.path for r in table.by_name.values() if r.state == "LOADING"]
        body: dict[str, Any] = {"status": "ready" if ready else "unready", "generation": generation.id}
        if degraded:
            body["degraded"] = degraded
        if waiting:
            body["loading"] = waiting
        return _respond(body, 200 if ready else 503)


class Health(Endpoint):
    """Tell everything there is to know about routes, workers and the last reload."""

    def __init__(
        self,
        scoreboard: Scoreboard,
        status: Callable[[], Status],
        last: Callable[[], Event | None],
        executors: ExecutorReports,
        offload: Offload,
    ) -> None:
        self._offload = offload
        self._scoreboard = scoreboard
        self._status = status
        self._last = last
        self._executors = executors

    def get(self) -> Response:
        """Answer 200 always; `status` says ok, degraded or unready. With `?figures`, only the figures of routes."""
        generation = generation_of_request()
        routes = len(generation.table.by_name)
        if "figures" in request.args:
            return document(self._offload.report(lambda: self._figures(generation), routes))
        authenticator: Authenticator | None = request.environ.get(AUTHENTICATOR)
        fault = authenticator.keyring.fault if authenticator is not None else None
        return self._offload.report(lambda: self._report(generation, fault), routes)

    def _figures(self, generation: Generation) -> bytes:
        return figures(generation, self._scoreboard.routes(), self._status(), self._last())

    def _report(self, generation: Generation, keys_fault: Problem | None) -> Response:
        workers = [worker for worker in self._scoreboard.workers() if worker.alive]
        views = self._scoreboard.routes()
        table = generation.table
        executors = self._executors.of(table.by_name.values())
        status = "degraded" if table.degraded() else "ok"
        if not table.is_ready():
            status = "unready"
        report = self._status()
        last = self._last()
        generations = {worker.generation for worker in workers if worker.phase == "serving"}
        if last is not None and last.generation:
            generations.add(last.generation)
        body = {
            "status": status,
            "generation": generation.id,
            "committed": last.generation if last is not None else generation.id,
            "same_generation": len(generations) <= 1,
            "expected_workers": report.workers,
            "ready_workers": sum(1 for w in workers if w.phase == "serving"),
            "restarts": report.restarts,
            "pending": report.is_pending,
            "reload": reload_report(last, generation),
            "routes": {
                route.spec.path: route_report(route, views.get(name), executors[name])
                for name, route in table.by_name.items()
            },
            "workers": [worker_report(worker) for worker in workers],
        }
        fault = keys_fault
        if report.key_set is not None:
            body["key_set"] = key_set_report(report.key_set)
            fault = fault or report.key_set.fault
        if fault is not None:
            body["keys"] = {"code": fault.code, "reason": fault.message, "fix": fault.hint}
        return _respond(body)


def key_set_report(key_set: KeySetStatus) -> dict[str, Any]:
    """Return where the keys of the issuer of tokens come from, and how old they are."""
    age_s = round(time.time() - key_set.fetched_at, 1) if key_set.fetched_at else None
    return {"address": key_set.address, "fetched_at": round(key_set.fetched_at, 3) or None, "age_s": age_s}


def reload_report(event: Event | None, generation: Generation) -> dict[str, Any]:
    """Return how the last attempt to change the routes ended, and which routes serve an earlier version."""
    if event is None:
        return {}
    report = {"result": event.result, "at": round(event.at, 3), "took_s": event.took_s, "source": event.source}
    if event.reason:
        report["reason"] = event.reason
    if event.faults:
        report["faults"] = event.faults
    for name in ("added", "changed", "removed"):
        if paths := getattr(event, name):
            report[name] = list(paths)
    if generation.snapshot.fallbacks:
        report["serving_an_earlier_version"] = sorted(generation.snapshot.fallbacks)
    return report


def _problem(route: Route) -> dict[str, Any]:
    problem = route.reason
    return {"code": problem.code, "reason": problem.message, "fix": problem.hint} if problem else {}


def route_report(route: Route, view: RouteView | None, executor: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of one route: this worker's reason, all workers' numbers."""
    model = route.model
    report: dict[str, Any] = {
        "state": route.state,
        "since": round(model.since, 3),
        "loads": model.loads,
        "load_s": round(model.load_s, 4),
        "version": route.version,
        "compiled": model.compiler,
        "critical": route.spec.critical,
        "executor": executor,
    }
    if route.reason is not None:
        report |= _problem(route)
    if route.manifest.warnings:
        report["warnings"] = list(route.manifest.warnings)
    if (error := route.counters.last_error) is not None:
        report["last_error"] = {"at": round(error.at, 3), "text": error.text}
    if view is not None:
        report |= {
            "requests": view.requests,
            "errors": view.errors,
            "shed": view.shed,
            "in_flight": view.in_flight,
            "queue_depth": view.queue_depth,
            "p50_ms": _ms(view.p50_s),
            "p95_ms": _ms(view.p95_s),
            "states": dict(view.states),
        }
    return report


def worker_report(worker: WorkerView) -> dict[str, Any]:
    """Return what one worker last said of itself."""
    silent_s = time.time() - worker.heartbeat_at
    return {
        "pid": worker.pid,
        "phase": worker.phase if silent_s < SILENT_S else "silent",
        "generation": worker.generation,
        "up_s": round(time.time() - worker.started_at, 1),
        "pss_mb": round(worker.pss_bytes / 2**20, 1),
        "stuck_threads": worker.stuck_threads,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 3)
