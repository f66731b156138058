"""
XLSX to rows. Knows no HTTP and no rule of a field.

python-calamine (Rust, 2 MB): 100,000 rows of 11 cells in 1.2 s and 86 MB without holding the interpreter, where
openpyxl takes 23 s and stops other threads for half a second at a time.
"""

import importlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from gateway.codecs.base import refuse
from gateway.codecs.chunks import Chunk, ReadLimits, cell
from gateway.codecs.table_place import (
    FIRST,
    LOOKED_ROWS,
    LOOKED_SHEETS,
    Numbered,
    TablePlace,
    check_names,
    refuse_title,
    skip_to,
)
from gateway.codecs.table_rows import cut
from gateway.codecs.xlsx_contents import safe_workbook
from gateway.codecs.xlsx_looks import check_merged, check_visible
from gateway.errors import UnreadableError
from gateway.system.suggest import listing
from gateway.validation.faults import visible

PIP_LINE = "pip install 'multi-model-gateway[excel]'"
#: Less than this left to a process that may take 1 GiB: a text of the sheet did not fit.
_SPARE_BYTES = 64 * 1024 * 1024


class ExcelReader:
    """
    Read one sheet of an XLSX workbook, the first unless `place` names another: a header row, then one row each.

    Blank rows at the end are dropped.
    """

    def __init__(self, place: TablePlace = FIRST) -> None:
        self._place = place

    def read(self, body: BinaryIO, limits: ReadLimits) -> Iterator[Chunk]:
        """Yield the rows in order."""
        calamine = _calamine()
        with safe_workbook(body, limits.scratch) as path:
            try:
                book = calamine.CalamineWorkbook.from_path(path)
                sheet = book.get_sheet_by_index(_index(book, self._place))
                rows = sheet.iter_rows()
            except BaseException as error:
                if not _is_panic(error) and not isinstance(error, calamine.CalamineError | OSError | IndexError):
                    raise
                refuse("xlsx", f"the file is not a readable XLSX workbook: {error}", expected="an .xlsx file")
        yield from _chunks(_guarded(rows), limits, self._place, book, sheet)


def _calamine() -> Any:
    try:
        return importlib.import_module("python_calamine")
    except ImportError:
        raise UnreadableError(
            "XLSX cannot be read here: python-calamine is not installed", code="missing-extra", hint=PIP_LINE
        ) from None


def _is_panic(error: BaseException) -> bool:
    """Say whether the Rust side panicked: a BaseException of a class that cannot be imported."""
    return type(error).__name__ == "PanicException"


