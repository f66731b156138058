"""
Clients that push: each kind holds connections and sends what costs a gateway most, until it is told to end.

Knows bytes on sockets; starts no gateway and states no law of its own. Used by the tests and by `bench.pushed`.
"""

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

Connect = Callable[[], socket.socket]
MIB = 2**20
HEAD = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n"
JSON, CSV = b"application/json", b"text/csv"
CHUNKED, HUGE = b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Length: 9999999999999\r\n\r\n"
#: How long a kind goes on with a connection that the gateway has not ended.
PATIENCE_S = 30.0


def _again(block: bytes, head: bytes = b"") -> Iterator[bytes]:
    yield head
    while True:
        yield block


def _once(*pieces: bytes) -> Iterator[bytes]:
    yield from pieces


def _blast(path: bytes, kind: bytes, framing: bytes) -> Callable[[], Iterator[bytes]]:
    block = b" " * MIB if framing is HUGE else b"100000\r\n" + b" " * MIB + b"\r\n"
    return lambda: _again(block, HEAD % (path, kind) + framing)


def _tiny(kind: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: _again(b"1\r\n \r\n" * 10_000, HEAD % (b"/m", kind) + CHUNKED)


def _unfinished(kind: bytes, size: int) -> Callable[[], Iterator[bytes]]:
    return lambda: _once(HEAD % (b"/m", kind) + b"Content-Length: %d\r\n\r\n" % size, b" " * (size - 1))


GET = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
#: What one connection of a kind sends, in pieces. A kind that ends in a reset, or reads nothing, is named below.
KINDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "blast-404": _blast(b"/nope", JSON, HUGE),
    "blast-405": _blast(b"/health/live", JSON, CHUNKED),
    "blast-413": _blast(b"/m", JSON, HUGE),
    "blast-json": _blast(b"/m", JSON, CHUNKED),
    "blast-csv": _blast(b"/m", CSV, CHUNKED),
    "tinychunks-json": _tiny(JSON),
    "tinychunks-csv": _tiny(CSV),
    "membody-json": _unfinished(JSON, 8 * MIB),
    "membody-csv": _unfinished(CSV, 8 * MIB),
    "connect": lambda: _once(b""),
    "head": lambda: _once(b"GET / HTTP/1.1\r\nHost"),
    "deadbody": lambda: _once(HEAD % (b"/m", JSON) + b"Content-Length: 1000000\r\n\r\n "),
    "noread": lambda: _once(GET % (b"/openapi.json", b"") * 40),
    "reset": lambda: _once(HEAD % (b"/m", JSON) + b"Content-Length: 1000000\r\n\r\n" + b" " * 100_000),
    "expect": lambda: _once(HEAD % (b"/m", JSON) + b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n"),
    "heads": lambda: (GET % (b"/m?a=%d" % n, b"X-Odd-%d: \xe9%d\r\n" % (n, n)) for n in range(10_000)),
    "mixed": lambda: _again(
        (GET % (b"/m?a=1", b"") + GET % (b"/nope", b"") + b"DELETE /m HTTP/1.1\r\nHost: x\r\n\r\n") * 8
    ),
}
_DO_NOT_READ = {"noread"}
_RESET = {"reset"}


@dataclass
class _Sending:
    """Know what one connection still sends."""

    pieces: Iterator[bytes]
    until: float
    rest: bytes = b""


class Pusher:
    """Push with so many connections of one kind at a time; one that has ended is replaced."""

    def __init__(self, connect: Connect, kind: str, connections: int) -> None:
        self._connect, self._kind, self._wanted = connect, kind, connections
        self._selector = DefaultSelector()
        self.opened = 0

    def push(self, goes_on: Callable[[], bool]) -> None:
        """Push for as long as `goes_on` says so."""
        try:
            while goes_on():
                for _ in range(min(self._wanted - len(self._selector.get_map()), 20)):
                    self._open()
                for key, events in self._selector.select(0.02):
                    self._move(key.fileobj, key.data, events)
                self._let_go()
        finally:
            for key in list(self._selector.get_map().values()):
                self._close(key.fileobj)
            self._selector.close()

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            client = self._connect()
            client.setblocking(False)
            self.opened += 1
            wants = EVENT_WRITE if self._kind in _DO_NOT_READ else EVENT_READ | EVENT_WRITE
            self._selector.register(client, wants, _Sending(KINDS[self._kind](), time.monotonic() + PATIENCE_S))

    def _move(self, client: object, state: _Sending, events: int) -> None:
        assert isinstance(client, socket.socket)
        try:
            if events & EVENT_READ and not client.recv(MIB):
                self._close(client)
                return
            if events & EVENT_WRITE:
                self._send(client, state)
        except BlockingIOError:
            return
        except OSError:
            self._close(client)

    def _send(self, client: socket.socket, state: _Sending) -> None:
        rest = state.rest or next(state.pieces, None)
        if rest is None:
            if self._kind in _RESET:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._close(client)
            elif self._kind in _DO_NOT_READ:
                self._selector.modify(client, EVENT_WRITE, state)
            else:
                self._selector.modify(client, EVENT_READ, state)
            return
        sent = client.send(rest) if rest else 0
        state.rest = rest[sent:]

    def _let_go(self) -> None:
        now = time.monotonic()
        for key in list(self._selector.get_map().values()):
            if now > key.data.until:
                self._close(key.fileobj)

    def _close(self, client: object) -> None:
        assert isinstance(client, socket.socket)
        self._selector.unregister(client)
        client.close()
