"""Chunks of a batch: the rows that readers yield, and the answers that writers take. Knows no HTTP."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from gateway.answers.leaves import Leaf, leaf_columns
from gateway.codecs.json_pointers import Locator
from gateway.errors import Fault, InputError, TooLargeError
from gateway.validation.faults import MAX_FAULTS

#: Rows that are validated and predicted at a time; `timeout_s` of a route holds for each chunk.
CHUNK_ROWS = 10_000
#: Cells of a chunk: Python texts of two letters take 59 bytes each, so wide tables come in shorter chunks.
CHUNK_CELLS = 400_000
MAX_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """
    Limit the rows and columns that a body may unpack to.

    `scratch` is the folder for temporary files (the system's when None).
    """

    max_rows: int = 100_000
    chunk_rows: int = CHUNK_ROWS
    scratch: Path | None = None

    def rows_of(self, columns: int) -> int:
        """Return how many rows a chunk of a table may have; refuses tables that are too wide."""
        if columns > MAX_COLUMNS:
            raise TooLargeError(f"the table has more than {MAX_COLUMNS} columns", code="too-many-columns")
        return max(1, min(self.chunk_rows, CHUNK_CELLS // max(columns, 1)))

    def check(self, rows: int, *, in_all: bool = False) -> None:
        """Refuse a batch as soon as it is seen to have more rows than allowed; `in_all` says that there are no more."""
        if rows > self.max_rows:
            more, all_ = f"more than {self.max_rows} rows", f"{rows} rows, this route takes {self.max_rows}"
            raise TooLargeError(
                f"the batch has {all_ if in_all else more}",
                code="too-many-rows",
                hint="send it in parts, or raise max_rows of the route",
            )


@dataclass(slots=True)
class Chunk:
    """
    Hold consecutive rows of a batch, not yet validated.

    `size` counts the rows as sent, from row `start` of the batch. Either `names` and `columns` are a table of cells, or
    `instances` are JSON objects and lists (`text` where their values are texts) of a list at `at`, unless
    `locator` makes other paths; `shared` are the names of all of them where they stood in a table. Rows that could not
    be read are not among them: `kept` are then the indices (in this chunk) of the others, and `faults` are those of the
    unreadable rows.
    """

    start: int
    size: int
    names: Sequence[str] = ()
    columns: Sequence[Sequence[Any]] = ()
    instances: Sequence[Any] | None = None
    text: bool = False
    at: str = "$"
    locator: Locator | None = None
    kept: Sequence[int] | None = None
    faults: Sequence[Fault] = ()
    shared: Sequence[str] = ()


class BatchReader(Protocol):
    """
    Read batches of one format.

    `read` starts at the beginning of a seekable stream, does not close it, does not load it whole, and may be called
    again. Raises InputError for content of another format, TooLargeError, UnreadableError; nothing else.
    """

    def read(self, body: BinaryIO, limits: ReadLimits) -> Iterator[Chunk]:
        """Yield the rows in order; at least one row, or InputError."""
        ...


@dataclass(slots=True)
class Answered:
    """
    Hold the answers to consecutive rows.

    `answers` has one JSON value per row as sent, None for a row with an error; `errors` are faults as JSON objects by
    row of the chunk. `inputs` are the input columns that writers of tables put before the answers.
    """

    answers: Sequence[Any]
    errors: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    ids: Sequence[str] | None = None
    inputs: Sequence[Sequence[Any]] = ()

    def columns(self, leaves: Sequence[Leaf], *, errors: bool) -> list[Sequence[Any]]:
        """Return the columns of a table: inputs, leaves of the answers, and with `errors` the texts of the faults."""
        found = [*self.inputs, *leaf_columns(leaves, self.answers)]
        if errors:
            faults = [self.errors.get(row) for row in range(len(self.answers))]
            found.append([None if fault is None else f"{fault['at']}: {fault['message']}" for fault in faults])
        return found


class BatchWriter(Protocol):
    """
    Write the answer to one batch; `begin`, then `rows` per chunk, then `end`.

    One per answer, not thread-safe. `wants_inputs` says whether `Answered.inputs` is needed, and whether as sent
    ("sent"), in the type of the field ("typed"), or numbers as they were read and all else as sent ("best").
    """

    media_type: str
    wants_inputs: str

    def begin(self) -> bytes:
        """Return the bytes before the first row."""
        ...

    def rows(self, chunk: Answered) -> bytes:
        """Return the bytes of some rows, perhaps none yet."""
        ...

    def end(self) -> bytes:
        """Return the bytes after the last row."""
        ...


_BLANK = "delete it; a sum or a note below the table is no row either"


class RowFaults:
    """Collect the rows of a chunk that are no rows; texts only for as many as an answer can list."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.items: list[Fault] = []
        self.rows: set[int] = set()

    def add(
        self, row: int, code: str, message: str, *, expected: Any = None, got: Any = None, hint: str | None = None
    ) -> None:
        """Add the fault of row `row` of the chunk."""
        self.rows.add(row)
        number = self.start + row
        self.items.append(Fault(f"$[{number}]", code, message, expected, got, hint, None, number))

    def add_blank(self, row: int, line: str) -> None:
        """Add the fault of a blank row above other rows; `line` says where it stands in the file."""
        self.add(row, "blank-row", f"{line} is blank, and rows follow", expected="a row, or the end", hint=_BLANK)

    def add_error(self, row: int, error: InputError) -> None:
        """Add the first fault of an error about one row."""
        self.rows.add(row)
        number = self.start + row
        self.items.append(dataclasses.replace(error.faults[0], at=f"$[{number}]", row=number))

    def kept(self, size: int) -> list[int] | None:
        """Return the rows that remain, None when all do."""
        return [row for row in range(size) if row not in self.rows] if self.rows else None


def cell(value: Any) -> Any:
    """Return a typed cell as validation takes it: whole floats as text would give them, dates as ISO 8601."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


__all__ = [
    "CHUNK_CELLS",
    "CHUNK_ROWS",
    "MAX_COLUMNS",
    "MAX_FAULTS",
    "Answered",
    "BatchReader",
    "BatchWriter",
    "Chunk",
    "ReadLimits",
    "RowFaults",
    "cell",
]
