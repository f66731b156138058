"""CSV as people really send it, and CSV that must not become a formula."""

import csv
import io
import tracemalloc

import pytest

from batch_formats import ROWS, batch_of, chunks_of, write_csv
from gateway.answers.leaves import Leaf
from gateway.codecs.chunks import Answered
from gateway.codecs.csv import CsvReader, CsvWriter
from gateway.codecs.formulas import escape_formula
from gateway.errors import InputError, TooLargeError

PLAIN = batch_of(chunks_of(CsvReader(), write_csv(ROWS)))


def fault_of(body: bytes, charset: str | None = None) -> tuple[str, str]:
    """Return code and message of the one fault of a body."""
    with pytest.raises(InputError) as caught:
        chunks_of(CsvReader(charset), body)
    return caught.value.faults[0].code, caught.value.faults[0].message


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_delimiter_and_line_end_are_found_out(delimiter: str, line_end: str) -> None:
    """Comma, semicolon, tab and bar, with the line ends of any system, are the same rows."""
    body = write_csv(ROWS, delimiter=delimiter, lineterminator=line_end)
    columns, ids = batch_of(chunks_of(CsvReader(), body))
    assert (columns, ids) == PLAIN


@pytest.mark.parametrize(
    ("prefix", "charset", "encoding"),
    [
        (b"\xef\xbb\xbf", None, "utf-8"),
        (b"", "UTF-8", "utf-8"),
        (b"sep=,\r\n", None, "utf-8"),
        (b"\xef\xbb\xbfsep=,\r\n", None, "utf-8"),
        (b"\r\n\r\n", None, "utf-8"),
        (b"", "utf-16", "utf-16"),
        (b"", "utf-16-le", "utf-16-le"),
    ],
)
def test_marks_of_spreadsheets_are_understood(prefix: bytes, charset: str | None, encoding: str) -> None:
    """A byte order mark, Excel's `sep=` line, blank lines before the header and a named charset change nothing."""
    body = prefix + write_csv(ROWS).decode().encode(encoding)
    assert batch_of(chunks_of(CsvReader(charset), body)) == PLAIN


def test_a_named_western_charset_is_decoded() -> None:
    """Windows-1252 is read when the client says so, and refused with that hint when it does not."""
    body = write_csv([("a", 1, 1, "28", "café", True)]).decode().encode("cp1252")
    assert batch_of(chunks_of(CsvReader("windows-1252"), body))[0][3] == ["café"]
    code, message = fault_of(body)
    assert code == "encoding"
    assert "0xe9" in message


def test_quoted_line_breaks_and_delimiters_stay_in_their_cell() -> None:
    """A quoted cell may hold line breaks, quotes and every delimiter, and does not change which one is found."""
    rows = [("a", 1, 1, "28", 'x;y;z\r\n"q",\n', True)]
    assert batch_of(chunks_of(CsvReader(), write_csv(rows)))[0][3] == ['x;y;z\r\n"q",\n']


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'a,b\n1,"open\n2,3\n', "csv"),
        (b'a,b\n1,"x"y\n', "csv"),
        (b"\xff\xfea\x00,\x00", "encoding"),
        (b"a,b\n1,\xff\n", "encoding"),
        (b"   ", "empty-body"),
        (b"a,b\r\n", "empty-batch"),
        (b"a,b\r\n\r\n\r\n", "empty-batch"),
    ],
)
def test_broken_csv_is_named(body: bytes, code: str) -> None:
    """An open quote, text after one, wrong bytes and emptiness are faults with their own codes."""
    assert fault_of(body)[0] == code


def test_an_open_quote_names_its_line() -> None:
    """The text says at which line reading stopped."""
    assert "line 3" in fault_of(b'a,b\n1,2\n3,"x"y\n')[1]


