"""Workbooks that answers come back in: what is written is read back by the reader of others, and nothing is run."""

import gc
import io
import re
import tracemalloc
import zipfile
from collections.abc import Sequence
from typing import Any

import pytest

from batch_formats import chunks_of
from gateway.answers.leaves import Leaf
from gateway.codecs import xlsx_writer
from gateway.codecs.chunks import Answered
from gateway.codecs.xlsx import ExcelReader
from gateway.codecs.xlsx_parts import SHEET
from gateway.codecs.xlsx_writer import XlsxWriter
from gateway.errors import TooLargeError

PREDICTION = [Leaf("prediction", (), "string")]


def written(names: Sequence[str], columns: Sequence[Sequence[Any]], *, chunk: int = 10_000) -> bytes:
    """Write a table with one answer column, in chunks of so many rows."""
    writer, size = XlsxWriter(names, PREDICTION), len(columns[0])
    body = writer.begin()
    for start in range(0, size, chunk):
        part = [column[start : start + chunk] for column in columns]
        body += writer.rows(Answered(["yes"] * len(part[0]), inputs=part))
    return body + writer.end()


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (1.5, 1.5),
        (-3, -3),
        (1e300, 1e300),
        (True, True),
        (2**53 - 1, 2**53 - 1),
        (2**53, str(2**53)),
        (float("nan"), ""),
        (float("inf"), ""),
        (None, ""),
        ("", ""),
        ("-3", "-3"),
        ("007", "007"),
        ("=SUM(A1)", "=SUM(A1)"),
        ("@x", "@x"),
        ("'=x", "'=x"),
        (" blanks ", " blanks "),
        ("a\tb\r\nc", "a\tb\r\nc"),
        ("\x01 _x0041_ <&> ]]>", "\x01 _x0041_ <&> ]]>"),
        ("żółć 漢字 🙂", "żółć 漢字 🙂"),
        ("\ud800", "\\ud800"),
        ([1, "a"], '[1, "a"]'),
    ],
)
def test_a_value_is_read_back_as_it_was(value: Any, read: Any) -> None:
    """Numbers are numbers, texts are texts with every character, a gap is an empty cell, in whatever column."""
    (chunk,) = chunks_of(ExcelReader(), written(["id", "value"], [["r"], [value]]))
    assert list(chunk.names) == ["id", "value", "prediction"]
    assert [list(column) for column in chunk.columns] == [["r"], [read], ["yes"]]
    assert type(chunk.columns[1][0]) is type(read)


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\uff1d1"])
def test_no_text_is_a_formula(text: str) -> None:
    """A sheet holds no formula; a text that could become one when it is edited has the mark that keeps it a text."""
    sheet = zipfile.ZipFile(io.BytesIO(written([text], [[text, "plain"]]))).read(SHEET).decode()
    assert "<f" not in sheet
    styles = dict(re.findall(r'<c r="(A[23])"(?: s="(\d)")? t="inlineStr">', sheet))
    assert styles == {"A2": "2", "A3": ""}


def test_a_workbook_grows_by_chunks_in_bounded_memory() -> None:
    """The bytes of a chunk are out before the next comes, and 60,000 rows take no more memory than 10,000."""
    writer = XlsxWriter(["a", "b"], PREDICTION)
    rows = Answered(["no"] * 5_000, inputs=[[at / 7 for at in range(5_000)], [f"text {at}" for at in range(5_000)]])
    sizes, peaks = [len(writer.begin())], []
    tracemalloc.start()
    for _ in range(12):
        tracemalloc.reset_peak()
        sizes.append(len(writer.rows(rows)))
        peaks.append(tracemalloc.get_traced_memory()[1])
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert all(size > 1_000 for size in sizes[1:])
    assert max(peaks[6:]) < 1.2 * max(peaks[:6])
    assert kept < 1_000_000


def test_equal_answers_are_equal_bytes() -> None:
    """A workbook holds no time of day."""
    assert written(["a"], [[1, 2]]) == written(["a"], [[1, 2]])


def test_what_a_sheet_cannot_hold_is_refused_by_name() -> None:
    """Rows, columns and characters beyond those of Excel are a 413 that names the limit and other formats."""
    xlsx_writer.check_rows(1_048_575)
    xlsx_writer.check_texts([["x" * 32_767, 1, None]])
    for refused, code in (
        (lambda: xlsx_writer.check_rows(1_048_576), "too-many-rows"),
        (lambda: xlsx_writer.check_texts([["🙂" * 16_384]]), "cell-too-long"),
        (lambda: written(["a"], [["x" * 32_768]]), "cell-too-long"),
        (lambda: XlsxWriter(["a" * 32_768], PREDICTION), "cell-too-long"),
        (lambda: XlsxWriter(["a"] * 16_384, PREDICTION), "too-many-columns"),
    ):
        with pytest.raises(TooLargeError) as caught:
            refused()
        assert caught.value.code == code
        assert "text/csv" in str(caught.value.hint)


def test_an_answer_that_is_cut_off_leaves_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that goes away in mid-answer leaves a ZIP without end, about which nobody writes to the log."""
    complaints: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", complaints.append)
    writer = XlsxWriter(["a"], PREDICTION)
    writer.begin()
    writer.rows(Answered(["yes"], inputs=[[1]]))
    del writer
    gc.collect()
    assert complaints == []