def _guarded(rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """Yield the rows of a sheet; a cell becomes a value of Python here, and not every duration or date can."""
    number = 0
    try:
        for number, row in enumerate(rows, 1):  # noqa: B007 - the fault of a later row names it
            yield row
    except BaseException as error:
        if not _is_panic(error) and not isinstance(error, OverflowError | ValueError):
            raise
        if _is_panic(error):
            bytearray(_SPARE_BYTES)  # raises MemoryError if memory was the problem
        message = f"a date or duration in row {number + 1} of the sheet cannot be read: {error}"
        refuse("xlsx", message, expected="dates of the years 1900 to 9999", hint="format the cells as numbers")


def _index(book: Any, place: TablePlace) -> int:
    """Return the place of a sheet: by its name, else by its number from 1; a hidden one must be asked for."""
    names: Sequence[str] = book.sheet_names
    sheet = place.sheet
    if not sheet:
        check_visible([one.name for one in book.sheets_metadata], [_is_shown(one) for one in book.sheets_metadata])
        return 0
    if sheet in names:
        return names.index(sheet)
    if sheet.isascii() and sheet.isdigit() and 1 <= int(sheet[:9]) <= len(names):
        return int(sheet) - 1
    shown = listing([visible(name) for name in names[:LOOKED_SHEETS]], "and")
    return refuse(
        "option",
        f"the workbook has no sheet {visible(sheet)}",
        at="_sheet",
        expected=f"its name, or its number from 1 to {len(names)}",
        hint=f"the workbook has {shown}",
    )


def _is_shown(sheet: Any) -> bool:
    return str(sheet.visible).rpartition(".")[2] == "Visible"


def _chunks(
    rows: Iterator[Sequence[Any]], limits: ReadLimits, place: TablePlace, book: Any, sheet: Any
) -> Iterator[Chunk]:
    numbered: Iterator[Numbered] = enumerate(rows, 1)
    first = place.header
    if place.header:
        header: Sequence[Any] | None = skip_to(place.header, _filled(numbered), "row")
    else:
        first, header = next(_filled(numbered, blank=False), (0, None))
        if header is None or place.is_doubtful(_names(header)):
            numbered = _looked_at(first, header, numbered, place, book)
    if header is None:
        refuse("empty-body", "the first sheet is empty", expected="a header row and rows below it")
    names = _names(header)
    check_merged(sheet.merged_cell_ranges or (), first, (sheet.end or (0,))[0] + 1, names, place)
    chunk = None
    for chunk in cut(_rows(numbered, len(names)), names, limits, "row {} of the sheet"):
        yield chunk
    if chunk is None:
        refuse("empty-batch", "the sheet has a header and no rows", expected="at least one row")


def _filled(
    numbered: Iterator[tuple[int, Sequence[Any]]], *, blank: bool = True
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield the rows; a blank one is empty, or left out."""
    for number, row in numbered:
        is_blank = _is_empty(row)
        if blank or not is_blank:
            yield number, () if is_blank else row


def _names(header: Sequence[Any]) -> list[str]:
    names = [str(_value(name)).strip() for name in header]
    while names and not names[-1]:
        names.pop()
    return names


def _looked_at(
    first: int, header: Sequence[Any] | None, numbered: Iterator[Numbered], place: TablePlace, book: Any
) -> Iterator[Numbered]:
    """Return the rows below a doubtful header; refuses the sheet where another row or sheet has the names."""
    head = list(itertools.islice(numbered, LOOKED_ROWS))
    number, _ = place.best(head)
    if number:
        refuse_title("row", header or (), number)
    if not place.sheet and place.known:
        _refuse_sheet(place, book, "is empty" if header is None else f"has no such column in row {first}")
    if header is not None:
        check_names(_names(header), place, ", ")
    return itertools.chain(head, numbered)


def _refuse_sheet(place: TablePlace, book: Any, reason: str) -> None:
    """Refuse the first sheet where another one has the names of the columns."""
    names = book.sheet_names
    found = []
    for index in range(1, min(len(names), LOOKED_SHEETS)):
        rows = enumerate(_guarded(book.get_sheet_by_index(index).iter_rows()), 1)
        at, count = place.best(_filled(rows, blank=False))
        found.append((count, -index, at))
    count, index, at = max(found, default=(0, 0, 0))
    if not count:
        return
    option = f"_sheet={1 - index}" + ("" if at == 1 else f"&_header={at}")
    form = option.replace("&", " and ")
    refuse(
        "header",
        f"the first sheet {visible(names[0])} {reason}; the sheet {visible(names[-index])} has a header in row {at}",
        at="header",
        expected="a header with the names of the fields",
        hint=f"add ?{option} to the address, or the fields {form} to the form; or send that sheet alone",
    )


def _rows(numbered: Iterator[tuple[int, Sequence[Any]]], width: int) -> Iterator[Sequence[Any] | int]:
    """Yield the cells of a row, or the number of a row that is blank."""
    for number, row in numbered:
        yield number if _is_empty(row) else [_value(value) for value in _fit(row, width)]


def _is_empty(row: Sequence[Any]) -> bool:
    return all(value is None or (isinstance(value, str) and not value.strip()) for value in row)


def _fit(row: Sequence[Any], width: int) -> Sequence[Any]:
    """Drop cells beyond the header that are empty: a sheet is as wide as its widest row."""
    return row[:width] if len(row) > width and _is_empty(row[width:]) else row


def _value(value: Any) -> Any:
    """Return a cell: all numbers of a sheet are floats, and 15.0 is the level "15" or the id 15."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return cell(value)
