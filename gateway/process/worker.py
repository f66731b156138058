"""
The gunicorn worker: connections are greenlets, predicts and loads are native threads, nothing is monkey-patched.

Knows how to boot, serve, drain and leave; what it serves is the WSGI callable's business.
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
from gateway.process.arbiter import LEAVING
from gateway.process.client import Client, Pace, Stage
from gateway.process.connection import Connection
from gateway.process.fair_admission import FairAdmission
from gateway.process.fast_parser import FastParser
from gateway.process.forks import share_nothing
from gateway.process.lingering_close import refuse
from gateway.process.listening import BalancedServer
from gateway.process.waits import Waits
from gateway.system import descendants

#: gthread's STOP_KEEPALIVE_LINGER: while a worker leaves, the next request of an idle connection is still answered.
LINGER_S = 2.0
#: How long a head may take to arrive once its first bytes have, and the first where connections are not kept.
HEAD_S = 15.0
#: Bytes a second that a body or an answer has to move at in the mean, once its GATEWAY_BODY_TIMEOUT_S is used up.
BYTES_PER_S = 16 * 1024
#: How often a worker looks at its own state; a stop is noticed this late at most.
TICK_S = 0.1
#: How often it measures its memory: reading smaps_rollup takes about 1 ms.
MEASURE_INTERVAL_S = 2.0


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """
    Serve one WSGI callable that knows how to boot: `start()`, `is_settled()`, `tick()`, `drain()`, `close()`.

    And while requests come: `holds()`, `has_idler_sibling()`, `is_predicting()`, `line_of()`. The arbiter hands it in
    as `app.wsgi()` after the fork.
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
        """Take over the signals; those that came since the fork are handled now."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LEAVING)

    def load_wsgi(self) -> None:
        """Build the callable; a replacement that cannot must not take its siblings down, so it only ends itself."""
        try:
            super().load_wsgi()
        except Exception:
            if self.age <= self.cfg.workers:
                raise  # at the start nobody serves yet: gunicorn halts and the process manager hears of it
            self.log.exception("a replacing worker cannot boot; the others go on, the next try is in a second")
            time.sleep(1)
            os._exit(1)

    def notify(self) -> None:
        """Tell the arbiter that this worker lives; leave gracefully when the arbiter is gone."""
        self.tmp.notify()
        if self.ppid != os.getppid() and self.alive:
            self.log.warning("the arbiter is gone; leaving")
            self.alive = False

    @property
    def idle_timeout_s(self) -> float:
        """Return how long a connection may wait for the first bytes of a request from now on."""
        return (self._keepalive_s or HEAD_S) if self.alive else LINGER_S

    @property
    def head_timeout_s(self) -> float:
        """Return how long the rest of a request head may take from now on."""
        return min(self.idle_timeout_s, HEAD_S)

    @property
    def keeps_connections(self) -> bool:
        """Say whether a connection may be used for one more request."""
        return self.alive and self._keepalive_s > 0

    def take_turn(self, path: str) -> None:
        """Let a request begin: at once, unless others wait, or a predict in a native thread is to be answered first."""
        if self.admission.is_busy or self.wsgi.is_predicting():
            self.admission.pass_through(self.wsgi.line_of(path))

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Leave gracefully on SIGINT and SIGQUIT too: process managers send them where TERM is meant."""
        self.alive = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Leave gracefully on SIGTERM."""
        self.alive = False

    def run(self) -> None:
        """Boot, then accept, then drain."""
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
        # A JVM, or a predict that overran its deadline, must not hold up the exit: whatever had to be answered is.
        self.wsgi.close()
        self._end_models()
        logs.flush()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    def _end_models(self) -> None:
        """End what models started; the arbiter does that where there is one, and more patiently."""
        if self.ppid != os.getppid():
            me = os.getpid()
            descendants.end(lambda: [pid for pid, mark in descendants.marked() if mark.owner == me])

    def _boot(self) -> None:
        """Load models while siblings and the backlog serve; accept at the latest after the boot deadline."""
        self.wsgi.start()
        while self.alive and not self.wsgi.is_settled():
            self.notify()
            gevent.sleep(0.01)

    def _listen(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        server = BalancedServer(
            listener,
            # A sixteenth more than a sibling has is no more: a burst of connections would be taken one by one.
            lambda: self.wsgi.has_idler_sibling(len(self._places) - len(self._places) // 16),
            handle=partial(self.handle, listener.getsockname(), FastParser(self.cfg, listener.getsockname())),
            spawn=self._places,
        )
        server.start()
        return server

    def handle(self, server: Any, fast: FastParser, client: Any, addr: Any) -> None:
        """Serve one connection and keep count of them."""
        self.connections += 1
        self.wsgi.holds(self.connections)
        try:
            self._make_room()
            Connection(self, server, fast, Client(client, self.waits), addr).serve()
        finally:
            self.connections -= 1
            self.wsgi.holds(self.connections)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer in JSON what gunicorn's parser refuses."""
        refuse(client, exc, addr)

    def _make_room(self) -> None:
        """Give up the connections that wait most idly, a twentieth of all, where no place is left for the next one."""
        if self._places.free_count() > 0:
            return
        self.waits.shed(time.monotonic(), 1 + self.worker_connections // 20)

    def _drain(self) -> None:
        """Let requests finish, close connections that stay idle, give up after `graceful_timeout`."""
        self._leaving_since = time.monotonic()
        self.wsgi.drain()
        for server in self._servers:
            server.close()
        until = self._leaving_since + self.cfg.graceful_timeout
        while len(self._places) and time.monotonic() < until:
            self.notify()
            gevent.sleep(0.02)
            now = time.monotonic()
            # Whoever waits for a request goes; who sends or gets one has until `graceful_timeout`.
            self.waits.end_overdue(now, stages=Stage.HEAD if now - self._leaving_since > LINGER_S else -1)
        self._places.kill(timeout=1)
