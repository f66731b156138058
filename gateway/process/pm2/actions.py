"""Offer actions for `pm2 trigger gateway <action>`; each replies at once, because PM2 waits without a timeout."""

from collections.abc import Callable
from typing import Any

from gateway.generations import history, snapshot
from gateway.process.pm2.bridge import PM2Bridge
from gateway.process.watcher import Watcher
from gateway.scoreboard import Scoreboard
from gateway.settings.settings import Settings


def offer_actions(bridge: PM2Bridge, settings: Settings, watcher: Watcher) -> None:
    """Register the actions with PM2."""
    scoreboard = Scoreboard.open(settings.scoreboard_path)
    table: dict[str, Callable[[str | None], Any]] = {
        "reload": lambda option: _reload(watcher, option),
        "rollback": lambda option: _rollback(settings, watcher, option),
        "routes": lambda _: _routes(settings, scoreboard),
        "health": lambda _: _health(settings, scoreboard),
    }
    for name, act in table.items():
        bridge.action(name, act)


def _reload(watcher: Watcher, option: str | None) -> dict[str, Any]:
    watcher.request(force=option == "force")
    return {"ok": True, "started": "reload", "see": "pm2 monit, /health or: gateway history"}


def _rollback(settings: Settings, watcher: Watcher, generation: str | None) -> dict[str, Any]:
    if generation and snapshot.load(settings.state_dir, generation) is None:
        return {"ok": False, "error": f"there is no generation {generation}", "see": "gateway history"}
    watcher.roll_back(generation or "")
    return {"ok": True, "started": "rollback", "see": "pm2 monit, /health or: gateway history"}


def _routes(settings: Settings, scoreboard: Scoreboard) -> dict[str, str]:
    committed = snapshot.committed(settings.state_dir)
    views = scoreboard.routes()
    shown = {}
    for spec in committed.registry.routes if committed else ():
        view = views.get(spec.name)
        shown[spec.path] = f"{view.state}, {view.requests} requests, {view.errors} errors" if view else "unknown"
    return shown


def _health(settings: Settings, scoreboard: Scoreboard) -> dict[str, Any]:
    workers = [worker for worker in scoreboard.workers() if worker.alive]
    last = history.last(settings.state_dir)
    return {
        "workers": {str(worker.pid): worker.phase for worker in workers},
        "generations": sorted({worker.generation for worker in workers}),
        "memory_mb": round(sum(worker.pss_bytes for worker in workers) / 2**20, 1),
        "last_reload": last.result if last else "none",
        "failed": [name for name, view in scoreboard.routes().items() if view.state == "failed"],
    }
