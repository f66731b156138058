"""
Answers to XLSX: a workbook of one sheet, written row by row into a ZIP that is sent while it grows.

Own code, because no library writes one so: xlsxwriter (constant_memory) and openpyxl (write_only) gather the sheet in a
temporary file, and give the first byte when the last row is there. Knows no HTTP and no rule of a field.
"""

import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Final
from xml.sax.saxutils import escape

from gateway.answers.leaves import Leaf, column_names
from gateway.codecs.chunks import Answered
from gateway.codecs.formulas import is_formula
from gateway.codecs.sink import Sink
from gateway.codecs.xlsx_parts import PARTS, SHEET, sheet_head
from gateway.errors import TooLargeError

#: What a sheet can hold, in every version of Excel since 2007: rows with the header, columns, characters of a cell.
MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
MAX_TEXT: Final = 32_767
#: Bytes of the sheet, unpacked: more would need a format of ZIP that not every program reads.
MAX_SHEET_BYTES: Final = 2**31 - 2**20
#: A number of a sheet has 53 bits; a longer whole number is written as text, which keeps its digits.
_EXACT: Final = 2**53
_LEVEL: Final = 1
#: Characters that XML cannot hold, and texts that look like their escapes.
_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_HEADER_STYLE, _TEXT_STYLE = 1, 2
_HINT: Final = "accept text/csv, application/x-ndjson or application/vnd.apache.parquet"


def check_rows(rows: int) -> None:
    """Refuse a batch whose answer does not fit into a sheet below its header."""
    if rows >= MAX_ROWS:
        raise TooLargeError(
            f"an XLSX sheet has {MAX_ROWS:,} rows, the header is one of them: the batch has more",
            code="too-many-rows",
            hint=f"{_HINT}, or send it in parts",
        )


