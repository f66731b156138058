"""Where the model of a route runs, and how its servers are: for the catalog, /health, /metrics and the console."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.artifacts.manifest import Manifest
from gateway.artifacts.remote import ChildSpec, Remote
from gateway.metrics.route_totals import ServerTime, server_times
from gateway.routing.routes import Route
from gateway.scoreboard import RouteView, Scoreboard
from gateway.scoreboard.status import ServerStatus, Status


def servers_of(manifest: Manifest, status: Status) -> list[ServerStatus]:
    """Return the processes of the model server of a route; none where its model runs in the workers or elsewhere."""
    remote = manifest.remote
    return status.servers_named(remote.child.name) if remote is not None and remote.child is not None else []


@dataclass(frozen=True, slots=True)
class ExecutorReports:
    """Read what executors are told of: the scoreboard, the status file of the arbiter and the counter files."""

    scoreboard: Scoreboard
    status: Callable[[], Status]
    metrics_dir: Path

    def of(self, routes: Collection[Route]) -> dict[str, dict[str, Any]]:
        """Return a report for each route by name; where all models run in the workers nothing is read."""
        remote = [route for route in routes if route.manifest.remote is not None]
        reports: dict[str, dict[str, Any]] = {route.name: {"kind": "local"} for route in routes}
        if remote:
            status, views, times = self.status(), self.scoreboard.routes(), server_times(self.metrics_dir)
            for route in remote:
                reports[route.name] = executor_report(route, status, views.get(route.name), times.get(route.name))
        return reports


def executor_report(
    route: Route, status: Status, view: RouteView | None, time: ServerTime | None = None
) -> dict[str, Any]:
    """
    Return the kind of executor, how its servers are, and how long they were asked.

    `breaker` is the worst of all workers, `away` what this worker leaves out; `reason` is that of the last end.
    """
    remote = route.manifest.remote
    if remote is None:
        return {"kind": "local"}
    report: dict[str, Any] = {"kind": remote.kind}
    if remote.child is not None:
        report |= _processes(remote.child, servers_of(route.manifest, status))
    else:
        report |= _servers(remote, view)
    if remote.kind == "ray":
        keys = route.spec.executor
        report |= {"address": keys.address, "replicas": list(keys.autoscale or (keys.replicas,))}
    if view is not None and view.breaker:
        report["breaker"] = view.breaker
    if (health := route.model.server_health) is not None and health.away and remote.child is None:
        report["away"] = dict(health.away)
    if time is not None:
        report |= {"remote_s": round(time.remote_s, 3), "total_s": round(time.total_s, 3)}
    return report


def _servers(remote: Remote, view: RouteView | None) -> dict[str, Any]:
    """Return the servers that are not ours; what is known of them comes from the calls of the workers."""
    servers = len(remote.urls)
    ready = servers - min(view.servers_away if view is not None else 0, servers)
    state = "ready" if ready == servers else "degraded" if ready else "away"
    return {"servers": list(remote.urls), "model": remote.model, "instances": servers, "ready": ready, "state": state}


def _processes(child: ChildSpec, told: list[ServerStatus]) -> dict[str, Any]:
    """
    Return the processes of ours.

    `state` is ready, degraded (not all instances are), or that of the first instance.
    """
    kept = [one for one in told if one.state != "ending"]
    ready = sum(one.state == "ready" for one in kept)
    state = "ready" if ready == child.instances else "degraded"
    report = {
        "instances": child.instances,
        "ready": ready,
        "state": state if ready else (kept[0].state if kept else "starting"),
        "restarts": sum(one.restarts for one in kept),
        "memory_mb": sum(one.memory_mb for one in kept),
        "pids": [one.pid for one in kept if one.pid],
    }
    if reasons := [one.reason for one in kept if one.reason]:
        report["reason"] = reasons[-1]
    return report
