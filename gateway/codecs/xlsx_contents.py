"""
Make XLSX files safe to read: unpack a workbook within limits into an uncompressed copy for the parser.

The parser (calamine, Rust) lays a sheet out as one dense rectangle, so a single cell at XFD1048576 would take 400 GB,
and trusts the sizes that a ZIP declares. Both are measured here first. It returns an empty text for a cell with an
error (#DIV/0!) and for a formula without a value; no call of python-calamine 0.9.1 distinguishes them from an empty
cell, so they are found in the XML of the sheet.
"""

import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from gateway.codecs.base import refuse
from gateway.codecs.xlsx_order import Order
from gateway.errors import TooLargeError

#: 100,000 rows of 11 cells unpack to about 45 MB.
MAX_UNPACKED_BYTES: Final = 256 * 1024 * 1024
#: Deflate reaches 1032 : 1; sheets of one repeated row stay below 100 : 1.
MAX_RATIO: Final = 200
_RATIO_MATTERS_BYTES: Final = 8 * 1024 * 1024
MAX_MEMBERS: Final = 1_000
#: Cells of the rectangle around all cells of a sheet: about 32 bytes each in the parser.
MAX_CELLS: Final = 5_000_000
_BLOCK: Final = 1024 * 1024
#: Longest reference of a row or a cell, with its quotes, which the end of a block may cut.
_OVERLAP: Final = 64
# Attribute `r` of rows ("7") and cells ("AB7"), also in single quotes, lower case, or behind a namespace prefix.
_REFERENCE: Final = re.compile(rb"\sr\s*=\s*[\"']\s*([A-Za-z]{0,8})([0-9]{0,12})")
_CELL: Final = re.compile(rb"<(?:[\w.-]+:)?c[\s/>]")
# A cell of the type "e" (error), up to the value of its type; and a formula in a cell without type and without value.
# No tag is looked for beyond the next "<", which no value of XML holds: a megabyte of "<c " would take hours.
_ERROR_CELL: Final = re.compile(rb"(<(?:[\w.-]+:)?c\s(?:[^<>]*?\s)?t=[\"'])e([\"'])")
_UNCALCULATED: Final = re.compile(
    rb"<(?:[\w.-]+:)?c(?![^<>]*\st=)(?:\s[^<>]*[^<>/])?>\s*<(?:[\w.-]+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:[\w.-]+:)?f>)\s*"
    rb"(?:<(?:[\w.-]+:)?v\s*/>\s*|<(?:[\w.-]+:)?v>\s*</(?:[\w.-]+:)?v>\s*)?</(?:[\w.-]+:)?c>"
)
#: Bytes after which a cell that has no end is let through as it is: a text may have 32,767 characters.
_LONGEST_CELL: Final = 256 * 1024
_ALLOWED: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_HINT: Final = "save the sheet as CSV or Parquet, or send it in parts"


@contextmanager
def safe_workbook(body: BinaryIO, scratch: Path | None) -> Iterator[Path]:
    """
    Yield the path of an uncompressed copy of an XLSX file, with true sizes and with sheets within MAX_CELLS.

    Raises InputError for a file that is not XLSX and TooLargeError for one that unpacks to too much; declared sizes
    are checked before anything is unpacked.
    """
    body.seek(0)
    with tempfile.NamedTemporaryFile(suffix=".xlsx", dir=scratch) as copy:
        try:
            with zipfile.ZipFile(body) as source:
                members = _members(source)
                with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
                    for member in members:
                        _copy(source, member, target)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            refuse("xlsx", f"the file is not a readable XLSX workbook: {error}", expected="an .xlsx file")
        copy.flush()
        yield Path(copy.name)


