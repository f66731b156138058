"""
XLSX to rows. Knows no HTTP and no rule of a field.

python-calamine (Rust, 2 MB): 100,000 rows of 11 cells in 1.2 s and 86 MB without holding the interpreter, where
openpyxl takes 23 s and stops other threads for half a second at a time.
"""

import importlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from gateway.codecs.base import refuse
from gateway.codecs.chunks import Chunk, ReadLimits, cell
from gateway.codecs.table_rows import cut
from gateway.codecs.xlsx_contents import safe_workbook
from gateway.errors import UnreadableError

PIP_LINE = "pip install 'multi-model-gateway[excel]'"
#: Less than this left to a process that may take 1 GiB: a text of the sheet did not fit.
_SPARE_BYTES = 64 * 1024 * 1024


class ExcelReader:
    """Read the first sheet of an XLSX workbook: a header row, then one row each; blank rows at the end are dropped."""

    def read(self, body: BinaryIO, limits: ReadLimits) -> Iterator[Chunk]:
        """Yield the rows in order."""
        calamine = _calamine()
        with safe_workbook(body, limits.scratch) as path:
            try:
                book = calamine.CalamineWorkbook.from_path(path)
                rows = book.get_sheet_by_index(0).iter_rows()
            except BaseException as error:
                if not _is_panic(error) and not isinstance(error, calamine.CalamineError | OSError | IndexError):
                    raise
                refuse("xlsx", f"the file is not a readable XLSX workbook: {error}", expected="an .xlsx file")
        yield from _chunks(_guarded(rows), limits)


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


def _chunks(rows: Iterator[Sequence[Any]], limits: ReadLimits) -> Iterator[Chunk]:
    numbered = enumerate(rows, 1)
    header = next((row for _, row in numbered if not _is_empty(row)), None)
    if header is None:
        refuse("empty-body", "the first sheet is empty", expected="a header row and rows below it")
    names = [str(_value(name)).strip() for name in header]
    while names and not names[-1]:
        names.pop()
    chunk = None
    for chunk in cut(_rows(numbered, len(names)), names, limits, "row {} of the sheet"):
        yield chunk
    if chunk is None:
        refuse("empty-batch", "the sheet has a header and no rows", expected="at least one row")


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
