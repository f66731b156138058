"""NDJSON (one JSON object or list per line) to rows, and answers to NDJSON. Knows no HTTP and no rule of a field."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from gateway.codecs.base import refuse
from gateway.codecs.chunks import Answered, Chunk, ReadLimits, RowFaults
from gateway.codecs.json import encode, parse
from gateway.codecs.table_rows import check_blank
from gateway.errors import InputError

#: Bytes of lines in one chunk: decoded JSON takes up to twenty times its size.
CHUNK_BYTES = 4 * 1024 * 1024


class NdjsonReader:
    """
    Read one instance per line; a line that is not JSON is the fault of its row.

    Blank lines before the first row and after the last are none, one between rows is a fault.
    """

    def whole_lines(self, beginning: bytes) -> int:
        """Return how many bytes of the beginning of a larger file are whole lines; all of it where that is one line."""
        return beginning.rfind(b"\n") + 1 or len(beginning)

    def read(self, body: BinaryIO, limits: ReadLimits) -> Iterator[Chunk]:
        """Yield the rows in order."""
        body.seek(0)
        rows = _Rows(0)
        first = blank = 0
        for number, line in enumerate(body, 1):
            if not line.strip():
                if rows.start or rows.size:
                    first = number - blank
                    blank += 1
                    check_blank(blank)
                continue
            limits.check(rows.start + rows.size + blank + 1)
            for gap in range(first, first + blank):
                rows.add_blank(gap)
                if rows.size >= limits.chunk_rows:
                    yield rows.chunk()
                    rows = _Rows(rows.start + rows.size)
            blank = 0
            rows.add(line)
            if rows.size >= limits.chunk_rows or rows.size_bytes > CHUNK_BYTES:
                yield rows.chunk()
                rows = _Rows(rows.start + rows.size)
        if rows.size:
            yield rows.chunk()
        elif not rows.start:
            refuse("empty-body", "the body is empty", expected="one JSON object per line")


class _Rows:
    """Gather the lines of one chunk."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.size = self.size_bytes = 0
        self._instances: list[Any] = []
        self._faults = RowFaults(start)

    def add(self, line: bytes) -> None:
        """Take the next line."""
        try:
            self._instances.append(parse(line))
        except InputError as error:
            self._faults.add_error(self.size, error)
        self.size += 1
        self.size_bytes += len(line)

    def add_blank(self, number: int) -> None:
        """Take a blank line that stands between rows."""
        self._faults.add_blank(self.size, f"line {number}")
        self.size += 1

    def chunk(self) -> Chunk:
        """Return the chunk of all lines so far."""
        faults = self._faults
        kept = faults.kept(self.size)
        return Chunk(self.start, self.size, instances=self._instances, kept=kept, faults=faults.items)


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
