"""
The door: pairs a generation with its Flask app; the only file that knows every floor.

`Gateway` is the WSGI callable of one worker. It holds one reference, which a swap replaces: requests in flight finish
where they began.
"""

import functools
import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask

from gateway import logs, metrics, snapshot, status
from gateway.board import Board
from gateway.errors import GatewayError
from gateway.generation import Generation, Nursery
from gateway.rest.api import GatewayApi
from gateway.rest.catalog import Catalog
from gateway.rest.health import Health, Live, Ready
from gateway.rest.prediction import Prediction
from gateway.rest.scrape import Metrics
from gateway.rest.telemetry import StartResponse, Telemetry
from gateway.routes import Route
from gateway.settings import Settings
from gateway.snapshot import Snapshot
from gateway.status import Status

log = logging.getLogger("gateway.app")


class Holder:
    """Hold the generation that new requests see."""

    __slots__ = ("generation",)

    def __init__(self, generation: Generation) -> None:
        self.generation = generation

    def current(self) -> Generation:
        """Return the generation of this moment."""
        return self.generation


def create_app(holder: Holder, board: Board, settings: Settings) -> Flask:
    """
    Build the Flask app for the paths of the holder's generation: one Resource per route and alias.

    Later generations with the same paths are served by the same app through the holder.
    """
    app = Flask("gateway", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = holder.generation.snapshot.registry.server.max_body_size
    api = GatewayApi(app)
    read_status = functools.partial(status.read, settings.status_path)
    for path, route in holder.generation.table.by_path.items():
        api.mount(Prediction, path, f"route:{path}", route_name=route.name)
    api.mount(Live, "/health/live", "live")
    api.mount(Ready, "/health/ready", "ready", current=holder.current)
    api.mount(Health, "/health", "health", current=holder.current, board=board, status=read_status)
    api.mount(Catalog, "/routes", "catalog", current=holder.current, workers=settings.workers)
    api.mount(
        Metrics,
        "/metrics",
        "metrics",
        current=holder.current,
        board=board,
        status=read_status,
        directory=settings.metrics_dir,
    )
    return app


class Gateway:
    """
    Serve the committed generation in one worker.

    Made after the fork. `start` begins to load, `is_settled` says when every eager model is READY or FAILED; the
    worker accepts connections from then on, or after the boot deadline.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        metrics.configure(settings.metrics_dir)
        self._board = Board.open(settings.board_path)
        self._slot = self._board.claim()
        self._slot.phase("booting")
        self._nursery = Nursery(self._board, self._slot, settings.cache_dir, settings.predict_threads)
        self._started = time.monotonic()
        self._holder = Holder(self._nursery.make(_committed(settings)))
        self._app = self._face(self._holder)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request in the generation of this moment."""
        return self._app(environ, start_response)

    @property
    def generation(self) -> Generation:
        """Return the generation that new requests see."""
        return self._holder.generation

    def start(self) -> None:
        """Begin to load the eager models in native threads."""
        for route in self.generation.table.by_name.values():
            self._report(route)
        self._nursery.load(self.generation, self._report)

    def is_settled(self) -> bool:
        """Say whether connections may be accepted."""
        overdue = time.monotonic() - self._started > self._settings.boot_deadline_s
        return overdue or self.generation.table.is_settled()

    def serving(self) -> None:
        """Note that this worker accepts connections."""
        self._slot.generation(self.generation.id)
        self._slot.phase("serving")
        boot_ms = round(1e3 * (time.monotonic() - self._started))
        log.info("worker serves", extra={"generation": self.generation.id, "duration_ms": boot_ms})

    def tick(self, *, measure: bool) -> None:
        """Beat; measure memory now and then."""
        self._slot.beat(
            pss_bytes=_pss_bytes() if measure else None,
            cpu_seconds=time.process_time() if measure else None,
            stuck_threads=self._nursery.pool.stuck,
        )
        for route in self.generation.table.by_name.values():
            self._slot.queue_depth(route.ledger.index, route.ledger.bulkhead.queue_depth)

    def drain(self) -> None:
        """Note that this worker accepts no more."""
        self._slot.phase("draining")

    def close(self) -> None:
        """Give the slot back."""
        self._slot.release()

    def _face(self, holder: Holder) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
        return Telemetry(create_app(holder, self._board, self._settings), holder.current)

    def _report(self, route: Route) -> None:
        """Put the state of a route on the board; a failure also into the log, with reason and fix."""
        self._slot.model(route.ledger.index, route.state.lower())
        problem = route.reason
        if route.state == "FAILED" and problem is not None:
            log.error(
                "route failed",
                extra={"route": route.spec.path, "code": problem.code, "reason": problem.message, "fix": problem.hint},
            )


def _committed(settings: Settings) -> Snapshot:
    found = snapshot.committed(settings.state_dir)
    if found is None:
        raise GatewayError(
            f"no committed generation in {settings.state_dir}", code="no-generation", hint="run: gateway prepare"
        )
    return found


def _pss_bytes() -> int | None:
    """Return the proportional set size: what this worker would free, plus its share of what it shares."""
    try:
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None
    return None


def configure_process(settings: Settings) -> None:
    """Set what libraries read from the environment when they are first imported; call before any framework."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        os.environ.setdefault(name, str(settings.native_threads))
    logs.configure(settings.log_level, settings.log_format, access=settings.access_log)
