"""Batches as JSON: decoded instances to chunks, and answers to one JSON document, piece by piece. Knows no HTTP."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

from gateway.codecs.base import Decoded
from gateway.codecs.chunks import Answered, Chunk, ReadLimits
from gateway.codecs.json import encode

Shape = Literal["wrapped", "list", "by_id"]
#: Errors and explanations beyond this many bytes wait for the end of the answer on disk.
_IN_MEMORY = 256 * 1024


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
    such rows are absent), then `errors`, one per bad row, and `total_errors`. With `explanations` each answer is an
    object of `answer` and `explanation`, and the second ones follow all predictions.
    """

    media_type = "application/json"
    wants_inputs = ""

    def __init__(
        self, shape: Shape, *, errors: bool = False, explanations: bool = False, scratch: Path | None = None
    ) -> None:
        self._by_id = shape == "by_id"
        self._wrapped = errors or shape == "wrapped"
        self._errors = _Later(scratch) if errors else None
        self._explanations = _Later(scratch) if explanations else None
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
            inner = self._listed(chunk.answers)
        if self._errors is not None:
            self._errors.add(list(chunk.errors.values()))
        if not inner:
            return b""
        inner = b"," * self._comma + inner
        self._comma = True
        return inner

    def end(self) -> bytes:
        """Return the closing brackets, after the errors if they were asked for."""
        closing = b"}" if self._by_id else b"]"
        if self._explanations is not None:
            closing += b',"explanations":[' + self._explanations.taken() + b"]"
        if self._errors is not None:
            closing += b',"errors":[' + self._errors.taken() + b'],"total_errors":%d' % self._errors.count
        return closing + (b"}" if self._wrapped else b"")

    def _listed(self, answers: Sequence[Any]) -> bytes:
        """Return the elements of a list of answers; their explanations wait for the end."""
        if self._explanations is None:
            return encode(answers)[1:-1]
        self._explanations.add([None if one is None else one["explanation"] for one in answers])
        return encode([None if one is None else one["answer"] for one in answers])[1:-1]


class _Later:
    """Keep the elements of a list that stands at the end of an answer, on disk where they are many."""

    def __init__(self, scratch: Path | None) -> None:
        folder = None if scratch is None else str(scratch)
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=folder)  # noqa: SIM115 - closed when it is taken
        self.count = 0

    def add(self, values: Sequence[Any]) -> None:
        """Add elements."""
        if values:
            self._file.write(b"," * bool(self.count) + encode(values)[1:-1])
            self.count += len(values)

    def taken(self) -> bytes:
        """Return all elements as JSON without brackets."""
        self._file.seek(0)
        found = self._file.read()
        self._file.close()
        return found
