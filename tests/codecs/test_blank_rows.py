"""Rows that are none: dropped at the end of a table, a fault between rows, never a number that moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_formats import chunks_of, write_ndjson, write_parquet, write_xlsx
from gateway.codecs.chunks import BatchReader, Chunk
from gateway.codecs.csv import CsvReader
from gateway.codecs.ndjson import NdjsonReader
from gateway.codecs.parquet import ParquetReader
from gateway.codecs.xlsx import ExcelReader
from gateway.errors import InputError, TooLargeError


def sent(chunks: list[Chunk]) -> list[object]:
    """Return the rows as sent: the cells of a row, or the message of the fault that it is."""
    found: list[object] = []
    for chunk in chunks:
        assert chunk.start == len(found)
        rows = iter(zip(*chunk.columns, strict=True) if chunk.instances is None else chunk.instances)
        faults = {fault.row: fault.message for fault in chunk.faults}
        found += [faults[number] if (number := chunk.start + at) in faults else next(rows) for at in range(chunk.size)]
    return found


def read(reader: BatchReader, body: bytes, **limits: int) -> list[object]:
    """Read a body whole."""
    return sent(chunks_of(reader, body, **limits))


def gap(line: int, name: str = "line {}") -> str:
    """Return the message about a blank row."""
    return f"{name.format(line)} is blank, and rows follow"


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", ",\n", ",\n,,,\n \t\n", " , \n", ",,,,,"])
def test_blank_rows_at_the_end_of_csv_are_none(end: str) -> None:
    """Empty lines, lines of separators and of blanks below the last row change nothing, whatever their width."""
    assert read(CsvReader(), f"a,b\n1,2\n{end}".encode()) == [("1", "2")]


@pytest.mark.parametrize("blank", ["", ",", " , ", ",,,", "\t"])
@pytest.mark.parametrize("chunk_rows", [1, 2, 100])
def test_blank_rows_between_rows_of_csv_are_faults_that_name_their_line(blank: str, chunk_rows: int) -> None:
    """Each blank line above a row counts as a row and is told; those at the end are not."""
    body = f"a,b\n1,2\n{blank}\n{blank}\n3,4\n{blank}\n".encode()
    assert read(CsvReader(), body, chunk_rows=chunk_rows) == [("1", "2"), gap(3), gap(4), ("3", "4")]


def test_a_quoted_empty_text_makes_a_row() -> None:
    """Who writes quotes says that there is a row, in one column or several, over one line or two."""
    assert read(CsvReader(), b'a\n1\n""\n') == [("1",), ("",)]
    assert read(CsvReader(), b'a,b\n"",""\n"",\n') == [("", ""), ("", "")]
    assert read(CsvReader(), b'a,b\n"\n",\n1,2\n') == [("\n", ""), ("1", "2")]


def test_a_blank_line_of_one_column_is_a_blank_row() -> None:
    """In a table of one column a missing value between rows is written as two quotes."""
    assert read(CsvReader(), b"a\n1\n\n2\n\n") == [("1",), gap(3), ("2",)]


def test_lines_are_those_of_the_file() -> None:
    """`sep=`, blank lines above the header and line breaks in cells count as the lines that an editor shows."""
    body = b'sep=;\r\n\r\na;b\r\n"x\r\ny";2\r\n;\r\n3;4\r\n'
    assert read(CsvReader(), body) == [("x\r\ny", "2"), gap(6), ("3", "4")]


def test_nothing_but_blank_rows_is_an_empty_batch() -> None:
    """A header above separators alone has no rows."""
    with pytest.raises(InputError) as caught:
        read(CsvReader(), b"a,b\n,\n,\n")
    assert caught.value.faults[0].code == "empty-batch"


def test_blank_rows_of_a_sheet() -> None:
    """At its end they are none; between rows the fault names the row of the sheet; blanks are no value."""
    rows = [(1, 2), (None, None), (" ", ""), (3, 4), (None, None), ("", None)]
    name = "row {} of the sheet"
    assert read(ExcelReader(), write_xlsx(rows, ["a", "b"])) == [(1, 2), gap(3, name), gap(4, name), (3, 4)]
    above = write_xlsx([("a", "b"), (1, 2), (None, None), (3, 4)], ["", ""])
    assert read(ExcelReader(), above) == [(1, 2), gap(4, name), (3, 4)]


def test_blank_lines_of_ndjson() -> None:
    """Above the first row and below the last they are none, between rows they are faults."""
    assert read(NdjsonReader(), b'\n{"a":1}\n\n \n{"a":2}\n\n\n') == [{"a": 1}, gap(3), gap(4), {"a": 2}]
    assert read(NdjsonReader(), b"[1]\n\n\n\n[2]\n", chunk_rows=2) == [[1], gap(2), gap(3), gap(4), [2]]


def test_a_row_of_nulls_is_a_row_where_it_was_written_as_one() -> None:
    """Parquet counts its rows and NDJSON has a line for each: nulls there are missing values of a row."""
    assert read(ParquetReader(), write_parquet([(1, 2), (None, None)], ["a", "b"])) == [(1, 2), (None, None)]
    assert read(NdjsonReader(), write_ndjson([(None,)], ["a"])) == [{"a": None}]


@pytest.mark.parametrize("reader", [CsvReader(), NdjsonReader()], ids=["csv", "ndjson"])
def test_blank_rows_count_towards_the_limit_once_a_row_follows(reader: BatchReader) -> None:
    """A million blank lines at the end are nothing; above a row they are refused before they are built."""
    head = b"a\n1\n" if isinstance(reader, CsvReader) else b"[1]\n"
    assert len(read(reader, head + b"\n" * 1_000_000, max_rows=10)) == 1
    with pytest.raises(TooLargeError):
        read(reader, head + b"\n" * 1_000_000 + b"2\n", max_rows=10)


TABLE = st.lists(st.sampled_from(["1,2", "3,", ",4", "", ",", ",,", " ", '"",""']), max_size=12)


@given(TABLE, st.integers(1, 4))
def test_every_row_keeps_its_number(lines: list[str], chunk_rows: int) -> None:
    """Row n of what is read is line n below the header, whatever stands between; only the end is cut."""
    blank = {"", ",", ",,", " "}
    while lines and lines[-1] in blank:
        lines.pop()
    if not lines:
        return
    found = read(CsvReader(), "\n".join(["a,b", *lines]).encode(), chunk_rows=chunk_rows)
    expected = [
        gap(at) if line in blank else tuple(line.replace('"', "").split(",")) for at, line in enumerate(lines, 2)
    ]
    assert found == expected
