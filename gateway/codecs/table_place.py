"""Where the table of a file stands: which sheet, which row is its header, and what to say where it is elsewhere."""

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from gateway.codecs.base import refuse
from gateway.validation.column_names import letters
from gateway.validation.faults import printable

#: Rows of a file, and its sheets, that are searched for a header.
LOOKED_ROWS: Final = 50
LOOKED_SHEETS: Final = 20
#: Names by which a header is recognised, and their characters: they travel to the process that reads workbooks.
_MOST_NAMES: Final = 300
_MOST_CHARACTERS: Final = 20_000
#: Names that the hint about a table without a header lists.
_SHOWN_NAMES: Final = 30
_UNSAFE: Final = re.compile(r'[,;\t|"\r\n]')
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
#: A row of a file, with its number there, from 1.
Numbered = tuple[int, Sequence[Any]]


@dataclass(frozen=True)
class TablePlace:
    """
    Hold what a client says about its table: the sheet by name or number from 1, the row of the header from 1.

    `known` are names of columns that a header may hold; without any, every first row is a header. `order` are those of
    the fields, in the order of values without names.
    """

    sheet: str = ""
    header: int = 0
    known: Collection[str] = ()
    order: Sequence[str] = ()

    def packed(self) -> list[Any]:
        """Return the place for a message to another process, of very many names the first ones."""
        left = _MOST_CHARACTERS
        names = [name for name in itertools.islice(self.known, _MOST_NAMES) if (left := left - len(name)) > 0]
        return [self.sheet, self.header, names, list(self.order[:_SHOWN_NAMES])]

    @cached_property
    def _letters(self) -> frozenset[str]:
        return frozenset(map(letters, self.known)) - {""}

    def names_in(self, cells: Sequence[Any]) -> int:
        """Return how many cells of a row are names of columns, as far as letters and digits go."""
        return len({letters(cell) for cell in cells if isinstance(cell, str)} & self._letters)

    def is_doubtful(self, names: Sequence[str]) -> bool:
        """Say whether a row that is taken for the header names no column at all."""
        return not self.header and bool(self.known) and set(names).isdisjoint(self.known) and not self.names_in(names)

    def best(self, rows: Iterable[Numbered]) -> tuple[int, int]:
        """Return the number of the row that looks most like the header, and how many names it holds; else (0, 0)."""
        looked = itertools.islice(rows, LOOKED_ROWS)
        found = [(self.names_in(cells), -number) for number, cells in looked if not any(map(_is_number, cells))]
        count, number = max(found, default=(0, 0))
        return (-number, count) if count else (0, 0)


def _is_number(cell: Any) -> bool:
    """Say whether a cell is a value: a table that stands on its side has names in its first column."""
    return isinstance(cell, int | float) or (isinstance(cell, str) and _NUMBER.fullmatch(cell.strip()) is not None)


#: The first sheet, and its first row that is not blank.
FIRST: Final = TablePlace()


def refuse_title(what: str, first: Sequence[Any], number: int) -> None:
    """Refuse a table whose header is row `number`, below the row `first` of `what` ("line", "row of the sheet")."""
    shown = next((printable(str(cell), 40) for cell in first if cell not in ("", None)), "")
    refuse(
        "header",
        f"'{shown}' was taken for the header and names no field; {what} {number} looks like the header",
        at="header",
        expected="a header with the names of the fields",
        hint=f"add ?_header={number} to the address, or the field _header={number} to the form",
    )


def check_names(names: Sequence[str], place: TablePlace, separator: str) -> None:
    """Refuse a first row that holds values: it would be lost as a header. pandas numbers columns from 0."""
    given = [name for name in names if name]
    if not any(map(_is_number, given)) or given == [str(number) for number in range(len(given))]:
        return
    few = 0 < len(place.order) < _SHOWN_NAMES
    listed = separator.join(map(_in_quotes, place.order)) if few else "the names of the fields"
    refuse(
        "header",
        "the table has no header: its first row holds a value and names no field",
        at="header",
        expected="a header with the names of the fields",
        hint=f"put a row of names above the values, in their order: {printable(listed, 1_000)}",
    )


def _in_quotes(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if _UNSAFE.search(name) else name


def skip_to(header: int, rows: Iterator[Numbered], what: str) -> Sequence[Any]:
    """Return the cells of the header that the client names, and leave `rows` behind it."""
    last = 0
    for number, cells in rows:
        if number == header and cells:
            return cells
        if number >= header:
            return _no_header(header, f"{what} {header} is blank")
        last = number
    return _no_header(header, f"there are {last} rows")


def _no_header(header: int, message: str) -> Sequence[Any]:
    return refuse(
        "header",
        f"the header is to be in row {header}, and {message}",
        at="header",
        expected="a row of names",
        hint="name the row as the spreadsheet numbers it, from 1",
    )
