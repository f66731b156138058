"""
The socket of one connection: every wait on it ends in time, and every read is a turn of the loop.

Knows bytes, time and the loop; no HTTP. What it is told by `begin` (a stage and its pace) decides how long it waits.
"""

import socket
import time
from dataclasses import dataclass
from enum import IntEnum
from math import inf
from typing import Any, Final

import gevent
from gevent.hub import Waiter

from gateway.errors import OverloadError
from gateway.process.fair_admission import AHEAD, FairAdmission, is_spent
from gateway.process.waits import Waits
from gateway.rest.errors import RequestError

#: Most bytes that one read returns, and so that one connection may take of a turn of the loop: 64 KiB are copied in
#: about 20 us.
TURN_BYTES: Final = 64 * 1024
_READABLE, _WRITABLE = 1, 2


class Stage(IntEnum):
    """Say what a connection waits for; the lower, the sooner it is given up where connections are short."""

    LINGER = 0
    HEAD = 1
    ANSWER = 2
    BODY = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """
    Bound a transfer in one direction.

    It may pause for `stall_s`, and take `total_s` and a second more for each `bytes_per_s` that have moved.
    """

    stall_s: float
    total_s: float
    bytes_per_s: int

    def until(self, began: float, moved: int, now: float) -> float:
        """Return when the wait that begins now is over."""
        return min(now + self.stall_s, began + self.total_s + moved / self.bytes_per_s)


class CutError(BaseException):
    """End a connection without another byte: nobody waits for an answer on it."""


class Client:
    """
    Read and write the socket of one client, from the greenlet of its connection.

    Stands in for a socket where gunicorn parses and answers. Raises CutError where time is over between requests,
    RequestError 408 within a body, TimeoutError within an answer.
    """

    __slots__ = (
        "_began", "_hub", "_moved", "_pace", "_reader", "_socket", "_waiter", "_waits", "_writer", "since", "stage",
        "until", "was_shed",
    )  # fmt: skip

    def __init__(self, accepted: Any, waits: Waits) -> None:
        # A plain socket, out of gevent's hands: the loop is asked here, and only for what has to wait.
        self._socket = socket.socket(fileno=accepted.detach())
        self._socket.setblocking(False)
        self._hub = gevent.get_hub()
        # Kept for the life of the connection: making and starting one for every wait would cost a system call each.
        self._reader = self._hub.loop.io(self._socket.fileno(), _READABLE)
        self._writer: Any = None
        self._waiter: Any = None
        self._waits = waits
        self._pace: Pace | None = None
        self._began = 0.0
        self._moved = 0
        self.stage = Stage.HEAD
        self.since = 0.0
        self.until = inf
        self.was_shed = False

    def begin(self, stage: Stage, pace: Pace | None = None, since: float = 0.0, until: float = inf) -> None:
        """Wait from now on for what `stage` says: until a moment, or as long as its bytes keep the pace."""
        self.stage = stage
        self.since = since
        self.until = until
        self._pace = pace
        self._began = 0.0
        self._moved = 0

    def stand_in_line(self, admission: FairAdmission) -> None:
        """Wait for a turn with a request that has come before the last answer; it is idle until then."""
        self.begin(Stage.HEAD, since=time.monotonic())
        self._reader.stop()  # or what else the client sends would be taken for the turn
        self._waiter = Waiter(self._hub)
        self._waits.add(self)
        try:
            admission.pass_through(AHEAD, self._waiter)
        finally:
            self._waiter = None
            self._waits.discard(self)

    def recv(self, size: int) -> bytes:
        """Return at most `size` and TURN_BYTES bytes, nothing at the end; always lets the loop turn first."""
        while True:
            self._wait(self._reader)
            try:
                received = self._socket.recv(min(size, TURN_BYTES))
            except BlockingIOError:
                continue
            except ConnectionResetError:
                return b""  # it has gone: to whoever reads a body, no other fault than one that ends too early
            self._moved += len(received)
            return received

    def send(self, data: Any) -> int:
        """Send what the system takes, at least one byte; return how many."""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            self._wait_writable()
            return self.send(data)
        self._moved += sent
        return sent

    def sendall(self, data: Any) -> None:
        """Send everything, waiting where the client reads slowly."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(rest) :]

    def shutdown(self, how: int) -> None:
        """Say that nothing more comes."""
        self._socket.shutdown(how)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()
        if self._writer is not None:
            self._writer.close()
        self._socket.close()

    def end(self, waiter: Any, *, is_shed: bool) -> None:
        """End the wait of `waiter`: its time is over, or its place is needed. Called from any greenlet."""
        # Through the hub: a throw from the main greenlet would switch away from it for good.
        self._hub.loop.run_callback(self._end, waiter, is_shed)

    @property
    def waiter(self) -> Any:
        """Return what names the present wait, None where there is none."""
        return self._waiter

    def _end(self, waiter: Any, is_shed: bool) -> None:
        if waiter is not self._waiter:
            return  # it has got what it waited for
        self.was_shed = is_shed
        if self.stage is Stage.BODY:
            waiter.throw(_crowded() if is_shed else _slow_body())
        elif self.stage is Stage.ANSWER:
            waiter.throw(TimeoutError("the client does not read its answer"))
        else:
            waiter.throw(CutError)

    def _wait(self, watcher: Any) -> None:
        """Sleep until the watcher calls. Every wait is a turn of the loop: no client can keep it."""
        if self._pace is not None:
            self.since = now = time.monotonic()
            self._began = self._began or now
            self.until = self._pace.until(self._began, self._moved, now)
        self._waiter = Waiter(self._hub)
        if not watcher.active:
            watcher.start(self._ready, watcher)
        self._waits.add(self)
        try:
            self._waiter.get()
        finally:
            self._waiter = None
            self._waits.discard(self)

    def _wait_writable(self) -> None:
        if self._writer is None:
            self._writer = self._hub.loop.io(self._socket.fileno(), _WRITABLE)
        self._reader.stop()  # or what a client sends while it does not read would wake its answer
        try:
            self._wait(self._writer)
        finally:
            self._writer.stop()

    def _ready(self, watcher: Any) -> None:
        waiter = self._waiter
        if waiter is None:  # sent while the last request is still being answered: looked at when its turn comes
            watcher.stop()
        elif is_spent(self._hub.loop):
            # In one of the next turns, first come first served: a thousand sockets that are ready at once keep nobody.
            watcher.stop()
            self._waits.defer(self._hub.loop, lambda: self._go_on(waiter))
        else:
            waiter.switch(None)

    def _go_on(self, waiter: Any) -> None:
        if waiter is self._waiter:
            waiter.switch(None)


def _slow_body() -> RequestError:
    return RequestError(
        408,
        "the body did not come in time",
        code="body-timeout",
        hint="send it without long pauses; GATEWAY_BODY_TIMEOUT_S and GATEWAY_STALL_TIMEOUT_S are the limits",
    )


def _crowded() -> OverloadError:
    return OverloadError(
        "the worker holds as many connections as it may, and this body came most slowly",
        hint="retry later, or raise GATEWAY_WORKER_CONNECTIONS",
    )
