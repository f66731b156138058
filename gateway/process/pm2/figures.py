"""Compute the metrics for `pm2 monit` from the scoreboard, over all workers, under stable names."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.generations import history, snapshot
from gateway.generations.history import Event
from gateway.generations.snapshot import Snapshot
from gateway.metrics.route_totals import ServerTime, server_times
from gateway.process.monitor import Monitor
from gateway.scoreboard import RouteView, Scoreboard
from gateway.scoreboard.latency import quantile
from gateway.scoreboard.status import ServerStatus
from gateway.settings.settings import Settings

#: Routes that are shown by name; PM2 merges metrics by key and never drops a key, so the keys are ranks.
BUSIEST = 3
#: Interval at which the counter files are summed.
TIMES_S = 10.0


class Figures:
    """Sample the scoreboard for PM2, once a second, in the bridge's thread."""

    def __init__(self, settings: Settings, monitor: Monitor) -> None:
        self._settings = settings
        self._monitor = monitor
        self._scoreboard = Scoreboard.open(settings.scoreboard_path)
        self._committed = snapshot.CommittedReader(settings.state_dir)
        self._times: tuple[float, dict[str, ServerTime]] = (-TIMES_S, {})

    def sample(self) -> dict[str, Any]:
        """Return PM2's metrics: name -> value, unit, type."""
        views = self._scoreboard.routes()
        committed = self._committed.read()
        names = list(committed.manifests) if committed else []
        return figures(
            [views[name] for name in names if name in views],
            models=len(names),
            serving=len(self._monitor.serving()),
            workers=self._settings.workers,
            pss_bytes=sum(worker.pss_bytes for worker in self._scoreboard.workers() if worker.alive),
            restarts=self._monitor.status.restarts,
            servers=self._monitor.status.servers,
            generation=committed.id if committed else "none",
            last_reload=reload_text(history.last(self._settings.state_dir), time.time()),
            times=self._server_times(committed),
        )

    def _server_times(self, committed: Snapshot | None) -> dict[str, ServerTime]:
        """Return how long servers were asked; read now and then, and only where a route asks one."""
        if committed is None or all(manifest.remote is None for manifest in committed.manifests.values()):
            return {}
        if time.monotonic() - self._times[0] >= TIMES_S:
            self._times = time.monotonic(), server_times(self._settings.metrics_dir)
        return {name: one for name, one in self._times[1].items() if name in committed.manifests}


def figures(
    shown: Sequence[RouteView],
    *,
    models: int,
    serving: int,
    workers: int,
    pss_bytes: int,
    restarts: int,
    generation: str,
    last_reload: str,
    servers: Sequence[ServerStatus] = (),
    times: Mapping[str, ServerTime] | None = None,
) -> dict[str, Any]:
    """Return the metrics of the routes that are served, summed, and of the busiest ones by name."""
    ready = sum(1 for view in shown if view.state in ("ready", "idle"))
    found = {
        "Models ready": _metric(f"{ready}/{models}"),
        "Workers": _metric(f"{serving}/{workers}"),
        "Requests": _metric(round(sum(view.per_second for view in shown), 1), "req/s"),
        "p95 latency": _metric(_p95_ms(shown), "ms"),
        "In flight": _metric(sum(view.in_flight for view in shown)),
        "Queued": _metric(sum(view.queue_depth for view in shown)),
        "Errors": _metric(sum(view.errors for view in shown)),
        "Shed": _metric(sum(view.shed for view in shown)),
        "Workers memory": _metric(round(pss_bytes / 2**20, 1), "MB"),
        "Worker restarts": _metric(restarts),
        "Model servers": _metric(servers_text(servers)),
        "Breakers": _metric(breakers_text(shown)),
        "Time in model servers": _metric(times_text(times or {})),
        "Generation": _metric(generation),
        "Last reload": _metric(last_reload),
    }
    busiest = sorted(shown, key=lambda view: -view.per_second)[:BUSIEST]
    for place in range(BUSIEST):
        view = busiest[place] if place < len(busiest) else None
        found[f"Busiest {place + 1}"] = _metric(_line(view) if view else "-")
    return found


def servers_text(servers: Sequence[ServerStatus]) -> str:
    """Say in one line how many processes of model servers are ready, how often they ended, and what they take."""
    kept = [one for one in servers if one.state != "ending"]
    if not kept:
        return "-"
    ready = sum(one.state == "ready" for one in kept)
    restarts, memory_mb = sum(one.restarts for one in kept), sum(one.memory_mb for one in kept)
    return f"{ready}/{len(kept)}, {restarts} restart{'s' * (restarts != 1)}, {memory_mb} MB"


def breakers_text(views: Sequence[RouteView]) -> str:
    """Name the routes whose breaker is not closed, the busiest first; "-" where no route asks a server."""
    asking = [view for view in views if view.breaker]
    broken = sorted((view for view in asking if view.breaker != "closed"), key=lambda view: -view.per_second)
    if not broken:
        return "closed" if asking else "-"
    named = ", ".join(f"{view.name} {view.breaker}" for view in broken[:BUSIEST])
    return f"{named}, {len(broken) - BUSIEST} more" if len(broken) > BUSIEST else named


def times_text(times: Mapping[str, ServerTime]) -> str:
    """Say how long servers were asked, and which share of the time of these routes that is."""
    remote_s, total_s = sum(one.remote_s for one in times.values()), sum(one.total_s for one in times.values())
    return f"{remote_s:.1f} s, {min(remote_s / total_s, 1):.0%} of their requests" if total_s else "-"


def reload_text(event: Event | None, now: float) -> str:
    """Say in one line what came of an attempt to reload, how long ago, and why."""
    if event is None:
        return "none"
    ago_s = int(now - event.at)
    ago = f"{ago_s} s" if ago_s < 120 else f"{ago_s // 60} min"  # noqa: PLR2004
    reason = f": {event.reason.splitlines()[0][:60]}" if event.reason else ""
    return f"{event.result} {ago} ago{reason}"


def _metric(value: Any, unit: str = "") -> dict[str, Any]:
    return {"value": str(value), "unit": unit, "type": "gateway", "historic": False}


def _p95_ms(views: Sequence[RouteView]) -> float:
    merged = [sum(counts) for counts in zip(*(view.recent for view in views), strict=True)] if views else []
    found = quantile(merged, 0.95) if merged else None
    return round(found * 1e3, 1) if found is not None else 0.0


def _line(view: RouteView) -> str:
    p95 = f", p95 {view.p95_s * 1e3:.1f} ms" if view.p95_s is not None else ""
    return f"{view.name} {view.per_second:.1f} req/s{p95}"
