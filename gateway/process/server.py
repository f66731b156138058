"""
Run gunicorn's arbiter in this process, on a prepared and committed generation.

The arbiter stays light: it forks workers, watches them, and never loads a model.
"""

import dataclasses
import gc
import logging
import os
import signal
import sys
from typing import Any

from gunicorn.app.base import BaseApplication

from gateway import logs, metrics
from gateway.errors import GatewayError
from gateway.process.arbiter import GatewayArbiter
from gateway.process.exposure import must_not_be_open
from gateway.process.generation_follower import Gateway
from gateway.process.http.fast_parser import MAX_BYTES, MAX_FIELDS
from gateway.process.leftovers import delete_leftovers
from gateway.process.listeners import open_listeners
from gateway.process.model_servers.supervisor import ModelServers
from gateway.process.monitor import Monitor
from gateway.process.orphans import Orphans
from gateway.process.pm2.actions import offer_actions
from gateway.process.pm2.bridge import PM2Bridge
from gateway.process.pm2.figures import Figures
from gateway.process.port_owner import remedy
from gateway.process.socket_return import SocketReturn
from gateway.process.watcher import Watcher
from gateway.process.worker import Worker
from gateway.scoreboard import Scoreboard
from gateway.security.keyring import Keyring
from gateway.settings.settings import Settings
from gateway.settings.value_types import Listener
from gateway.system import descendants, obstacles, private_folders
from gateway.system.parent_death import die_with_parent

log = logging.getLogger("gateway.server")

