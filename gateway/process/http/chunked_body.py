"""
Read chunked request bodies: gunicorn's rules, many chunks at a time, with a limit on chunk framing.

A chunk costs gunicorn's parser some microseconds, so one-byte chunks kept a worker busy. This module decodes complete
chunks without extensions in one pass; gunicorn's parser reads all others, chunk by chunk.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import ChunkMissingTerminator, NoMoreData

from gateway.rest.errors import RequestError

#: Bytes of sizes, extensions and line ends that any body may have, 200,000 chunks of one byte among them ...
FRAMING_BYTES: Final = 1024 * 1024
#: ... and how many bytes of content must come with each byte beyond: chunks of 48 bytes and more are never too small.
CONTENT_PER_FRAMING: Final = 8
_END: Final = b"0\r\n\r\n"
_PLAIN = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")


class BatchedChunks(ChunkedReader):  # type: ignore[misc]  # gunicorn has no types
    """Replace gunicorn's reader of chunked bodies."""

    def __init__(self, request: Any, unreader: Any) -> None:
        super().__init__(request, unreader)
        self._received = self._content = 0

    @property
    def is_at_end(self) -> bool:
        """Say whether the last chunk was read."""
        return self.parser is None

    def has_come(self, buffered: bytes) -> bool:
        """Say whether the received bytes hold a whole body of which nothing was read yet."""
        used = _whole_chunks(buffered)[1]
        return self._received == 0 and buffered[used : used + len(_END)] == _END

    def parse_chunked(self, unreader: Any) -> Iterator[bytes]:
        """Yield the content piece by piece."""
        rest = b""
        while True:
            content, used = _whole_chunks(rest)
            if used:
                rest = rest[used:]
                self._count(len(content), len(rest))
                yield content
            size, rest = self.parse_chunk_size(unreader, data=rest)
            if size == 0:
                return
            while size > len(rest):
                size -= len(rest)
                self._count(len(rest), 0)
                yield rest
                rest = self._more(unreader, size)
                if not rest:
                    raise NoMoreData
            content, rest = rest[:size], rest[size:]
            self._count(size, len(rest))
            yield content
            rest = self._after(rest, unreader)

    def read_into(self, unreader: Any, buf: bytearray) -> None:
        """Append the next received bytes to an incomplete size line or trailer section."""
        data = self._more(unreader)
        if not data:
            raise NoMoreData
        buf += data

    def _more(self, unreader: Any, ahead: int | None = None) -> bytes:
        data: bytes = unreader.read(None, read_ahead=ahead)
        self._received += len(data)
        return data

    def _after(self, rest: bytes, unreader: Any) -> bytes:
        """Check the line end after a chunk; return the bytes behind it."""
        while len(rest) < 2:  # noqa: PLR2004 - CR LF
            more = self._more(unreader)
            if not more:
                break
            rest += more
        if rest[:2] != b"\r\n":
            raise ChunkMissingTerminator(rest[:2])
        return rest[2:]

    def _count(self, content: int, ahead: int) -> None:
        """Count decoded content that ends `ahead` bytes before the end of the received bytes."""
        self._content += content
        framing = self._received - self._content - ahead
        if framing > FRAMING_BYTES + self._content // CONTENT_PER_FRAMING:
            raise RequestError(
                f"the chunks are too small: {framing} bytes of framing came with {self._content} of content",
                code="chunks-too-small",
                hint="send chunks of some kilobytes, or Content-Length",
            )


def _whole_chunks(data: bytes) -> tuple[bytes, int]:
    """Decode the leading chunks of `data` that are complete; return their content and how many bytes they took."""
    pieces = []
    used, end = 0, len(data)
    while (line := _PLAIN.match(data, used)) is not None:
        begins = line.end()
        ends = begins + int(line[1], 16)
        if ends == begins or ends + 2 > end or data[ends : ends + 2] != b"\r\n":
            break  # the last chunk, an incomplete one, or one with a wrong line end
        pieces.append(data[begins:ends])
        used = ends + 2
    return b"".join(pieces), used
