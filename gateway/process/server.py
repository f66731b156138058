"""
Run gunicorn's arbiter in this process, on a prepared and committed generation.

The arbiter stays light: it forks workers, watches them, and never loads a model.
"""

import gc
import logging
import os
import sys
from typing import Any

from gunicorn.app.base import BaseApplication

from gateway import logs, metrics
from gateway.board import Board
from gateway.errors import GatewayError
from gateway.process import socket_holder
from gateway.process.actions import offer_actions
from gateway.process.arbiter import GatewayArbiter
from gateway.process.figures import Figures
from gateway.process.monitor import Monitor
from gateway.process.pm2 import PM2Bridge
from gateway.process.watcher import Watcher
from gateway.process.worker import Worker, die_with_arbiter
from gateway.serving import Gateway
from gateway.settings import Settings

log = logging.getLogger("gateway.server")

#: A roll doubles the workers, and dead ones keep their slot until it was read.
SLOTS_PER_WORKER = 4
#: Names on the board at a time; rows are sparse, 900 bytes each where used.
BOARD_ROUTES = 4096


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Hold what gunicorn wants to know; `run` returns only by exiting the process."""

    def __init__(self, settings: Settings, bridge: PM2Bridge) -> None:
        self.settings = settings
        self.bridge = bridge
        self._listeners = _listeners(settings)
        super().__init__()

    def load_config(self) -> None:
        """Set every gunicorn option that is not its default, each with its reason."""
        settings = self.settings
        options: dict[str, Any] = {
            "bind": self._listeners,
            "workers": settings.workers,
            "worker_class": Worker,
            "worker_connections": settings.worker_connections,
            "keepalive": settings.keepalive_s,
            "graceful_timeout": settings.graceful_timeout_s,
            "timeout": settings.worker_timeout_s,
            "backlog": settings.backlog,
            # The most gunicorn can be told: a film review fits into a query, its 4,094 would not hold one.
            "limit_request_line": 8190,
            # /dev/shm: a heartbeat must not wait for a disk.
            "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108, PTH112
            # On by default in 27, at one path for all gunicorns of a user.
            "control_socket_disable": True,
            # Nobody in front of us is trusted until the owner says so: clients could forge what these carry.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "header_map": "refuse",
            "secure_scheme_headers": {},
            "umask": 0o117,
            "logger_class": logs.GunicornLogger,
            "proc_name": "gateway",
            "post_fork": self._post_fork,
            "child_exit": self._child_exit,
            "when_ready": self._when_ready,
            "on_starting": self._on_starting,
        }
        for name, value in options.items():
            if value is not None:
                self.cfg.set(name, value)

    def load(self) -> Gateway:
        """Build the WSGI callable of a worker, after the fork."""
        return Gateway(self.settings)

    def run(self) -> None:
        """Run the arbiter; returns only by exiting the process."""
        self.monitor = Monitor(self.settings, self.bridge)
        self.watcher = Watcher(self.settings)
        GatewayArbiter(self, self.monitor.serving).run()

    def _on_starting(self, arbiter: GatewayArbiter) -> None:
        # PM2 stops with SIGINT, which gunicorn takes for "drop everything".
        arbiter.handle_int = arbiter.handle_term
        arbiter.on_hup = lambda: self.monitor.roll("SIGHUP")
        gc.collect()
        # What the arbiter imported stays shared: a collection in a worker would touch, and so copy, every page.
        gc.freeze()

    def _when_ready(self, arbiter: GatewayArbiter) -> None:
        self.monitor.start(arbiter)
        self.watcher.start()
        self.bridge.sampler = Figures(self.settings, self.monitor).sample
        offer_actions(self.bridge, self.settings, self.watcher)

    def _post_fork(self, arbiter: GatewayArbiter, worker: Worker) -> None:
        self.bridge.after_fork()
        die_with_arbiter(worker)

    def _child_exit(self, arbiter: GatewayArbiter, worker: Worker) -> None:
        self.monitor.worker_ended(worker.pid, arbiter.signal_of(worker.pid), was_asked=arbiter.was_asked(worker.pid))


def _listeners(settings: Settings) -> list[str]:
    """Return gunicorn's binds: descriptors of the socket holder where there is one, else the addresses."""
    if settings.holder_socket is None:
        return list(settings.bind)
    return [f"fd://{descriptor}" for descriptor in socket_holder.fetch(settings.holder_socket)]


def serve(settings: Settings) -> None:
    """
    Run the gateway until it is told to stop; a generation must have been committed.

    Raises GatewayError when it cannot even begin.
    """
    bridge = PM2Bridge()
    bridge.attach(os.environ)
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    metrics.configure(settings.metrics_dir)
    metrics.fold_dead(settings.metrics_dir)
    Board.create(settings.board_path, slots=settings.workers * SLOTS_PER_WORKER + 8, routes=BOARD_ROUTES).close()
    try:
        server = Server(settings, bridge)
    except OSError as error:
        raise GatewayError(
            str(error), code="cannot-listen", hint="is gateway-socket running? see: make status"
        ) from error
    sys.argv[0] = "gateway"
    server.run()
