"""
Write an answer: gunicorn's rules of what may be sent, with head and body in one piece.

Two pieces are two system calls, two packets and often two wake-ups of the client, a fifth of the time of a request.
"""

import time
from functools import lru_cache
from typing import Final

from gunicorn.http.wsgi import HEADER_VALUE_RE, Response
from gunicorn.util import http_date

#: Headers that need no other check than that of their value. All others go through gunicorn's.
_PLAIN: Final = frozenset(
    ("Content-Type", "X-Model-Version", "X-Request-ID", "X-Gateway-Generation", "Server-Timing", "Vary", "ETag")
)
#: A longer body is sent by itself: copying it behind the head would cost more than a system call.
_TOGETHER_BYTES: Final = 64 * 1024
_is_value: Final = HEADER_VALUE_RE.fullmatch


class Reply(Response):  # type: ignore[misc]  # gunicorn has no types
    """Answer one request; an application that says its Content-Length and has one chunk is sent at once."""

    headers_sent: bool

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Check the headers and keep those that are the application's to set."""
        for pair in headers:
            name, value = pair
            if name in _PLAIN and type(value) is str and _is_value(value):
                self.headers.append(pair)
            else:
                super().process_headers([pair])

    def should_close(self) -> bool:
        """Say whether the connection ends: as the client wants it, or because too much of the body is unread."""
        return bool(super().should_close()) or self.req.leaves_body()

    def is_chunked(self) -> bool:
        """Say whether the body is framed in chunks: only where its length is not known."""
        return self.response_length is None and bool(super().is_chunked())

    def write(self, arg: bytes) -> None:
        """Send a chunk of the body, the first together with the head."""
        length = self.response_length
        if self.headers_sent or length is None or self._omits_body or len(arg) > min(length, _TOGETHER_BYTES):
            super().write(arg)
            return
        self.headers_sent = True
        self.sent = len(arg)
        self._send(self._head() + arg)

    def send_headers(self) -> None:
        """Send the head alone: the body comes in several chunks, or there is none."""
        if not self.headers_sent:
            self._send(self._head())
            self.headers_sent = True

    def _send(self, data: bytes) -> None:
        sent = self.sock.send(data)
        if sent < len(data):
            self.sock.sendall(data[sent:])

    def _head(self) -> bytes:
        if self.upgrade:
            fixed = self.default_headers()
        else:
            connection = "close" if self.should_close() else "keep-alive"
            # Of HTTP/1.2 and whatever may follow it only what 1.1 says is known here.
            version = min(self.req.version[1], 1)
            fixed = [
                f"HTTP/1.{version} {self.status}\r\nServer: {self.version}\r\n"
                f"Date: {_date(int(time.time()))}\r\nConnection: {connection}\r\n"
            ]
            if self.chunked:
                fixed.append("Transfer-Encoding: chunked\r\n")
        fixed += [f"{name}: {value}\r\n" for name, value in self.headers]
        fixed.append("\r\n")
        return "".join(fixed).encode("latin-1")


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    """Format a second once: there are many answers in each."""
    return str(http_date(second))
