"""
Read one HTTP/1.1 answer from bytes that arrive piece by piece, with bounds on all of it.

Knows no socket. What it raises says what that means for the request: whether it may be sent again.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: [^\r\n]*)?")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?")
#: Most bytes of status line and headers; of the line before a chunk; and most trailers.
_MOST_HEAD: Final = 64 * 1024
_MOST_LINE: Final = 1024
_MOST_TRAILERS: Final = 100
_FINAL, _NO_CONTENT, _NOT_MODIFIED = 200, 204, 304


class ExchangeError(Exception):
    """An exchange failed; the text is the reason, without an address."""


class NotSentError(ExchangeError):
    """
    The server cannot have seen the request.

    `is_busy` says that it lives and takes no more connections, `is_absent` that no process listens.
    """

    def __init__(self, reason: str, *, is_busy: bool = False, is_absent: bool = False) -> None:
        super().__init__(reason)
        self.is_busy = is_busy
        self.is_absent = is_absent


class LostError(ExchangeError):
    """The connection ended after the request was sent and before its answer was whole."""


class LateError(ExchangeError):
    """The deadline passed after the request was sent, or while it was."""


class BrokenError(ExchangeError):
    """The answer is not HTTP, or larger than any answer to the request may be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold a whole answer; header names are in small letters. `is_last` says that no other can follow it."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    is_last: bool = False


class AnswerReader:
    """Read answers of at most `most_bytes`; `receive` returns the next bytes, b"" at their end."""

    __slots__ = ("_buffer", "_most_bytes", "_receive")

    def __init__(self, receive: Callable[[], bytes], most_bytes: int) -> None:
        self._receive = receive
        self._most_bytes = most_bytes
        self._buffer = bytearray()

    def read(self) -> Answer:
        """Return the final answer to a request; raises LostError, BrokenError and what `receive` raises."""
        while True:
            version, status, headers = self._head()
            if status >= _FINAL:
                break
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise BrokenError("its answer is compressed, which was not asked for")
        has_end, body = True, b""
        if status not in {_NO_CONTENT, _NOT_MODIFIED}:
            has_end, body = self._body(headers)
        is_closed = headers.get(b"connection", b"").lower() == b"close" or version == b"HTTP/1.0"
        return Answer(status, headers, body, is_closed or not has_end or bool(self._buffer))

    def _head(self) -> tuple[bytes, int, dict[bytes, bytes]]:
        lines = self._until(b"\r\n\r\n", _MOST_HEAD).split(b"\r\n")
        match = _STATUS_LINE.fullmatch(lines[0])
        if match is None:
            raise BrokenError("its answer is not HTTP")
        headers: dict[bytes, bytes] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            name, value = name.lower(), value.strip()
            if not colon or not name or (name == b"content-length" and headers.get(name, value) != value):
                raise BrokenError("the headers of its answer cannot be read")
            headers[name] = value
        return lines[0][:8], int(match[1]), headers

    def _body(self, headers: dict[bytes, bytes]) -> tuple[bool, bytes]:
        """Return whether the answer says where its body ends, and the body."""
        coding = headers.get(b"transfer-encoding", b"").lower()
        if coding:
            if coding != b"chunked":
                raise BrokenError("the transfer coding of its answer is not chunked")
            return True, self._chunks()
        text = headers.get(b"content-length")
        if text is None:
            return False, self._until_end()
        if not text.isdigit() or len(text) > len(str(2**63)):
            raise BrokenError("the length of its answer cannot be read")
        return True, self._exactly(self._within(int(text)))

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            match = _CHUNK_SIZE.fullmatch(self._until(b"\r\n", _MOST_LINE))
            if match is None:
                raise BrokenError("a chunk of its answer cannot be read")
            size = int(match[1], 16)
            if not size:
                break
            self._within(len(body) + size)
            body += self._exactly(size)
            if self._exactly(2) != b"\r\n":
                raise BrokenError("a chunk of its answer has another length than it says")
        for _ in range(_MOST_TRAILERS):
            if not self._until(b"\r\n", _MOST_LINE):
                return bytes(body)
        raise BrokenError("its answer has too many trailers")

    def _until_end(self) -> bytes:
        while data := self._receive():
            self._buffer += data
            self._within(len(self._buffer))
        return self._take(len(self._buffer))

    def _until(self, end: bytes, most: int) -> bytes:
        """Take the bytes before `end`, and drop `end`."""
        start = 0
        while (at := self._buffer.find(end, start)) < 0:
            if len(self._buffer) > most:
                raise BrokenError("a line or the headers of its answer do not end")
            start = max(len(self._buffer) - len(end), 0)
            self._more()
        found = self._take(at)
        del self._buffer[: len(end)]
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer) if size == len(self._buffer) else bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _more(self) -> None:
        data = self._receive()
        if not data:
            raise LostError("it closed the connection before its answer was whole")
        self._buffer += data

    def _within(self, size: int) -> int:
        if size > self._most_bytes:
            raise BrokenError(f"its answer has more than {self._most_bytes} bytes")
        return size
