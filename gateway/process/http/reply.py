"""
Write HTTP responses: gunicorn's checks of status and headers, with head and body in one `send`.

Two sends are two system calls, two packets and often two wake-ups of the client, a fifth of the time of a request.
"""

import time
from functools import lru_cache
from typing import Any, Final

from gunicorn import SERVER
from gunicorn.http.wsgi import HEADER_VALUE_RE, Response
from gunicorn.util import http_date

#: Headers of which only the value is checked. All others go through the checks of gunicorn.
_PLAIN: Final = frozenset(
    (
        "Content-Type",
        "X-Model-Version",
        "Cache-Control",
        "X-Request-ID",
        "X-Gateway-Generation",
        "Server-Timing",
        "traceresponse",
        "Vary",
        "ETag",
    )
)
#: A longer body is sent separately: copying it behind the head would cost more than a system call.
_TOGETHER_BYTES: Final = 64 * 1024
#: Statuses that gunicorn has accepted, all with a body; routes cannot add any.
_CODES: Final[dict[str, int]] = {}
MAX_STATUSES: Final = 64
_WITHOUT_BODY: Final = frozenset((*range(100, 200), 204, 304))
_is_value: Final = HEADER_VALUE_RE.fullmatch


class Reply(Response):  # type: ignore[misc]  # gunicorn has no types
    """Answer one request; a body of one chunk with Content-Length goes out together with the head."""

    headers_sent: bool
    status: str | None
    status_code: int
    #: Whether the sent head says `Connection: close`.
    _is_last = False

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Take status and headers of the answer; gunicorn checks a status that is not known yet."""
        code = _CODES.get(status)
        if code is None or exc_info or self.status is not None or self.req.method == "HEAD":
            write = super().start_response(status, headers, exc_info)
            if len(_CODES) < MAX_STATUSES and self.status_code not in _WITHOUT_BODY:
                _CODES[status] = self.status_code
            return write
        self.status, self.status_code = status, code
        self.process_headers(headers)
        self.chunked = self.is_chunked()
        return self.write

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Check the headers and keep those that the application may set."""
        values = "".join([value for _, value in headers])
        if not ((values.isascii() and values.isprintable()) or _is_value(values)):
            super().process_headers(headers)  # raises an error that names the wrong header
            return
        for pair in headers:
            name = pair[0]
            if name in _PLAIN:
                self.headers.append(pair)
            elif name == "Content-Length":
                self.headers.append(pair)
                self.response_length = int(pair[1])
            else:
                super().process_headers([pair])

    def should_close(self) -> bool:
        """Say whether the connection closes: by the wish of the client, or because too much of the body is unread."""
        if self.req.leaves_body():
            return True
        return self._is_last if self.headers_sent else bool(super().should_close())

    def is_chunked(self) -> bool:
        """Say whether the body is sent in chunks: only if its length is unknown."""
        return self.response_length is None and bool(super().is_chunked())

    def write(self, arg: bytes) -> None:
        """Send a chunk of the body, the first together with the head."""
        length = self.response_length
        if self.headers_sent or length is None or self._omits_body or len(arg) > min(length, _TOGETHER_BYTES):
            super().write(arg)
            return
        head = self._head()
        self.headers_sent = True
        self.sent = len(arg)
        self._send(head + arg)

    def send_headers(self) -> None:
        """Send the head alone: the body has several chunks, or none."""
        if not self.headers_sent:
            self._send(self._head())
            self.headers_sent = True

    def _send(self, data: bytes) -> None:
        sent = self.sock.send(data)
        if sent < len(data):
            self.sock.sendall(data[sent:])

    def _head(self) -> bytes:
        self._is_last = self.should_close()
        if self.upgrade:
            top = "".join(self.default_headers())
        else:
            # A client of HTTP/1.2 or later gets HTTP/1.1.
            version = min(self.req.version[1], 1)
            top = _top(f"HTTP/1.{version} {self.status}", int(time.time()), self._is_last, self.chunked)
        return (top + "\r\n".join(map(": ".join, self.headers)) + ("\r\n\r\n" if self.headers else "\r\n")).encode(
            "latin-1"
        )


@lru_cache(maxsize=16)
def _top(first: str, second: int, is_last: bool, is_chunked: bool) -> str:
    """Return the first lines of a head, which answers of the same second and status share."""
    connection = "close" if is_last else "keep-alive"
    framing = "Transfer-Encoding: chunked\r\n" if is_chunked else ""
    return f"{first}\r\nServer: {SERVER}\r\nDate: {http_date(second)}\r\nConnection: {connection}\r\n{framing}"
