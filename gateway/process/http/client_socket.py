"""
Read and write a client's socket with timeouts: every wait has an end, and every read yields to the event loop.

Knows bytes, time and the loop, but no HTTP. `begin` sets the stage of the connection and its pace, and so how long the
next waits may last.
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
from gateway.process.http.deadlines import Waits
from gateway.process.http.fair_admission import PIPELINED, FairAdmission, is_spent
from gateway.rest.errors import RequestError

#: Most bytes that one read returns, and so that one connection may take of a turn of the loop: 64 KiB are copied in
#: about 20 us.
TURN_BYTES: Final = 64 * 1024
_READABLE, _WRITABLE = 1, 2


class Stage(IntEnum):
    """Name what a connection waits for; where connections run short, lower stages are closed first."""

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
    """Close a connection without an answer: no request was begun on it."""


class Client:
    """
    Read and write the socket of one client, from the greenlet of its connection.

    Replaces the socket that gunicorn's parser and response use. A timeout raises CutError between requests,
    RequestError 408 within a body, TimeoutError within an answer.
    """

    __slots__ = (
        "_began", "_hub", "_moved", "_pace", "_reader", "_socket", "_waiter", "_waits", "_writer", "since", "stage",
        "until", "was_shed",
    )  # fmt: skip

    def __init__(self, accepted: Any, waits: Waits) -> None:
        # A plain socket instead of gevent's: only a call that would block uses the loop.
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
        """Begin a stage: its waits end at `until`, or where the bytes no longer keep the pace."""
        self.stage = stage
        self.since = since
        self.until = until
        self._pace = pace
        self._began = 0.0
        self._moved = 0

    def wait_for_admission(self, admission: FairAdmission) -> None:
        """Queue a pipelined request for admission; the connection counts as idle meanwhile."""
        self.begin(Stage.HEAD, since=time.monotonic())
        self._reader.stop()  # otherwise more bytes of the client would end the wait for admission
        self._waiter = Waiter(self._hub)
        self._waits.add(self)
        try:
            admission.wait_in(PIPELINED, self._waiter)
        finally:
            self._waiter = None
            self._waits.discard(self)

    def recv(self, size: int) -> bytes:
        """Return at most `size` and TURN_BYTES bytes, b"" at the end of the stream; always yields to the loop first."""
        while True:
            self._wait(self._reader)
            try:
                received = self._socket.recv(min(size, TURN_BYTES))
            except BlockingIOError:
                continue
            except ConnectionResetError:
                return b""  # the same fault to a reader of a body as a body that ends too early
            self._moved += len(received)
            return received

    def send(self, data: Any) -> int:
        """Send as many bytes as the kernel accepts, at least one; return the number."""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            self._wait_writable()
            return self.send(data)
        self._moved += sent
        return sent

    def sendall(self, data: Any) -> None:
        """Send all bytes, waiting while the client reads slowly."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(rest) :]

    def shutdown(self, how: int) -> None:
        """Shut down one direction of the connection, or both."""
        self._socket.shutdown(how)

    @property
    def has_ended(self) -> bool:
        """Say whether the client has closed its side; bytes that came before are read first."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

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
        """End the wait of `waiter`: it timed out, or the connection is shed. Callable from any greenlet."""
        # In a callback of the hub: after a throw from the main greenlet, nothing would switch back to it.
        self._hub.loop.run_callback(self._end, waiter, is_shed)

    @property
    def waiter(self) -> Any:
        """Return the waiter of the present wait, None outside of waits."""
        return self._waiter

    def _end(self, waiter: Any, is_shed: bool) -> None:
        if waiter is not self._waiter:
            return  # the wait has ended meanwhile
        self.was_shed = is_shed
        if self.stage is Stage.BODY:
            waiter.throw(_crowded() if is_shed else _slow_body())
        elif self.stage is Stage.ANSWER:
            waiter.throw(TimeoutError("the client does not read its answer"))
        else:
            waiter.throw(CutError)

    def _wait(self, watcher: Any) -> None:
        """Sleep until the watcher fires. Every wait yields to the loop, so no client can monopolize it."""
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
        self._reader.stop()  # otherwise bytes from the client would end the wait for the answer
        try:
            self._wait(self._writer)
        finally:
            self._writer.stop()

    def _ready(self, watcher: Any) -> None:
        waiter = self._waiter
        if waiter is None:  # bytes that came while the last request is still being answered; read after it
            watcher.stop()
        elif is_spent(self._hub.loop):
            # Resumed in a later turn, first come first served: a thousand ready sockets must not delay all others.
            watcher.stop()
            self._waits.defer(self._hub.loop, lambda: self._go_on(waiter))
        else:
            waiter.switch(None)

    def _go_on(self, waiter: Any) -> None:
        if waiter is self._waiter:
            waiter.switch(None)


def _slow_body() -> RequestError:
    return RequestError(
        "the body did not come in time",
        code="body-timeout",
        hint="send it without long pauses; GATEWAY_BODY_TIMEOUT_S and GATEWAY_STALL_TIMEOUT_S are the limits",
    )


def _crowded() -> OverloadError:
    return OverloadError(
        "the worker holds as many connections as it may, and this body came most slowly",
        hint="retry later, or raise GATEWAY_WORKER_CONNECTIONS",
    )
