"""
The body of a request in memory: read in blocks, each counted as it arrives, and made room for before it is decoded.

Knows HTTP and budgets, no format.
"""

import io
import time
from collections.abc import Iterator
from typing import Any, Final

from flask import request

from gateway.codecs.base import Decoded
from gateway.codecs.chunks import ReadLimits
from gateway.codecs.json_size import count_rows, weigh
from gateway.registry.contract import Contract
from gateway.rest.errors import too_large
from gateway.rest.malformed_requests import body_cut
from gateway.rest.predict.body_budget import FREE_BYTES, MEMORY, Share

#: Bytes that are read at a time, and that a connection may hold uncounted.
BLOCK: Final = 64 * 1024
#: A body that takes longer than this is on its way still; one that has arrived takes some microseconds.
_SLOW_SENDER_S: Final = 0.05
#: What takes less than this is decoded before its rows are counted; counting costs a tenth of decoding.
_COUNTED_BYTES: Final = 64 * 1024 * 1024


class Body:
    """Hold a body; `make_room` is called in the thread that will decode it."""

    __slots__ = ("_share", "content")

    def __init__(self, content: bytes, share: Share | None) -> None:
        self.content = content
        self._share = share

    def __len__(self) -> int:
        return len(self.content)

    def decode(self, contract: Contract) -> Decoded:
        """Decode the JSON of a route."""
        if self._share is not None:
            self.make_room(contract.limits)
        decoded = contract.codec.decode(self.content, contract.limits.check)
        if self._share is not None and decoded.columns:
            self.make_room(contract.limits, times=2)  # rows with names were built from columns
        return decoded

    def make_room(self, limits: ReadLimits, *, times: int = 1) -> None:
        """
        Take the share of the values that this JSON decodes to, `times` as much where a format builds them anew.

        Raises TooLargeError for too many rows, or for more values than a worker ever has room for; OverloadError.
        """
        if self._share is not None:
            weight = weigh(self.content) * times
            if weight > _COUNTED_BYTES:
                limits.check(count_rows(self.content))
            self._share.grow_to(len(self.content) + weight)


_NOTHING: Final = Body(b"", None)


def read_body(environ: dict[str, Any]) -> Body:
    """Read the body of the current request; raises RequestError 400, 408, 413, OverloadError."""
    length = environ.get("CONTENT_LENGTH", "")
    is_coded = "HTTP_TRANSFER_ENCODING" in environ or "HTTP_CONTENT_ENCODING" in environ
    if not length and not is_coded:
        return _NOTHING
    began = time.monotonic()
    if length.isdigit() and not is_coded:  # the plain case: past Werkzeug's checks, 10 us
        size = int(length)
        limit: int = environ["gateway.generation"].snapshot.registry.server.max_body_size
        if size > limit:
            raise too_large(limit)
        stream = environ["wsgi.input"]
        body = Body(stream.read(size), None) if size <= FREE_BYTES else _gather(stream, size, environ)
        if len(body.content) < size:
            raise body_cut("send as many bytes as Content-Length says")
    else:
        body = _gather(request.stream, None, environ)
    if time.monotonic() - began > _SLOW_SENDER_S:
        environ["gateway.arrived"] = None
    return body


def body_of(content: bytes, environ: dict[str, Any]) -> Body:
    """Return what was read elsewhere as the body of the current request."""
    share = environ["gateway.share"] = Share(MEMORY, free=FREE_BYTES)
    return Body(content, share)


def note_slow_sender(began: float) -> None:
    """Let the deadline count from now where a body took its time: how slowly a client sends is not the route's."""
    if time.monotonic() - began > _SLOW_SENDER_S:
        request.environ["gateway.arrived"] = None


def blocks(stream: Any, size: int | None) -> Iterator[bytes]:
    """Yield the blocks of a stream, of at most `size` bytes where that is known."""
    left = size
    while block := stream.read(BLOCK if left is None else min(BLOCK, left)):
        yield block
        if left is not None:
            left -= len(block)
            if not left:
                return


def _gather(stream: Any, size: int | None, environ: dict[str, Any]) -> Body:
    # The connection gives it back when the answer is out, whoever still refers to the request then.
    share = environ["gateway.share"] = Share(MEMORY, free=FREE_BYTES)
    content = io.BytesIO()
    for block in blocks(stream, size):
        share.grow_to(content.tell() + len(block))
        content.write(block)
    return Body(content.getvalue(), share)
