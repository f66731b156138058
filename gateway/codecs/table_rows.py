"""Cut rows of cells into the chunks of a table, and handle blank rows. Knows no format."""

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.codecs.chunks import Chunk, ReadLimits, RowFaults
from gateway.errors import TooLargeError

#: Rows of a full sheet of Excel.
MAX_BLANK_ROWS = 1_048_576
_MORE = (
    "name every column in the header (R writes row names without one), end rows and header with the same separators, "
    'and put a cell that holds the separator in quotes: "13,6"'
)
_FEWER_HINT = "give every row a cell for each name of the header, separated in the same way"


def check_blank(rows: int) -> None:
    """Refuse more blank rows in a row than a spreadsheet can hold."""
    if rows > MAX_BLANK_ROWS:
        message = f"the table has more than {MAX_BLANK_ROWS} blank rows in a row"
        raise TooLargeError(message, code="too-many-rows", hint="delete the blank rows")


class TableRows:
    """Gather rows of cells for one chunk; a row with a wrong number of cells becomes a fault and is left out."""

    def __init__(self, start: int, names: Sequence[str]) -> None:
        self._names = names
        self._rows: list[Sequence[Any]] = []
        self._faults = RowFaults(start)
        self.size = 0

    def add(self, row: Sequence[Any]) -> None:
        """Take the next row."""
        width = len(self._names)
        if len(row) == width:
            self._rows.append(row)
        else:
            message = f"the row has {len(row)} cells, the header {width}"
            hint = _MORE if len(row) > width else _FEWER_HINT
            self._faults.add(self.size, "arity", message, expected=width, got=len(row), hint=hint)
        self.size += 1

    def add_blank(self, line: str) -> None:
        """Take a row without any cell that holds something."""
        self._faults.add_blank(self.size, line)
        self.size += 1

    def chunk(self) -> Chunk:
        """Return the chunk of all rows so far."""
        columns: list[Any] = list(zip(*self._rows, strict=True)) if self._rows else [()] * len(self._names)
        faults = self._faults
        return Chunk(faults.start, self.size, self._names, columns, kept=faults.kept(self.size), faults=faults.items)


def cut(
    rows: Iterator[Sequence[Any] | int], names: Sequence[str], limits: ReadLimits, line: str = "line {}"
) -> Iterator[Chunk]:
    """
    Cut the rows of a table into chunks; a number stands for a blank row, and says which line of the file it is.

    Blank rows at the end are none. One above other rows is a fault of its own, so that every row keeps its number.
    """
    most = limits.rows_of(len(names))
    start, table = 0, TableRows(0, names)
    first = blank = 0
    for row in rows:
        if type(row) is int:
            first = row - blank
            blank += 1
            check_blank(blank)
            continue
        if blank:
            limits.check(start + table.size + blank + 1)
            for number in range(first, first + blank):
                table.add_blank(line.format(number))
                if table.size == most:
                    yield table.chunk()
                    start += most
                    table = TableRows(start, names)
            blank = 0
        table.add(row)  # type: ignore[arg-type]  # numbers were told apart by their exact type
        if table.size == most:
            limits.check(start + most)
            yield table.chunk()
            start += most
            table = TableRows(start, names)
        elif start + table.size > limits.max_rows:
            limits.check(start + table.size)
    if table.size:
        yield table.chunk()
