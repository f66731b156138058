"""XLSX files that would hurt: bombs, lies about sizes, giant rectangles, entities. None is expanded."""

import io
import struct
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import xlsxwriter

from batch_formats import ROWS, chunks_of, write_parquet, write_xlsx
from gateway.codecs import xlsx_contents
from gateway.codecs.parquet import ParquetReader
from gateway.codecs.xlsx import ExcelReader
from gateway.errors import InputError, TooLargeError, UnreadableError

SHEET = "xl/worksheets/sheet1.xml"


def repacked(change: Callable[[str, bytes], bytes | None], extra: dict[str, bytes] | None = None) -> bytes:
    """Return a good workbook with its members changed."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(write_xlsx(ROWS))) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for name in source.namelist():
            content = change(name, source.read(name))
            if content is not None:
                out.writestr(name, content)
        for name, content in (extra or {}).items():
            out.writestr(name, content)
    return target.getvalue()


def with_cells(cells: bytes) -> bytes:
    """Return a workbook whose sheet holds these rows."""
    sheet = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>' + cells
    sheet += b"</sheetData></worksheet>"
    return repacked(lambda name, content: sheet if name == SHEET else content)


def refused(body: bytes) -> str:
    """Read a body that must be refused; return the code, and prove that it took little time and memory."""
    process = psutil.Process()
    before, started = process.memory_info().rss, time.process_time()
    with pytest.raises((TooLargeError, InputError)) as caught:
        chunks_of(ExcelReader(), body)
    assert process.memory_info().rss - before < 64 * 2**20
    assert time.process_time() - started < 5
    return caught.value.faults[0].code if isinstance(caught.value, InputError) else caught.value.code


def test_a_bomb_is_refused_by_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet of 300 MB of blanks in 300 KB is refused before a byte of it is unpacked."""
    body = repacked(lambda name, content: b" " * 300_000_000 if name == SHEET else content)
    assert len(body) < 1_000_000

    def never(*_: Any) -> Any:
        raise AssertionError("a member was unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "open", never)
    assert refused(body) == "workbook-too-large"


def test_a_dense_bomb_below_the_limit_is_refused_by_its_ratio() -> None:
    """A member that unpacks to 100 MB at 1000 : 1 is no sheet of anybody."""
    assert (
        refused(repacked(lambda name, content: b" " * 100_000_000 if name == SHEET else content))
        == "workbook-too-large"
    )


def test_a_bomb_that_lies_about_its_size_is_found_out() -> None:
    """A directory that declares 100 bytes for 50 MB gets 100 bytes read, and the file is refused as broken."""
    body = bytearray(repacked(lambda name, content: b" " * 50_000_000 if name == SHEET else content))
    real = struct.pack("<I", 50_000_000)
    crc = struct.pack("<I", zlib.crc32(b" " * 50_000_000))
    assert body.count(real) == 2
    lie = bytes(body).replace(real, struct.pack("<I", 100)).replace(crc, struct.pack("<I", zlib.crc32(b" " * 100)))
    assert refused(lie) == "xlsx"


@pytest.mark.parametrize(
    "cells",
    [
        b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        b"<row r='1'><c r='A1'><v>1</v></c></row><row r='99999'><c r='zz99999'><v>1</v></c></row>",
        b'<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>1</v></c></row><row r="500000"><c><v>1</v></c></row>',
        b'<row r="1"><c\nr = "A1"><v>1</v></c></row><row r="1048576"><c r="CV1048576"><v>1</v></c></row>',
    ],
)
def test_two_cells_far_apart_are_no_giant_table(cells: bytes) -> None:
    """The parser would allocate the rectangle between them; it is never asked."""
    assert refused(with_cells(cells)) == "workbook-too-large"


def test_references_are_measured_across_blocks() -> None:
    """A far cell is seen wherever the blocks of the reader happen to end."""
    cells = b'<row><c r="A1"><v>1</v></c></row><row><c r="XFD1048576"><v>1</v></c></row>'
    for cut in range(len(cells)):
        sheet = xlsx_contents.Rectangle()
        with pytest.raises(TooLargeError):
            for block in (cells[:cut], cells[cut:]):
                sheet.feed(block)


HEAD = b'<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (b'<row r="2"><c r="A2"><v>1</v></c></row><row r="2"><c r="A2"><v>5</v></c></row>', "row 2"),
        (b'<row r="3"><c r="A3"><v>1</v></c></row><row r="2"><c r="A2"><v>5</v></c></row>', "row 2"),
        (b"<row r='2'><c r='A2'><v>1</v></c><c r='A2'><v>5</v></c></row>", "cell A2"),
        (b'<row r="1"><c r="A2"><v>1</v></c></row>', "row 1"),
    ],
)
def test_a_place_that_comes_twice_is_refused(cells: bytes, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser would keep the last, and answer fewer rows than were sent; wherever the blocks of the reader end."""
    for size in (2**20, 40):
        monkeypatch.setattr(xlsx_contents, "_BLOCK", size)
        with pytest.raises(InputError) as caught:
            chunks_of(ExcelReader(), with_cells(HEAD + cells))
        assert caught.value.faults[0].message == f"{what} stands twice in a sheet, or behind a later one"


def test_a_cell_that_another_row_holds_again_is_refused() -> None:
    """Rows may be in order, and their cells name the same place."""
    cells = b'<row r="2"><c r="A2"><v>1</v></c></row><row r="3"><c r="A2"><v>5</v></c></row>'
    with pytest.raises(InputError, match="cell A2 stands twice"):
        chunks_of(ExcelReader(), with_cells(HEAD + cells))


def test_places_of_other_parts_of_a_sheet_are_none() -> None:
    """Watched cells, scenarios and rows without a number; a cell may be named again behind the data."""
    rows = (
        HEAD
        + b'<row r="2"><c r="A2"><v>1</v></c></row><row><c><v>2</v></c></row><row r="9"><c r="A9"><v>3</v></c></row>'
    )
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        + rows
        + b'</sheetData><cellWatches><cellWatch r="A2"/></cellWatches></worksheet>'
    )
    chunks = chunks_of(ExcelReader(), repacked(lambda name, content: sheet if name == SHEET else content))
    assert [value for chunk in chunks for value in chunk.columns[0] if value != ""] == [1, 2, 3]


def test_entities_are_not_expanded() -> None:
    """A workbook with a document type is refused: no spreadsheet writes one."""
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet><sheetData/></worksheet>'
    assert refused(repacked(lambda name, content: bomb if name == SHEET else content)) == "xlsx"


@pytest.mark.parametrize(
    "gone", ["xl/xlsx_contents.xml", SHEET, "[Content_Types].xml", "xl/_rels/xlsx_contents.xml.rels"]
)
def test_a_workbook_with_parts_missing_is_refused_or_read(gone: str) -> None:
    """Whatever is missing, the end is a fault of the file or its rows."""
    try:
        chunks_of(ExcelReader(), repacked(lambda name, content: None if name == gone else content))
    except InputError as error:
        assert error.faults[0].code in ("xlsx", "empty-body")


def test_another_zip_is_no_workbook() -> None:
    """An OpenDocument file or any other archive is refused by name."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as out:
        out.writestr("content.xml", "<x/>")
    assert refused(target.getvalue()) == "xlsx"


def test_many_members_are_refused() -> None:
    """Thousands of members are no workbook."""
    extra = {f"xl/x{n}.xml": b"" for n in range(2_000)}
    assert refused(repacked(lambda _, content: content, extra)) == "workbook-too-large"


def test_numbers_dates_and_gaps_of_a_sheet() -> None:
    """Whole numbers are not 15.0, dates are ISO 8601, gaps are empty, empty rows at the end are none."""
    rows = [(1.0, 15, datetime(2026, 2, 3, tzinfo=UTC).replace(tzinfo=None), None), (2, 1.5, None, "x"), (None,) * 4]
    (chunk,) = chunks_of(ExcelReader(), write_xlsx(rows, ["a", "b", "c", "d"]))
    assert [list(column) for column in chunk.columns] == [[1, 2], [15, 1.5], ["2026-02-03", ""], ["", "x"]]


@pytest.mark.parametrize("days", [1e9, -1e9, 1e14, 1e300])
def test_a_duration_beyond_reason_is_refused(days: float) -> None:
    """A number that its format makes a duration Python cannot hold is the client's fault, with its row."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    hours = book.add_format({"num_format": "[h]:mm:ss"})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["hours"])
    sheet.write_column(1, 0, [1.5, days], hours)
    book.close()
    with pytest.raises(InputError, match="row 3 of the sheet"):
        chunks_of(ExcelReader(), target.getvalue())


def test_nothing_is_left_on_disk(tmp_path: Path) -> None:
    """The unpacked copy is gone when the rows are there, and when they are not."""
    chunks_of(ExcelReader(), write_xlsx(ROWS), scratch=tmp_path)
    with pytest.raises(InputError):
        chunks_of(ExcelReader(), b"PK\x03\x04", scratch=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("reader", "module", "body", "extra"),
    [
        (ExcelReader(), "python_calamine", write_xlsx(ROWS), "[excel]"),
        (ParquetReader(), "pyarrow", write_parquet(ROWS), "[parquet]"),
    ],
)
def test_a_missing_extra_says_what_to_install(
    reader: Any, module: str, body: bytes, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the library the format is refused with the line that installs it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnreadableError) as caught:
        chunks_of(reader, body)
    assert extra in str(caught.value.hint)


@pytest.mark.parametrize("prefix", [b"", b"x:"])
def test_errors_of_a_sheet_are_no_gaps(prefix: bytes) -> None:
    """#DIV/0! is a text that a number refuses, and not an empty cell that a model would take as missing."""
    cells = (
        b'<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row>'
        b'<row r="2"><c r="A2"><v>1</v></c><c r="B2" s="3" t="e"><v>#DIV/0!</v></c></row>'
        b"<row r='3'><c t='e' r='A3'><f>1/0</f><v>#N/A</v></c><c r='B3'><v>2</v></c></row>"
    )
    body = with_cells(cells) if not prefix else prefixed(cells, prefix)
    (chunk,) = chunks_of(ExcelReader(), body)
    assert [list(column) for column in chunk.columns] == [[1, "#N/A"], ["#DIV/0!", 2]]


def prefixed(cells: bytes, prefix: bytes) -> bytes:
    """Return a workbook whose sheet has every element behind a namespace prefix."""
    cells = cells.replace(b"</", b"\0").replace(b"<", b"<" + prefix).replace(b"\0", b"</" + prefix)
    head = b'<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>'
    sheet = head + cells + b"</x:sheetData></x:worksheet>"
    return repacked(lambda name, content: sheet if name == SHEET else content)


@pytest.mark.parametrize("value", [b"<v></v>", b"<v/>", b"<v />", b""])
def test_a_formula_that_was_never_calculated_is_refused(value: bytes) -> None:
    """A library writes formulas without their values; a gap, or a row that vanishes, would be silently wrong."""
    head = b'<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
    with pytest.raises(InputError) as caught:
        chunks_of(ExcelReader(), with_cells(head + b'<row r="2"><c r="A2"><f>1+1</f>' + value + b"</c></row>"))
    assert caught.value.faults[0].message == "cell A2 holds a formula that was never calculated"
    saved = (
        head + b'<row r="2"><c r="A2" t="str"><f>B1</f><v></v></c></row><row r="3"><c r="A3"><f>1</f><v>1</v></c></row>'
    )
    (chunk,) = chunks_of(ExcelReader(), with_cells(saved))
    assert (list(chunk.columns[0]), chunk.kept) == ([1], [1])
    assert chunk.faults[0].message == "row 2 of the sheet is blank, and rows follow"


def test_cells_are_rewritten_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read block by block is the same sheet, wherever a block ends."""
    cells = b'<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>' + b"".join(
        b'<row r="%d"><c r="A%d" t="e"><v>#N/A</v></c></row>' % (row, row) for row in range(2, 60)
    )
    for size in (7, 64, 1000):
        monkeypatch.setattr(xlsx_contents, "_BLOCK", size)
        (chunk,) = chunks_of(ExcelReader(), with_cells(cells))
        assert list(chunk.columns[0]) == ["#N/A"] * 58
