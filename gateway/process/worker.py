"""
Run a gunicorn worker: connections are greenlets, predicts and loads are native threads, nothing is monkey-patched.

Boots, serves, drains and exits; knows nothing of models, which are behind the WSGI callable.
"""

import math
import os
import signal
import sys
import time
from functools import partial
from types import FrameType
from typing import Any

import gevent
from gevent import socket as cooperative
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker

from gateway import logs
from gateway.process.after_fork import share_nothing
from gateway.process.arbiter import LEAVING
from gateway.process.http.client_socket import Client, Pace, Stage
from gateway.process.http.connection import Connection
from gateway.process.http.deadlines import Waits
from gateway.process.http.fair_admission import FairAdmission
from gateway.process.http.fast_parser import FastParser
from gateway.process.http.lingering_close import refuse
from gateway.process.http.listening import BalancedServer
from gateway.rest.doors import OPERATORS
from gateway.system import descendants

#: gthread's STOP_KEEPALIVE_LINGER: while a worker leaves, the next request of an idle connection is still answered.
LINGER_S = 2.0
#: Seconds for the rest of a head after its first bytes, and for the first bytes without keep-alive.
HEAD_S = 15.0
#: Mean rate that a body or an answer has to keep once its GATEWAY_BODY_TIMEOUT_S is used up.
BYTES_PER_S = 16 * 1024
#: Interval of the main loop; a stop is noticed this late at most.
TICK_S = 0.1
#: Interval of measuring memory: reading smaps_rollup takes about 1 ms.
MEASURE_INTERVAL_S = 2.0


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """
    Serve the WSGI callable that `app.wsgi()` returns after the fork.

    The callable has a lifecycle (`start()`, `is_settled()`, `serving()`, `tick()`, `drain()`, `close()`) and answers
    questions of the connections (`locate()`, `holds()`, `has_idler_sibling()`, `is_predicting()`, `queue_of()`).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.alive: bool
        self.sockets: list[Any]
        self.admission: FairAdmission
        self.waits = Waits()
        settings = self.app.settings
        self.pace = Pace(settings.stall_timeout_s, settings.body_timeout_s, BYTES_PER_S)
        self._keepalive_s = float(self.cfg.keepalive)
        self.connections = 0
        self._places = Pool(self.worker_connections)
        self._servers: list[StreamServer] = []
        self._leaving_since = math.inf

    def patch(self) -> None:
        """Turn the listeners into gevent sockets; accepted sockets inherit the class, so nothing else is patched."""
        share_nothing(self.sockets)
        self.sockets = [
            cooperative.socket(s.FAMILY, cooperative.SOCK_STREAM, fileno=s.sock.detach()) for s in self.sockets
        ]

    def init_signals(self) -> None:
        """Install the signal handlers; signals blocked since the fork are handled now."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LEAVING)

    def load_wsgi(self) -> None:
        """Build the callable; if it fails in a replacement worker, exit without halting the arbiter."""
        try:
            super().load_wsgi()
        except Exception:
            if self.age <= self.cfg.workers:
                raise  # at the start no worker serves: gunicorn halts, and the process manager sees the exit
            self.log.exception("a replacing worker cannot boot; the others go on, the next try is in a second")
            time.sleep(1)
            os._exit(1)

    def notify(self) -> None:
        """Send a heartbeat to the arbiter; exit gracefully when the arbiter is gone."""
        self.tmp.notify()
        if self.ppid != os.getppid() and self.alive:
            self.log.warning("the arbiter is gone; leaving")
            self.alive = False

    @property
    def idle_timeout_s(self) -> float:
        """Return for how many seconds a connection may wait for the first bytes of a request."""
        return (self._keepalive_s or HEAD_S) if self.alive else LINGER_S

    @property
    def head_timeout_s(self) -> float:
        """Return for how many seconds a connection may wait for the rest of a head."""
        return min(self.idle_timeout_s, HEAD_S)

    @property
    def keeps_connections(self) -> bool:
        """Say whether connections are kept for another request."""
        return self.alive and self._keepalive_s > 0

    def admit(self, path: str) -> None:
        """Admit a request: at once, unless others are queued or a native thread is predicting."""
        if self.admission.is_busy or self.wsgi.is_predicting():
            self.admission.wait_in(self.wsgi.queue_of(path))

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Exit gracefully on SIGINT and SIGQUIT too: process managers send them in place of SIGTERM."""
        self.alive = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Exit gracefully on SIGTERM."""
        self.alive = False

    def run(self) -> None:
        """Boot, accept connections, drain."""
        self._boot()
        self.admission = FairAdmission()
        logs.defer_access_lines(gevent.get_hub().loop.run_callback)
        self._servers = [self._listen(listener) for listener in self.sockets]
        self.wsgi.serving()
        measured = 0.0
        while self.alive:
            self.notify()
            now = time.monotonic()
            self.wsgi.tick(measure=now - measured > MEASURE_INTERVAL_S)
            if now - measured > MEASURE_INTERVAL_S:
                measured = now
            self.waits.end_overdue(now)
            self._make_room()
            gevent.sleep(TICK_S)
        self._drain()
        # A JVM, or a predict that overran its deadline, must not delay the exit: every request is answered.
        self.wsgi.close()
        self._end_models()
        logs.flush()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    def _end_models(self) -> None:
        """End the processes of models if the arbiter is gone; otherwise the arbiter ends them."""
        if self.ppid != os.getppid():
            me = os.getpid()
            descendants.end(lambda: [pid for pid, mark in descendants.marked() if mark.owner == me])

    def _boot(self) -> None:
        """Load models before accepting; accept at the latest after the boot deadline."""
        self.wsgi.start()
        while self.alive and not self.wsgi.is_settled():
            self.notify()
            gevent.sleep(0.01)

    def _listen(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        server = BalancedServer(
            listener,
            # A lead of up to a sixteenth is ignored: a burst of connections would be accepted one by one.
            lambda: self.wsgi.has_idler_sibling(len(self._places) - len(self._places) // 16),
            handle=partial(self.handle, *self._door(listener.getsockname())),
            spawn=self._places,
        )
        server.start()
        return server

    def _door(self, name: Any) -> tuple[Any, FastParser]:
        """Return the name of a listener and its parser, which marks the requests of operators."""
        marks = {OPERATORS: True} if name in self.app.listeners.operators else {}
        return name, FastParser(self.cfg, name, marks)

    def handle(self, server: Any, fast: FastParser, client: Any, addr: Any) -> None:
        """Serve one connection, and count it while it lasts."""
        self.connections += 1
        self.wsgi.holds(self.connections)
        try:
            self._make_room()
            Connection(self, server, fast, Client(client, self.waits), addr).serve()
        finally:
            self.connections -= 1
            self.wsgi.holds(self.connections)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that gunicorn's parser refuses with an error in JSON."""
        refuse(client, exc, addr)

    def _make_room(self) -> None:
        """Shed the most idle connections, a twentieth of all, if no slot is left for the next one."""
        if self._places.free_count() > 0:
            return
        self.waits.shed(time.monotonic(), 1 + self.worker_connections // 20)

    def _drain(self) -> None:
        """Let requests finish, close idle connections, stop waiting after `graceful_timeout`."""
        self._leaving_since = time.monotonic()
        self.wsgi.drain()
        for server in self._servers:
            server.close()
        until = self._leaving_since + self.cfg.graceful_timeout
        while len(self._places) and time.monotonic() < until:
            self.notify()
            gevent.sleep(0.02)
            now = time.monotonic()
            # Idle connections are closed after LINGER_S; requests in flight have until `graceful_timeout`.
            self.waits.end_overdue(now, stages=Stage.HEAD if now - self._leaving_since > LINGER_S else -1)
        self._places.kill(timeout=1)
