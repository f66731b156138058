"""
Read a chunked body: gunicorn's rules, many chunks at a time, and no more framing than a body is worth.

A chunk costs gunicorn's parser some microseconds, so that one-byte chunks kept a worker busy. Chunks that came whole
and plain are taken apart here in one go; everything else goes through gunicorn's parser, chunk by chunk.
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
    """Stand in for gunicorn's reader of a chunked body."""

    def __init__(self, request: Any, unreader: Any) -> None:
        super().__init__(request, unreader)
        self._received = self._content = 0

    @property
    def is_at_end(self) -> bool:
        """Say whether the last chunk was read."""
        return self.parser is None

    def has_come(self, buffered: bytes) -> bool:
        """Say whether the whole of a body that nobody has begun to read is among the bytes received so far."""
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
        """Append what comes next to the beginning of a size line or of the trailers."""
        data = self._more(unreader)
        if not data:
            raise NoMoreData
        buf += data

    def _more(self, unreader: Any, ahead: int | None = None) -> bytes:
        data: bytes = unreader.read(None, read_ahead=ahead)
        self._received += len(data)
        return data

    def _after(self, rest: bytes, unreader: Any) -> bytes:
        """Return what follows the line end after a chunk."""
        while len(rest) < 2:  # noqa: PLR2004 - CR LF
            more = self._more(unreader)
            if not more:
                break
            rest += more
        if rest[:2] != b"\r\n":
            raise ChunkMissingTerminator(rest[:2])
        return rest[2:]

    def _count(self, content: int, ahead: int) -> None:
        """Note content that was found, `ahead` bytes before the end of what was received."""
        self._content += content
        framing = self._received - self._content - ahead
        if framing > FRAMING_BYTES + self._content // CONTENT_PER_FRAMING:
            raise RequestError(
                400,
                f"the chunks are too small: {framing} bytes of framing came with {self._content} of content",
                code="chunks-too-small",
                hint="send chunks of some kilobytes, or Content-Length",
            )


def _whole_chunks(data: bytes) -> tuple[bytes, int]:
    """Return the content of the chunks at the beginning of `data` that are whole and plain, and how long they are."""
    pieces = []
    used, end = 0, len(data)
    while (line := _PLAIN.match(data, used)) is not None:
        begins = line.end()
        ends = begins + int(line[1], 16)
        if ends == begins or ends + 2 > end or data[ends : ends + 2] != b"\r\n":
            break  # the last chunk, one that is not whole yet, or one that does not end as it should
        pieces.append(data[begins:ends])
        used = ends + 2
    return b"".join(pieces), used
