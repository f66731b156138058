"""
Gunicorn's gevent worker without monkey patching: cooperative client sockets, native threads, native locks.

Knows gunicorn 27.0.1's worker interface; refuses to know routes and models.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from functools import partial
from typing import Any

import gevent
from gevent import socket as cooperative
from gevent.pool import Pool
from gevent.server import StreamServer
from greenlet import getcurrent
from gunicorn.workers.ggevent import GeventWorker

# As long as gthread waits (gunicorn.workers.gthread.STOP_KEEPALIVE_LINGER) for an idle connection's last request.
LINGER_S = 2.0
TICK_S = 0.1
ACCEPT = os.environ.get("BENCH_ACCEPT", "one")  # one | hundred | balanced
FAIR = os.environ.get("BENCH_FAIR", "1") == "1"
SLOTS = 64
# Made before the fork, so that all workers see it: one 32-bit counter per worker, 0 = not accepting.
CONNECTIONS = mmap.mmap(-1, 4 * SLOTS)


class KeepaliveWait:
    """Bound the wait for the next request head; the worker may cut it short when it stops."""

    def __init__(self, worker: UnpatchedGeventWorker) -> None:
        self.worker = worker
        self.greenlet = getcurrent()
        self.timeout = gevent.Timeout(worker.cfg.keepalive if worker.alive else LINGER_S, False)

    def __enter__(self) -> None:
        # recv() of a gevent socket switches only if nothing is there: a client that answers at once would keep the loop
        # for itself for tens of milliseconds. A turn for the others before each request costs about 3 us.
        if FAIR:
            gevent.sleep(0)
        self.worker.waiting.add(self)
        self.timeout.start()

    def __exit__(self, kind: object, value: object, trace: object) -> bool:
        self.worker.waiting.discard(self)
        self.timeout.close()
        return value is self.timeout

    def cut(self) -> None:
        """End the wait soon, as if the time were over."""
        # Through the hub: a throw from the main greenlet would switch away from it for good.
        gevent.get_hub().loop.run_callback(self._cut)

    def _cut(self) -> None:
        if self in self.worker.waiting:
            self.greenlet.throw(self.timeout)


class BalancedServer(StreamServer):  # type: ignore[misc]  # gevent and gunicorn have no types
    """Leave a connection to a sibling that has fewer, for at most `patience_s`."""

    patience_s = 0.004
    step_s = 0.001
    slot = 0

    def _do_read(self) -> None:
        own = _read(self.slot)
        waited = getattr(self, "_waited", 0.0)
        if waited < self.patience_s and any(0 < n < own for n in _others(self.slot)):
            self.stop_accepting()
            self._waited = waited + self.step_s
            self._timer = self.loop.timer(self.step_s)
            self._timer.start(self._start_accepting_if_started)
            return
        self._waited = 0.0
        super()._do_read()


class UnpatchedGeventWorker(GeventWorker):  # type: ignore[misc]
    """Serve connections as greenlets and leave `threading`, `time`, `queue` and `logging` native."""

    sockets: list[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: set[KeepaliveWait] = set()

    def patch(self) -> None:
        """Turn the listeners into gevent sockets and patch nothing: accepted sockets inherit the class."""
        self.sockets = [
            cooperative.socket(s.FAMILY, cooperative.SOCK_STREAM, fileno=s.sock.detach()) for s in self.sockets
        ]

    def timeout_ctx(self) -> KeepaliveWait:
        return KeepaliveWait(self)

    def run(self) -> None:
        servers = [self._listen(s) for s in self.sockets]
        while self.alive:
            self.notify()
            gevent.sleep(TICK_S)  # upstream: 1 s, which delays every stop by as much
        for server in servers:
            server.close()
        self._drain([server.pool for server in servers])

    def _listen(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        kind = BalancedServer if ACCEPT == "balanced" else StreamServer
        server = kind(listener, handle=partial(self.handle, listener), spawn=Pool(self.worker_connections))
        server.max_accept = 100 if ACCEPT == "hundred" else 1
        if isinstance(server, BalancedServer):
            server.slot = self.age % SLOTS
        _write(self.age % SLOTS, 1)
        server.start()
        return server

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        slot = self.age % SLOTS
        _write(slot, _read(slot) + 1)
        try:
            super().handle(listener, client, addr)
        finally:
            _write(slot, _read(slot) - 1)

    def _drain(self, pools: list[Pool]) -> None:
        """Let requests finish; close connections that stay idle LINGER_S; give up after `graceful_timeout`."""
        _write(self.age % SLOTS, 0)
        began = time.monotonic()
        while time.monotonic() - began < self.cfg.graceful_timeout and any(len(pool) for pool in pools):
            self.notify()
            gevent.sleep(TICK_S)
            if time.monotonic() - began > LINGER_S:
                for wait in list(self.waiting):
                    wait.cut()
        for pool in pools:
            pool.kill(timeout=1)


def _read(slot: int) -> int:
    return int(struct.unpack_from("I", CONNECTIONS, 4 * slot)[0])


def _write(slot: int, value: int) -> None:
    struct.pack_into("I", CONNECTIONS, 4 * slot, max(0, value))


def _others(slot: int) -> list[int]:
    return [n for i, n in enumerate(struct.unpack_from(f"{SLOTS}I", CONNECTIONS)) if i != slot]
