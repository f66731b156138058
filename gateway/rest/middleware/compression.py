"""
Decompress gzip request bodies, within `max_body_size`, and compress answers above 1 KiB for clients that accept gzip.

A request without gzip costs one look-up each way.
"""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from flask import Flask, Response, request
from gunicorn.http.errors import NoMoreData, ParseException

from gateway.executors.thread_event import pause
from gateway.rest.api import admit_unread
from gateway.rest.errors import RequestError, too_large
from gateway.rest.malformed_requests import body_cut, refusal
from gateway.rest.offload import Offload

#: A shorter answer fits into one packet anyway.
MIN_BYTES: Final = 1024
#: A piece of this size takes about 1 ms: larger contents go to a native thread, or yield between pieces.
PIECE: Final = 64 * 1024
#: Level 1 is four times as fast as level 6; its gain on JSON is a tenth smaller.
LEVEL: Final = 1
#: What does not compress is a little longer as gzip: of 64 bytes by less than one, with a head of any usual length.
SENT_PER_EXTRA: Final = 64
HEAD_BYTES: Final = 64 * 1024
#: Members that any body may have, and bytes of content that must come with each one beyond: an empty one costs 20 us.
MEMBERS: Final = 1024
CONTENT_PER_MEMBER: Final = 256
_GZIP: Final = 16 + zlib.MAX_WBITS
_TYPES: Final = ("text/", "application/json", "application/problem+json", "application/x-ndjson", "application/openmet")


def install(app: Flask, offload: Offload) -> None:
    """Accept and send gzip on every path of the app."""

    def shrink(response: Response) -> Response:
        if "gzip" in request.environ.get("HTTP_ACCEPT_ENCODING", ""):
            _shrink(response, offload)
        return response

    app.before_request(_inflate)
    app.after_request(shrink)


def _inflate() -> None:
    """Replace the stream of a compressed body by a decompressing one, bounded by `max_body_size`."""
    environ = request.environ
    coding = environ.get("HTTP_CONTENT_ENCODING")
    if coding is None or coding.strip().lower() in ("identity", ""):
        if "HTTP_TRANSFER_ENCODING" in environ:
            _bound(environ["wsgi.input"].read)
        return
    if coding.strip().lower() not in ("gzip", "x-gzip"):
        admit_unread()
        raise RequestError(
            f"cannot read a body encoded as {coding[:40]!r}",
            code="unsupported-encoding",
            hint="send it as gzip, or as it is",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    environ["wsgi.input_terminated"] = True
    announced = environ.pop("CONTENT_LENGTH", "")
    _bound(Inflated(environ["wsgi.input"], _size(announced), request.max_content_length or sys.maxsize).read)


def _size(announced: str) -> int:
    return int(announced) if announced.isdigit() else 0


def _bound(read: Callable[[int], bytes]) -> None:
    """Read the body of the current request through `read`; answer 413 if it exceeds the limit."""
    limit = request.max_content_length
    if limit is not None:
        # Werkzeug truncates a body of unknown length at its limit silently: our limit must act first.
        request.max_content_length = limit + 1
        request.environ["wsgi.input"] = Bounded(read, limit)
    else:
        request.environ["wsgi.input"] = Bounded(read, sys.maxsize)


class Bounded:
    """Read a body of unknown length; raises RequestError 413 beyond `limit_bytes`."""

    def __init__(self, read: Callable[[int], bytes], limit_bytes: int) -> None:
        self._read = read
        self._left = self._limit = limit_bytes

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, b"" at the end; all bytes if `size` is negative."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(PIECE), b""))
        try:
            content = self._read(size)
        except ParseException as error:  # a size, an extension, a trailer
            raise refusal(error) or error from error
        except NoMoreData:
            raise body_cut("end it with a chunk of size 0") from None
        self._left -= len(content)
        if self._left < 0:
            raise too_large(self._limit)
        return content


class Inflated:
    """
    Decompress a gzip stream, a piece at a time; other requests run between pieces.

    What comes is bounded as well: gzip may go on for ever and hold nothing. Raises RequestError 413 for more than
    `limit_bytes`, and before the first byte where so many are `announced`.
    """

    def __init__(self, source: Any, announced: int, limit_bytes: int) -> None:
        self._source = source
        self._inflate = zlib.decompressobj(_GZIP)
        self._rest = b""
        self._begun = False
        self._announced, self._limit = announced, limit_bytes
        self._left = limit_bytes + limit_bytes // SENT_PER_EXTRA + HEAD_BYTES
        self._members, self._content = 1, 0

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end; raises RequestError 400 for bytes that are not gzip."""
        if not self._begun and self._announced > self._left:
            raise too_large(self._limit)
        while size:
            if self._inflate.eof and not self._next_member():
                return b""
            raw = self._rest or self._more()
            if not raw:
                if self._begun:
                    raise _broken("it ends too early")
                return b""
            self._begun = True
            try:
                content = self._inflate.decompress(raw, min(size, PIECE))
            except zlib.error as error:
                raise _broken(str(error)) from None
            self._rest = self._inflate.unconsumed_tail
            pause()
            if content:
                self._content += len(content)
                return content
        return b""

    def _more(self) -> bytes:
        raw: bytes = self._source.read(PIECE)
        self._left -= len(raw)
        if self._left < 0:
            raise too_large(self._limit)
        return raw

    def _next_member(self) -> bool:
        """Begin the next member of a gzip file that was made by joining several."""
        self._rest = self._inflate.unused_data or self._more()
        if not self._rest.strip(b"\0"):
            self._rest = b""
            return False
        self._members += 1
        if self._members > MEMBERS + self._content // CONTENT_PER_MEMBER:
            raise _broken(
                f"it has {self._members} members, and {self._content} bytes in them",
                hint="join the parts before they are compressed, not afterwards",
            )
        self._inflate = zlib.decompressobj(_GZIP)
        return True


def _broken(reason: str, hint: str = "") -> RequestError:
    return RequestError(
        f"the body is not the gzip that Content-Encoding promises: {reason}", code="bad-encoding", hint=hint
    )


def _shrink(response: Response, offload: Offload) -> None:
    headers = response.headers
    plain = response.status_code in (204, 304) or "Content-Encoding" in headers or response.direct_passthrough
    if plain or not (response.mimetype or "").startswith(_TYPES) or not request.accept_encodings["gzip"]:
        return
    if response.is_streamed:
        response.response = _shrunk(response.response, offload)
        headers.pop("Content-Length", None)
    else:
        body = response.get_data()
        if len(body) < MIN_BYTES:
            return
        response.set_data(offload.compress(lambda: _gzip(body), len(body)))
    headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, LEVEL, _GZIP)


def _shrunk(chunks: Iterable[Any], offload: Offload) -> Iterator[bytes]:
    """Compress a stream chunk by chunk; closing it closes its source."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
    try:
        for chunk in chunks:
            content = chunk.encode() if isinstance(chunk, str) else chunk
            if small := offload.compress(lambda content=content: compressor.compress(content), len(content)):  # type: ignore[misc]
                yield small
        yield compressor.flush()
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