def check_texts(columns: Sequence[Sequence[Any]]) -> None:
    """Refuse texts that do not fit into a cell."""
    for column in columns:
        if any(isinstance(value, str) and len(value) > MAX_TEXT // 2 and _units(value) > MAX_TEXT for value in column):
            raise _too_long()


class XlsxWriter:
    """
    Write the input columns and the leaves of the answers, one row each below a header that stays in view.

    Numbers are numbers, texts are texts and never formulas, a missing value is an empty cell. With `errors` the last
    column holds the fault of each bad row.
    """

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    wants_inputs = "best"

    def __init__(self, input_names: Sequence[str], leaves: Sequence[Leaf], *, errors: bool = False) -> None:
        self._leaves = leaves
        self._errors = errors
        self._names = [*input_names, *column_names(input_names, leaves, errors=errors)]
        if len(self._names) > MAX_COLUMNS:
            message = f"an XLSX sheet has {MAX_COLUMNS:,} columns, the answer {len(self._names):,}"
            raise TooLargeError(message, code="too-many-columns", hint=_HINT)
        check_texts([self._names])
        self._letters = [_letters(at) for at in range(len(self._names))]
        self._sink = Sink()
        self._book = _Book(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self._sheet: IO[bytes] | None = None
        self._row = 1
        self._size = 0

    def begin(self) -> bytes:
        """Return the parts beside the sheet, and the header."""
        for name, text in PARTS.items():
            self._book.writestr(_member(name), text)
        self._sheet = self._book.open(_member(SHEET), "w")
        self._put(sheet_head(self._names))
        cells = [
            f'<c r="{letters}1" s="{_HEADER_STYLE}" t="inlineStr"><is>{_text(name)}</is></c>'
            for letters, name in zip(self._letters, self._names, strict=True)
        ]
        self._put(f'<row r="1">{"".join(cells)}</row>')
        return self._sink.fetch()

    def rows(self, chunk: Answered) -> bytes:
        """Return the bytes of the rows that the packing has let go of."""
        columns = chunk.columns(self._leaves, errors=self._errors)
        lines = []
        number = self._row
        for row in zip(*columns, strict=True):
            number += 1
            cells = [_cell(value, letters, number) for letters, value in zip(self._letters, row, strict=True)]
            lines.append(f'<row r="{number}">{"".join(cells)}</row>')
        self._row = number
        check_rows(number - 1)
        self._put("".join(lines))
        return self._sink.fetch()

    def end(self) -> bytes:
        """Return the end of the sheet, and the directory of the ZIP."""
        self._put("</sheetData></worksheet>")
        assert self._sheet is not None  # noqa: S101 - `begin` comes first
        self._sheet.close()
        self._book.close()
        return self._sink.fetch()

    def _put(self, text: str) -> None:
        content = text.encode("utf-8", "backslashreplace")
        self._size += len(content)
        if self._size > MAX_SHEET_BYTES:
            message = f"the sheet takes more than {MAX_SHEET_BYTES // 2**20} MiB"
            raise TooLargeError(message, code="workbook-too-large", hint=_HINT)
        assert self._sheet is not None  # noqa: S101 - `begin` comes first
        self._sheet.write(content)


class _Book(zipfile.ZipFile):
    """Be a ZIP that may be left in the middle: where a client goes away, nobody waits for its end."""

    def __del__(self) -> None:
        """Write no directory; Python's own would complain that a member is open still."""


def _member(name: str) -> zipfile.ZipInfo:
    """Return a member without the time of day: equal answers are equal bytes."""
    member = zipfile.ZipInfo(name)
    member.compress_type = zipfile.ZIP_DEFLATED
    member._compresslevel = _LEVEL  # type: ignore[attr-defined]  # what ZipFile sets where it makes the member itself
    return member


def _letters(at: int) -> str:
    """Return the name of a column, counted from 0: A to Z, AA to XFD."""
    text = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        text = chr(65 + rest) + text
    return text


def _cell(value: Any, letters: str, row: int) -> str:
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value, letters, row)
    if hasattr(value, "item"):  # a number of numpy
        return _cell(value.item(), letters, row)
    return _string(json.dumps(value) if isinstance(value, list | dict) else str(value), letters, row)


def _nothing(value: None, letters: str, row: int) -> str:
    return ""


def _boolean(value: bool, letters: str, row: int) -> str:
    return f'<c r="{letters}{row}" t="b"><v>{value:d}</v></c>'


def _integer(value: int, letters: str, row: int) -> str:
    if -_EXACT < value < _EXACT:
        return f'<c r="{letters}{row}"><v>{value}</v></c>'
    return _string(str(value), letters, row)


def _float(value: float, letters: str, row: int) -> str:
    return f'<c r="{letters}{row}"><v>{value!r}</v></c>' if value - value == 0 else ""


def _string(value: str, letters: str, row: int) -> str:
    if len(value) > MAX_TEXT // 2 and _units(value) > MAX_TEXT:
        raise _too_long()
    style = f' s="{_TEXT_STYLE}"' if is_formula(value) else ""
    return f'<c r="{letters}{row}"{style} t="inlineStr"><is>{_text(value)}</is></c>' if value else ""


_WRITERS: Final[Mapping[type, Callable[[Any, str, int], str]]] = {
    type(None): _nothing,
    bool: _boolean,
    int: _integer,
    float: _float,
    str: _string,
}


def _text(value: str) -> str:
    """Return a text as XML; what XML cannot hold as Excel writes it (`_x0001_`)."""
    return f'<t xml:space="preserve">{escape(_UNSAFE.sub(_coded, value))}</t>'


def _coded(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


def _units(value: str) -> int:
    return len(value.encode("utf-16-le", "surrogatepass")) // 2


def _too_long() -> TooLargeError:
    message = f"a cell of an XLSX sheet has at most {MAX_TEXT:,} characters, a text of the answer more"
    return TooLargeError(message, code="cell-too-long", hint=_HINT)
