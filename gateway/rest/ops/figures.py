"""
GET /health?figures: the figures of every route, without reasons and texts, for pages that ask every few seconds.

Nothing in it changes while nobody asks a route, so a client that names its ETag gets a 304.
"""

from typing import Any, Final

from gateway.codecs.json import encode
from gateway.generations.history import Event
from gateway.rest.executor_reports import executor_report
from gateway.routing.live_generation import Generation
from gateway.routing.routes import Route
from gateway.scoreboard import RouteView
from gateway.scoreboard.status import Status

#: What a page that shows every route tells of a model that does not run in the workers.
_EXECUTOR: Final = ("kind", "state", "instances", "ready", "restarts", "breaker")


def figures(generation: Generation, views: dict[str, RouteView], status: Status, last: Event | None) -> bytes:
    """Return the document; `views` are the sums over all workers."""
    table = generation.table.by_name
    return encode(
        {
            "generation": generation.id,
            "started": round(status.started_at, 3),
            "reload": reload_figures(last),
            "routes": {name: route_figures(route, views.get(name), status) for name, route in table.items()},
        }
    )


def reload_figures(last: Event | None) -> dict[str, Any]:
    """Return when the last reload was, how it ended, and how many faults refused it."""
    return {} if last is None else {"at": round(last.at, 3), "result": last.result, "faults": last.faults}


def route_figures(route: Route, view: RouteView | None, status: Status) -> dict[str, Any]:
    """Return the figures of one route; without a worker that serves it, they are zeros."""
    view = view or RouteView(name=route.name)
    found = {
        "state": state_of(route, view),
        "version": route.version,
        "requests": view.requests,
        "errors": view.errors,
        "error_rate": round(view.errors / view.requests, 4) if view.requests else 0,
        "shed": view.shed,
        "in_flight": view.in_flight,
        "queue_depth": view.queue_depth,
        "per_second": round(view.per_second, 2),
        "p50_ms": _ms(view.p50_s),
        "p95_ms": _ms(view.p95_s),
    }
    if route.manifest.remote is not None:
        report = executor_report(route, status, view)
        found["executor"] = {name: report[name] for name in _EXECUTOR if name in report}
    return found


def state_of(route: Route, view: RouteView) -> str:
    """Return the state over all workers: a model that any of them is loading or has ready is not idle."""
    states = view.states
    if route.state == "FAILED" or states.get("failed"):
        return "FAILED"
    return next((state.upper() for state in ("loading", "ready") if states.get(state)), route.state)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 1)