#: A roll doubles the workers, and a dead worker keeps its slot until the monitor has read it.
SLOTS_PER_WORKER = 4
#: Names on the scoreboard at a time; rows are sparse, 900 bytes each where used.
BOARD_ROUTES = 4096


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Configure gunicorn and connect its hooks; `run` returns only by exiting the process."""

    def __init__(self, settings: Settings, bridge: PM2Bridge, *, is_pending: bool) -> None:
        self.settings = settings
        self._is_pending = is_pending
        self.bridge = bridge
        self.keyring = Keyring(settings.keys_path)
        self.listeners = open_listeners(settings)
        # The sockets of a holder may be others than the settings say.
        must_not_be_open(settings, self.listeners.names)
        descriptors = self.listeners.descriptors
        self.socket_return = SocketReturn(settings.holder_socket, descriptors) if settings.holder_socket else None
        self._listeners = [f"fd://{descriptor}" for descriptor in descriptors]
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
            # The default depends on whether gunicorn_h1c is installed; this parser reads heads that httptools declines.
            "http_parser": "python",
            # Every limit and every permission of the parser by name: a release with other defaults changes nothing.
            "limit_request_fields": MAX_FIELDS,
            "limit_request_field_size": MAX_BYTES,
            "permit_obsolete_folding": False,
            "permit_unconventional_http_method": False,
            "permit_unconventional_http_version": False,
            "strip_header_spaces": False,
            "casefold_http_method": False,
            "proxy_protocol": "off",
            # The maximum of gunicorn: a film review fits into a query; the default of 4,094 is too short for one.
            "limit_request_line": MAX_BYTES,
            # /dev/shm: a heartbeat must not wait for a disk.
            "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108, PTH112
            # On by default in 27, at one path for all gunicorns of a user.
            "control_socket_disable": True,
            # No proxy is trusted: clients could forge these fields.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "header_map": "refuse",
            "secure_scheme_headers": {},
            "umask": private_folders.UMASK,
            "logger_class": logs.GunicornLogger,
            "proc_name": "gateway",
            "post_fork": self._post_fork,
            "child_exit": self._child_exit,
            "when_ready": self._when_ready,
            "on_starting": self._on_starting,
            "on_exit": self._on_exit,
        }
        for name, value in options.items():
            if value is not None:
                self.cfg.set(name, value)

    def load(self) -> Gateway:
        """Build the WSGI callable of a worker, after the fork."""
        return Gateway(self.settings, self.keyring)

    def run(self) -> None:
        """Run the arbiter; returns only by exiting the process."""
        delete_leftovers(self.settings)
        self.servers = ModelServers(self.settings)
        self.monitor = Monitor(self.settings, self.bridge, self.servers, self.keyring, is_pending=self._is_pending)
        names = self.listeners.names
        self.watcher = Watcher(dataclasses.replace(self.settings, bind=tuple(map(Listener, names)), admin_bind=()))
        if self._is_pending:
            self.watcher.request(cold=True)
        descendants.adopt_orphans()
        orphans = Orphans(lambda: (*self.watcher.children(), *self.servers.pids(), *self.monitor.key_sets.children()))
        GatewayArbiter(self, self.monitor.serving, _slots(self.settings) // 2, orphans, self.servers).run()

    def _on_starting(self, arbiter: GatewayArbiter) -> None:
        # PM2 stops with SIGINT, which gunicorn takes for "drop everything".
        arbiter.handle_int = arbiter.handle_term
        arbiter.on_hup = lambda: self.monitor.roll("SIGHUP")
        gc.collect()
        # Imported modules stay in shared pages: a collection in a worker would touch, and so copy, every page.
        gc.freeze()
        # Workers inherit it. A batch makes tens of thousands of lists, hardly any in a cycle; with the default of
        # 700, collections took a sixth of the time of a batch.
        gc.set_threshold(20_000, 10, 10)

    def _when_ready(self, arbiter: GatewayArbiter) -> None:
        self.servers.start(self.monitor.adopted)
        self.monitor.start(arbiter)
        if self.socket_return is not None:
            self.socket_return.open()
        self.watcher.start()
        self.bridge.sampler = Figures(self.settings, self.monitor).sample
        offer_actions(self.bridge, self.settings, self.watcher)

    def _post_fork(self, arbiter: GatewayArbiter, worker: Worker) -> None:
        self.bridge.after_fork()
        self.servers.after_fork()
        if self.socket_return is not None:
            self.socket_return.close()
        # An orphan would keep its listening socket and answer keep-alive clients for `graceful_timeout` seconds.
        die_with_parent(signal.SIGTERM, worker.ppid)
        descendants.mark_descendants(self.settings.home)

    def _on_exit(self, arbiter: GatewayArbiter) -> None:
        if self.socket_return is not None:
            self.socket_return.linger()

    def _child_exit(self, arbiter: GatewayArbiter, worker: Worker) -> None:
        self.monitor.worker_ended(worker.pid, arbiter.signal_of(worker.pid), was_asked=arbiter.was_asked(worker.pid))


def _slots(settings: Settings) -> int:
    return settings.workers * SLOTS_PER_WORKER + 8


def serve(settings: Settings, *, is_pending: bool = False) -> None:
    """
    Run the gateway until a signal stops it; a generation must have been committed.

    With `is_pending`, registry.yaml is tried while the committed generation serves. Raises GatewayError if the gateway
    cannot start.
    """
    bridge = PM2Bridge()
    bridge.attach(os.environ)
    try:
        server = Server(settings, bridge, is_pending=is_pending)
    except OSError as error:
        addresses = (*settings.bind, *settings.admin_bind)
        hint = remedy(error, addresses, settings.home, settings.holder_socket)
        raise GatewayError(error.strerror or str(error), code="cannot-listen", hint=hint) from error
    try:
        settings.run_dir.mkdir(parents=True, exist_ok=True)
        settings.run_dir.chmod(private_folders.MODE)  # sockets: also where a group may read the home
        metrics.configure(settings.metrics_dir)
        metrics.fold_dead(settings.metrics_dir)
        Scoreboard.create(settings.scoreboard_path, slots=_slots(settings), routes=BOARD_ROUTES).close()
    except OSError as error:
        why, hint = obstacles.told(settings.run_dir, error)
        raise GatewayError(f"cannot write {settings.run_dir}: {why}", code="state-unwritable", hint=hint) from error
    sys.argv[0] = "gateway"
    server.run()
