"""NDJSON (one JSON object or list per line) to rows, and answers to NDJSON. Knows no HTTP and no rule of a field."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from gateway.codecs.base import refuse
from gateway.codecs.chunks import Answered, Chunk, Limits, RowFaults
from gateway.codecs.json import encode, parse
from gateway.errors import InputError

#: Bytes of lines in one chunk: decoded JSON takes up to twenty times its size.
CHUNK_BYTES = 4 * 1024 * 1024


class NdjsonReader:
    """Read one instance per line; blank lines are skipped, a line that is not JSON is the fault of its row."""

    def read(self, body: BinaryIO, limits: Limits) -> Iterator[Chunk]:
        """Yield the rows in order."""
        body.seek(0)
        start = 0
        instances: list[Any] = []
        faults = RowFaults(0)
        size_bytes = 0
        for line in body:
            if not line.strip():
                continue
            row = len(instances) + len(faults.rows)
            limits.check(start + row + 1)
            try:
                instances.append(parse(line))
            except InputError as error:
                faults.add_error(row, error)
            size_bytes += len(line)
            if row + 1 >= limits.chunk_rows or size_bytes > CHUNK_BYTES:
                yield _chunk(start, instances, faults)
                start += row + 1
                size_bytes = 0
                instances, faults = [], RowFaults(start)
        if instances or faults.rows:
            yield _chunk(start, instances, faults)
        elif not start:
            refuse("empty-body", "the body is empty", expected="one JSON object per line")


def _chunk(start: int, instances: list[Any], faults: RowFaults) -> Chunk:
    size = len(instances) + len(faults.rows)
    return Chunk(start, size, instances=instances, kept=faults.kept(size), faults=faults.items)


class NdjsonWriter:
    """
    Write one line per row as sent: the answer, or `{"error": fault}`.

    With `id_name` each line also names its row: an answer that is an object begins with the id, any other one becomes
    `{id_name: …, "prediction": …}`.
    """

    media_type = "application/x-ndjson"
    wants_inputs = ""

    def __init__(self, id_name: str | None = None) -> None:
        self._id_name = id_name

    def begin(self) -> bytes:
        """Return nothing: NDJSON has no head."""
        return b""

    def rows(self, chunk: Answered) -> bytes:
        """Return one line per row."""
        lines = [self._line(chunk, row, answer) for row, answer in enumerate(chunk.answers)]
        return b"".join(encode(line) + b"\n" for line in lines)

    def end(self) -> bytes:
        """Return nothing: NDJSON just ends."""
        return b""

    def _line(self, chunk: Answered, row: int, answer: Any) -> Any:
        error = chunk.errors.get(row)
        if error is not None:
            answer = {"error": error}
        if self._id_name is None or chunk.ids is None:
            return answer
        if not isinstance(answer, dict):
            answer = {"prediction": answer}
        return {self._id_name: chunk.ids[row], **answer}
