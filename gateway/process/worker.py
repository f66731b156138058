"""
The gunicorn worker: connections are greenlets, predicts and loads are native threads, nothing is monkey-patched.

Knows how to boot, serve, drain and leave; what it serves is the WSGI callable's business.
"""

import os
import sys
import time
from functools import partial
from types import FrameType
from typing import Any

import gevent
from gevent import socket as cooperative
from gevent.pool import Pool
from gevent.server import StreamServer
from greenlet import getcurrent
from gunicorn.workers.ggevent import GeventWorker

from gateway.process.listening import BalancedServer
from gateway.process.parting import linger, refuse
from gateway.process.turnstile import Turnstile
from gateway.rest.malformed import CHUNK_ERRORS

#: gthread's STOP_KEEPALIVE_LINGER: while a worker leaves, the next request of an idle connection is still answered.
LINGER_S = 2.0
#: How often a worker looks at its own state; a stop is noticed this late at most.
TICK_S = 0.1
#: How often it measures its memory: reading smaps_rollup takes about 1 ms.
MEASURE_INTERVAL_S = 2.0


class KeepaliveWait:
    """Bound the wait for the next request head; the worker cuts it short when it leaves."""

    __slots__ = ("greenlet", "timeout", "worker")

    def __init__(self, worker: "Worker") -> None:
        self.worker = worker
        self.greenlet = getcurrent()
        self.timeout = gevent.Timeout(worker.cfg.keepalive if worker.alive else LINGER_S, False)

    def __enter__(self) -> None:
        self.worker.waits.add(self)
        self.timeout.start()

    def __exit__(self, kind: object, value: object, trace: object) -> bool:
        self.worker.waits.discard(self)
        self.timeout.close()
        if kind is None:
            # The client waits from here on, so its deadline counts from here (rest/reading.py), turnstile included.
            getcurrent().arrived = time.monotonic()
            # A client that answers at once would keep the loop for itself: recv() switches only when nothing is there.
            self.worker.turnstile.pass_through()
        return value is self.timeout

    def cut(self) -> None:
        """End the wait as if its time were over."""
        # Through the hub: a throw from the main greenlet would switch away from it for good.
        gevent.get_hub().loop.run_callback(self._cut)

    def _cut(self) -> None:
        if self in self.worker.waits:
            self.greenlet.throw(self.timeout)


class Worker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """
    Serve one WSGI callable that knows how to boot: `start()`, `is_settled()`, `tick()`, `drain()`, `close()`.

    The arbiter hands the callable in as `app.wsgi()` after the fork.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.alive: bool
        self.sockets: list[Any]
        self.turnstile: Turnstile
        self.waits: set[KeepaliveWait] = set()
        self.connections = 0
        self._servers: list[StreamServer] = []

    def patch(self) -> None:
        """Turn the listeners into gevent sockets; accepted sockets inherit the class, so nothing else is patched."""
        self.sockets = [
            cooperative.socket(s.FAMILY, cooperative.SOCK_STREAM, fileno=s.sock.detach()) for s in self.sockets
        ]

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

    def timeout_ctx(self) -> KeepaliveWait:
        """Bound the wait for a request head."""
        return KeepaliveWait(self)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Leave gracefully on SIGINT and SIGQUIT too: process managers send them where TERM is meant."""
        self.alive = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Leave gracefully on SIGTERM."""
        self.alive = False

    def run(self) -> None:
        """Boot, then accept, then drain."""
        self._boot()
        self.turnstile = Turnstile()
        self._servers = [self._listen(listener) for listener in self.sockets]
        self.wsgi.serving()
        measured = 0.0
        while self.alive:
            self.notify()
            now = time.monotonic()
            self.wsgi.tick(measure=now - measured > MEASURE_INTERVAL_S)
            if now - measured > MEASURE_INTERVAL_S:
                measured = now
            gevent.sleep(TICK_S)
        self._drain()
        # A JVM, or a predict that overran its deadline, must not hold up the exit: whatever had to be answered is.
        self.wsgi.close()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

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
            lambda: self.wsgi.has_idler_sibling(self.connections),
            handle=partial(self.handle, listener),
            spawn=Pool(self.worker_connections),
        )
        server.start()
        return server

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection and keep count of them."""
        self.connections += 1
        self.wsgi.holds(self.connections)
        try:
            super().handle(listener, client, addr)
        finally:
            self.connections -= 1
            self.wsgi.holds(self.connections)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Serve one request; where the connection ends with it, let a client that is still sending see its answer."""
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except StopIteration:
            reader = req.body.reader
            if getattr(reader, "length", 0) or getattr(reader, "parser", None):  # of a known length, or of chunks
                linger(sock)
            raise

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer in JSON what gunicorn's parser refuses."""
        if req is None and isinstance(exc, CHUNK_ERRORS):
            # The rest of a body that was answered already: a second answer would be taken for that of the next request.
            linger(client)
        else:
            refuse(client, exc, addr)

    def _drain(self) -> None:
        """Let requests finish, close connections that stay idle, give up after `graceful_timeout`."""
        self.wsgi.drain()
        for server in self._servers:
            server.close()
        began = time.monotonic()
        pools = [server.pool for server in self._servers]
        while any(len(pool) for pool in pools) and time.monotonic() - began < self.cfg.graceful_timeout:
            self.notify()
            gevent.sleep(0.02)
            if time.monotonic() - began > LINGER_S:
                for wait in list(self.waits):
                    wait.cut()
        for pool in pools:
            pool.kill(timeout=1)