def _members(source: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members that the parser needs; refuse declared sizes beyond the limits."""
    members = source.infolist()
    names = [member.filename for member in members]
    if "xl/workbook.xml" not in names:
        refuse("xlsx", "the ZIP file holds no workbook (xl/workbook.xml)", expected="an .xlsx file")
    if len(set(names)) != len(names):
        refuse("xlsx", "a member of the workbook is there twice", expected="an .xlsx file")
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise _too_large(f"the workbook unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB")
    for member in members:
        if member.file_size > max(_RATIO_MATTERS_BYTES, MAX_RATIO * member.compress_size):
            raise _too_large(f"{member.filename[:80]} unpacks to more than {MAX_RATIO} times its size")
        if member.compress_type not in _ALLOWED or member.flag_bits & 1:
            refuse("xlsx", "the workbook is encrypted or packed in an unusual way", hint="save it without a password")
    return [member for member in members if member.filename.endswith((".xml", ".rels"))]


def _copy(source: zipfile.ZipFile, member: zipfile.ZipInfo, target: zipfile.ZipFile) -> None:
    """Copy one member; the reader stops at the declared size and checks the sum, so the copy holds no more."""
    measure = Rectangle() if "sheet" in member.filename or "worksheet" in member.filename else None
    cells, order = ErrorCells(), Order()
    with source.open(member) as packed, target.open(zipfile.ZipInfo(member.filename), "w") as unpacked:
        first = True
        while block := packed.read(_BLOCK):
            if first and (b"\0" in block[:64] or b"<!DOCTYPE" in block[:4096]):
                refuse("xlsx", f"{member.filename[:80]} is not plain UTF-8 XML", expected="an .xlsx file")
            first = False
            if measure is None:
                unpacked.write(block)
            else:
                order.feed(block, repeats=measure.feed(block))
                unpacked.write(cells.feed(block))
        unpacked.write(cells.end())
        order.end()


class Rectangle:
    """Measure the rectangle around the cells of a sheet, block by block."""

    def __init__(self) -> None:
        self._rest = b""
        self._rows = 1
        self._columns = 1
        self._cells = 0

    def feed(self, block: bytes) -> bool:
        """
        Look at the next block; raises TooLargeError as soon as the rectangle is too large.

        Returns whether a reference is there twice.
        """
        data = self._rest + block
        self._cells += len(_CELL.findall(data))
        found = _REFERENCE.findall(data)
        if found:
            rows = {row for _, row in found}
            self._rows = max(self._rows, max((int(row) for row in rows if row), default=1))
            self._columns = max(self._columns, *(_column(letters) for letters in {letters for letters, _ in found}))
        if max(self._rows * self._columns, self._cells) > MAX_CELLS:
            raise _too_large(
                f"the sheet spans {self._rows} rows and {self._columns} columns, {MAX_CELLS} cells at most"
            )
        self._rest = data[-_OVERLAP:]
        return len(set(found)) < len(found)


class ErrorCells:
    """
    Turn error cells of a sheet ("#DIV/0!") into texts, which the parser would read as empty; block by block.

    Refuses formulas that were never calculated: they hold no value.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, block: bytes) -> bytes:
        """Return the complete cells so far; a cell that the end of the block cuts comes with the next."""
        data = self._rest + block
        end = data.rfind(b"c>") + 2
        if end < len(data) - _LONGEST_CELL:
            end = len(data)
        self._rest = data[end:]
        return _with_errors_as_texts(data[:end])

    def end(self) -> bytes:
        """Return the rest."""
        return _with_errors_as_texts(self._rest)


def _with_errors_as_texts(data: bytes) -> bytes:
    if b"<f" in data or b":f" in data:
        found = _UNCALCULATED.search(data)
        if found is not None:
            cell = _REFERENCE.search(found[0])
            name = (cell[1] + cell[2]).decode() if cell else "?"
            refuse(
                "xlsx",
                f"cell {name} holds a formula that was never calculated",
                expected="values",
                hint="open and save the workbook in a spreadsheet program, or write values instead of formulas",
            )
    return _ERROR_CELL.sub(rb"\1str\2", data)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - 64
    return max(number, 1)


def _too_large(message: str) -> TooLargeError:
    return TooLargeError(message, code="workbook-too-large", hint=_HINT)
