"""
Reads HTTP/1.1 requests from a socket and writes answers; everything is bounded, in bytes and in time.

The standard library's server takes longer for the head of a request than a small model for its prediction. What this
one does not do is refused by name: bodies of unknown length, folded headers, upgrades.
"""

from __future__ import annotations

import json
import re
import socket
import time
from typing import Any, Dict

from .faults import ChildError, bad_request

#: A head of a client of ours has 300 bytes.
MOST_HEAD_BYTES = 32 * 1024
MOST_HEADERS = 100
#: From the first byte of a request to its last, and for an answer to be taken.
EXCHANGE_S = 30.0

_RECEIVE = 256 * 1024
_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]{0,2000}) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}

_encode = json.JSONEncoder(separators=(",", ":")).encode

Headers = Dict[bytes, bytes]


class Request:
    """Hold one request; names of headers are lower case. `arrived` is the monotonic time of its last byte."""

    __slots__ = ("arrived", "body", "headers", "keeps_alive", "method", "path")

    def __init__(self, method: bytes, path: bytes, headers: Headers, keeps_alive: bool) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.keeps_alive = keeps_alive
        self.body = b""
        self.arrived = 0.0


class Connection:
    """Read the requests of one client, one after the other, and write its answers."""

    def __init__(self, client: socket.socket, most_body_bytes: int) -> None:
        self._client = client
        self._most_body_bytes = most_body_bytes
        self._rest = b""

    def read(self) -> Request | None:
        """
        Wait for the next request; None when the client is gone.

        An idle client may wait for ever: it is a process of the gateway, or ends with one. Raises ChildError, after
        which nothing more can be read.
        """
        data = self._rest or self._client.recv(_RECEIVE)
        if not data:
            return None
        deadline = 0.0
        while True:
            end = data.find(b"\r\n\r\n", 0, MOST_HEAD_BYTES)
            if end >= 0:
                break
            if len(data) >= MOST_HEAD_BYTES:
                raise ChildError(431, "bad-request", f"the head has more than {MOST_HEAD_BYTES} bytes")
            deadline = deadline or time.monotonic() + EXCHANGE_S
            more = self._receive(deadline)
            if not more:
                return None
            data += more
        request = _head(data[:end])
        length = _length(request, self._most_body_bytes)
        start = end + 4
        if len(data) - start < length:
            body = self._body(data[start:], length, deadline or time.monotonic() + EXCHANGE_S)
            if body is None:
                return None
            request.body, self._rest = body, b""
        else:
            request.body, self._rest = data[start : start + length], data[start + length :]
        request.arrived = time.monotonic()
        return request

    def _body(self, begun: bytes, length: int, deadline: float) -> bytes | None:
        """Return a body of which the beginning is there; memory grows with what arrives, not with what is said."""
        parts: list[bytes] = [begun]
        lacking = length - len(begun)
        if lacking > 0 and begun == b"":
            parts = []
        while lacking > 0:
            more = self._receive(deadline, min(lacking, _RECEIVE))
            if not more:
                return None
            parts.append(more)
            lacking -= len(more)
        return b"".join(parts)

    def _receive(self, deadline: float, most: int = _RECEIVE) -> bytes:
        self._client.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            return self._client.recv(most)
        finally:
            self._client.settimeout(None)

    def write(self, answer: bytes) -> None:
        """Send an answer; raises OSError where the client does not take it in time."""
        try:
            sent = self._client.send(answer, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent < len(answer):
            self._client.settimeout(EXCHANGE_S)
            self._client.sendall(memoryview(answer)[sent:])
            self._client.settimeout(None)


def _head(head: bytes) -> Request:
    lines = head.split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(lines[0])
    if line is None:
        raise bad_request("the request line is none of HTTP/1.1")
    if len(lines) > MOST_HEADERS:
        raise ChildError(431, "bad-request", f"more than {MOST_HEADERS} headers")
    headers: Headers = {}
    for text in lines[1:]:
        found = _HEADER.fullmatch(text)
        if found is None:
            raise bad_request("a header is malformed")
        name, value = found[1].lower(), found[2].rstrip(b" \t")
        if name in headers and name in (b"content-length", b"inference-header-content-length"):
            raise bad_request(f"{name.decode()} stands there twice")
        headers[name] = value
    asked = headers.get(b"connection", b"").lower()
    keeps_alive = b"close" not in asked and (line[3] == b"1" or b"keep-alive" in asked)
    return Request(line[1], line[2], headers, keeps_alive)


def _length(request: Request, most: int) -> int:
    if b"transfer-encoding" in request.headers:
        raise ChildError(501, "bad-request", "a body needs a Content-Length here")
    told = request.headers.get(b"content-length")
    if told is None:
        if request.method == b"POST":
            raise ChildError(411, "bad-request", "a POST needs a Content-Length")
        return 0
    length = whole_number(told, "Content-Length")
    if length > most:
        raise ChildError(413, "too-large", f"the body has {length} bytes, {most} are the limit")
    return length


def whole_number(text: bytes, name: str) -> int:
    """Return a header's value; raises ChildError where it is no whole number."""
    if not text.isdigit() or len(text) > 15:
        raise bad_request(f"{name} is no whole number")
    return int(text)


def answer_of(
    status: int, body: bytes, *, keeps_alive: bool, json_bytes: int | None = None, more: tuple[str, ...] = ()
) -> bytes:
    """Return an answer of this server; `json_bytes` is the length of the JSON where binary tensors follow it."""
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", f"Content-Length: {len(body)}"]
    if json_bytes is None:
        lines.append("Content-Type: application/json")
    else:
        lines.append("Content-Type: application/octet-stream")
        lines.append(f"Inference-Header-Content-Length: {json_bytes}")
    if not keeps_alive:
        lines.append("Connection: close")
    lines.extend(more)
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1") + body


def refusal(error: ChildError, *, keeps_alive: bool) -> bytes:
    """Return the answer of an error."""
    more = (f"Retry-After: {error.retry_after_s}",) if error.retry_after_s is not None else ()
    return answer_of(error.status, json_body(error.as_json()), keeps_alive=keeps_alive, more=more)


def json_body(value: Any) -> bytes:
    """Return JSON values as text that every reader takes; lone surrogates stay escaped."""
    return _encode(value).encode("ascii")