@pytest.mark.parametrize("charset", ["utf-7", "idna", "rot13", "zlib", "punycode", "no-such", "\0", "x" * 1000])
def test_only_listed_charsets_are_read(charset: str) -> None:
    """A codec that is no charset of text, or a rare one, is refused."""
    assert fault_of(write_csv(ROWS), charset)[0] == "encoding"


def test_cells_beyond_the_default_limit_of_the_library_are_read() -> None:
    """A text of 1 MB, which the library's own default refuses, is a cell."""
    rows = [("a", 1, 1, "28", "x" * 1_000_000, True)]
    assert len(batch_of(chunks_of(CsvReader(), write_csv(rows)))[0][3][0]) == 1_000_000


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "-", "+", "=", "-1-1"]
)
def test_formulas_are_escaped(text: str) -> None:
    """Whatever a spreadsheet would run begins with an apostrophe, in cells and in the header."""
    assert escape_formula(text) == "'" + text
    writer = CsvWriter([text], [Leaf("prediction", (), "string")])
    body = writer.begin() + writer.rows(Answered([text], inputs=[[text]])) + writer.end()
    header, cells = csv.reader(io.StringIO(body.decode(), newline=""))
    assert header == ["'" + text, "prediction"]
    assert cells == ["'" + text] * 2


@pytest.mark.parametrize("text", ["", "-5", "+1.5", "-1e-3", ".5", "a=b", "'=1", "(1)", "1-1"])
def test_numbers_and_plain_text_are_left_alone(text: str) -> None:
    """A negative number is data; so is everything that only contains such signs."""
    assert escape_formula(text) == text


def test_the_answer_has_the_columns_as_sent_and_its_own_beside() -> None:
    """Input cells come back as they were; an answer column never takes the name of an input."""
    leaves = [Leaf("prediction", ("prediction",), "string"), Leaf("p.yes", ("p", "yes"), "number")]
    writer = CsvWriter(["id", "prediction"], leaves, errors=True)
    chunk = Answered(
        [{"prediction": "yes", "p": {"yes": 0.5}}, None],
        {1: {"at": "$[1].x", "message": "bad"}},
        inputs=[["007", " x"], ["1.50", ""]],
    )
    rows = list(csv.reader(io.StringIO((writer.begin() + writer.rows(chunk)).decode(), newline="")))
    assert rows == [
        ["id", "prediction", "prediction_2", "p.yes", "error"],
        ["007", "1.50", "yes", "0.5", ""],
        [" x", "", "", "", "$[1].x: bad"],
    ]


@pytest.mark.parametrize(
    "body",
    [
        b",".join([b"ab"] * 10_001) + b"\n1\n",
        b"a,b\n" + b"xy," * 300_000 + b"\n",
        b'a,b\n1,"' + b"," * 300_000 + b'"\n',
    ],
)
def test_absurdly_wide_lines_are_refused(body: bytes) -> None:
    """A line of hundreds of thousands of cells would take sixty bytes for each; it is refused instead."""
    with pytest.raises(TooLargeError) as caught:
        chunks_of(CsvReader(), body)
    assert caught.value.code == "too-many-columns"


def test_wide_tables_come_in_short_chunks() -> None:
    """A chunk is bounded in cells: 1,000 rows of 4,000 columns are ten chunks of 100."""
    body = (",".join(f"c{at}" for at in range(4_000)) + "\n" + ("1," * 3_999 + "1\n") * 1_000).encode()
    assert [chunk.size for chunk in chunks_of(CsvReader(), body)] == [100] * 10


def test_ragged_rows_cost_nothing() -> None:
    """Rows that are far too long are faults when they are met; their cells are not kept."""
    tracemalloc.start()
    chunks = chunks_of(CsvReader(), b"a,b\n" + (b"xy," * 5_000 + b"\n") * 60)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [fault.row for chunk in chunks for fault in chunk.faults] == list(range(60))
    assert peak < 3_000_000  # twice the text of all; kept cells would be 18 MB
