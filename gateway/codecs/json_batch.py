"""Batches as JSON: decoded instances to chunks, and answers to one JSON document, piece by piece. Knows no HTTP."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from gateway.codecs.base import Decoded
from gateway.codecs.chunks import Answered, Chunk, ReadLimits
from gateway.codecs.json import encode

Shape = Literal["wrapped", "list", "by_id"]
#: Errors beyond this many bytes wait for the end of the answer on disk.
_ERRORS_IN_MEMORY = 256 * 1024


class InstancesReader:
    """Cut instances that are decoded already into chunks; the stream is not looked at."""

    def __init__(self, decoded: Decoded) -> None:
        self._decoded = decoded

    def read(self, body: BinaryIO, limits: ReadLimits) -> Iterator[Chunk]:
        """Yield the rows in order."""
        del body
        decoded = self._decoded
        instances = decoded.instances
        limits.check(len(instances))
        for start in range(0, len(instances), limits.chunk_rows):
            part = instances[start : start + limits.chunk_rows]
            yield Chunk(
                start,
                len(part),
                instances=part,
                text=decoded.text,
                at=decoded.at,
                locator=decoded.locator,
                shared=decoded.columns,
            )


class JsonWriter:
    """
    Write `{"predictions": […]}`, a bare list, or an object by row id.

    With `errors` the answer is an envelope in every shape: `predictions` (null where a row had an error; by id,
    such rows are absent), then `errors`, one per bad row, and `total_errors`.
    """

    media_type = "application/json"
    wants_inputs = ""

    def __init__(self, shape: Shape, *, errors: bool = False, scratch: Path | None = None) -> None:
        self._by_id = shape == "by_id"
        self._wrapped = errors or shape == "wrapped"
        folder = None if scratch is None else str(scratch)
        self._errors = tempfile.SpooledTemporaryFile(_ERRORS_IN_MEMORY, dir=folder) if errors else None  # noqa: SIM115
        self._error_count = 0
        self._comma = False

    def begin(self) -> bytes:
        """Return the opening brackets."""
        return (b'{"predictions":' if self._wrapped else b"") + (b"{" if self._by_id else b"[")

    def rows(self, chunk: Answered) -> bytes:
        """Return the members or elements of some rows."""
        if self._by_id:
            ids = chunk.ids or ()
            wanted = {key: chunk.answers[row] for row, key in enumerate(ids) if row not in chunk.errors}
            inner = encode(wanted)[1:-1]
        else:
            inner = encode(chunk.answers)[1:-1]
        if self._errors is not None:
            for error in chunk.errors.values():
                self._errors.write(b"," * bool(self._error_count) + encode(error))
                self._error_count += 1
        if not inner:
            return b""
        inner = b"," * self._comma + inner
        self._comma = True
        return inner

    def end(self) -> bytes:
        """Return the closing brackets, after the errors if they were asked for."""
        closing = b"}" if self._by_id else b"]"
        if self._errors is not None:
            self._errors.seek(0)
            closing += b',"errors":[' + self._errors.read() + b'],"total_errors":%d' % self._error_count
            self._errors.close()
        return closing + (b"}" if self._wrapped else b"")
