"""
Send the bytes of a request as they are, and read the answers as they come.

Knows no client library: a client would refuse to send what a server must refuse to take.
"""

import contextlib
import gzip
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

#: How long one answer may take; preparing and loading are over by then.
ANSWER_S = 30.0
#: How long to wait for bytes that should not come: the end of a connection, or a second answer.
SILENCE_S = 0.3
#: Sent after a request on a connection of its own: it is answered only if nothing of the request was left unread.
SENTINEL = b"GET /health/live HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold one answer; header names and their order are as sent."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the value of a header, empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def content(self) -> bytes:
        """Return the body without its Content-Encoding."""
        return gzip.decompress(self.body) if self.header("Content-Encoding") == "gzip" and self.body else self.body


class Connection:
    """One connection to a gateway on this machine."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def send(self, data: bytes) -> None:
        """Send bytes; a server that has answered and closed before all were sent is no error."""
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(data)

    def end(self) -> None:
        """Say that nothing more will be sent."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def answer(self, *, to_head: bool = False, timeout_s: float = ANSWER_S) -> Answer:
        """Read one answer; raises EOFError where the server closed and TimeoutError where nothing came."""
        self._socket.settimeout(timeout_s)
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines[1:]))
        found = Answer(status, headers, b"")
        bodiless = to_head or status < 200 or status in {204, 304}
        return found if bodiless else Answer(status, headers, self._body(found))

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _body(self, head: Answer) -> bytes:
        if head.header("Transfer-Encoding").lower() == "chunked":
            return self._chunks()
        if length := head.header("Content-Length"):
            return self._take(int(length))
        with contextlib.suppress(EOFError):
            while True:
                self._more()
        return self._take(len(self._rest))

    def _chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._rest:
                self._more()
            size, _, self._rest = self._rest.partition(b"\r\n")
            body += self._take(int(size, 16))
            self._take(2)
            if int(size, 16) == 0:
                return body

    def _take(self, length: int) -> bytes:
        while len(self._rest) < length:
            self._more()
        taken, self._rest = self._rest[:length], self._rest[length:]
        return taken

    def _more(self) -> None:
        try:
            received = self._socket.recv(262_144)
        except ConnectionError as error:
            raise EOFError from error
        if not received:
            raise EOFError
        self._rest += received


def is_last(answer: Answer) -> bool:
    """Say whether the server closes the connection after this answer."""
    return answer.header("Connection").lower() == "close"


def alone(port: int, pieces: Sequence[bytes], count: int, *, ends: bool = False, pause_s: float = 0.02) -> list[Answer]:
    """
    Send one request, in pieces, on a connection of its own; return every answer that comes.

    `count` are the answers expected. Where the connection stays open after them, the sentinel shows that the server
    reads the next request where this one ended. `ends` closes the sending side, as a client does that gives up.
    """
    connection = Connection(port)
    to_head = pieces[0].startswith(b"HEAD ")
    found: list[Answer] = []
    try:
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(pause_s)
            connection.send(piece)
        if ends:
            connection.end()
        while len(found) < count or found[-1].status < 200:
            found.append(connection.answer(to_head=to_head))
            if is_last(found[-1]):
                break
        if not is_last(found[-1]) and not ends:
            connection.send(SENTINEL)
            found.append(connection.answer())
        while True:
            found.append(connection.answer(timeout_s=SILENCE_S))
    except (EOFError, TimeoutError):
        return found
    finally:
        connection.close()
