"""What holds for every reader and every writer of batches, whatever the format."""

import dataclasses
import io
from typing import Any

import pytest

import batch_formats
from batch_formats import FORMATS, NAMES, ROWS, SIGNATURE, Format, batch_of, chunks_of
from gateway.codecs.chunks import ReadLimits
from gateway.errors import InputError, TooLargeError

every = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
TABLES = [form for form in FORMATS if form.is_table]


@every
def test_one_table_in_any_format_is_one_batch(form: Format) -> None:
    """Rows, order, text, numbers, booleans and gaps mean the same to the model, whatever carried them."""
    columns, ids = batch_of(chunks_of(form.reader(), form.write(ROWS)))
    expected = [list(column) for column in zip(*ROWS, strict=True)]
    assert ids == expected[0]
    assert columns == expected[1:]


@every
@pytest.mark.parametrize("chunk_rows", [1, 2, 3, 1000])
def test_chunks_neither_lose_nor_repeat_rows(form: Format, chunk_rows: int) -> None:
    """Chunks are consecutive, within the limit, and together the batch, in whatever size they come."""
    rows = [(f"r{n}", n % 121, n / 7, "28", f"n {n}", n % 2 == 0) for n in range(7)]
    chunks = chunks_of(form.reader(), form.write(rows), chunk_rows=chunk_rows)
    assert [chunk.start for chunk in chunks] == [sum(one.size for one in chunks[:at]) for at in range(len(chunks))]
    assert all(0 < chunk.size <= chunk_rows for chunk in chunks)
    assert batch_of(chunks)[1] == [row[0] for row in rows]


@every
def test_a_body_may_be_read_again(form: Format) -> None:
    """A second pass over the same stream sees the same rows, and the stream stays open."""
    body, reader = io.BytesIO(form.write(ROWS)), form.reader()
    first, second = (batch_of(list(reader.read(body, ReadLimits()))) for _ in range(2))
    assert first == second
    assert not body.closed


@every
def test_rows_are_counted_while_reading(form: Format) -> None:
    """A batch of exactly max_rows is read; one row more is refused, with the limit in the text."""
    body = form.write(ROWS)
    assert sum(chunk.size for chunk in chunks_of(form.reader(), body, max_rows=len(ROWS))) == len(ROWS)
    with pytest.raises(TooLargeError, match="more than 4 rows"):
        chunks_of(form.reader(), body, max_rows=4)


@every
@pytest.mark.parametrize("body", [b"", b"\n", b"\0\0\0\0\0", b"\xff\xfe\x00", b"PK\x03\x04", b"PAR1PAR1", b'"'])
def test_what_is_no_such_file_is_the_clients_fault(form: Format, body: bytes) -> None:
    """Emptiness, noise and stumps of files are an InputError with a code and what was expected."""
    with pytest.raises(InputError) as caught:
        found = chunks_of(form.reader(), body)
        raise InputError(found[0].faults)
    assert caught.value.faults[0].code
    assert caught.value.faults[0].message


@pytest.mark.parametrize("form", TABLES, ids=lambda form: form.name)
def test_a_header_alone_is_no_batch(form: Format) -> None:
    """A table without rows is refused, not answered with nothing."""
    with pytest.raises(InputError) as caught:
        chunks_of(form.reader(), form.write([]))
    assert caught.value.faults[0].code == "empty-batch"


@every
def test_the_rows_that_are_no_rows_are_named(form: Format) -> None:
    """Where a format can hold a row that is none, it is counted, numbered in the batch, and the others are kept."""
    lines = form.write(ROWS).split(b"\n") if form.name in ("csv", "ndjson") else []
    if not lines:
        pytest.skip("this format cannot hold a row of another shape")
    bad = b"1,2" if form.name == "csv" else b"{nonsense"
    body = form.write(ROWS[:1]) + bad + b"\n" + form.write(ROWS[2:]).split(b"\n", 1)[form.name == "csv"]
    chunks = chunks_of(form.reader(), body, chunk_rows=2)
    assert [(fault.row, fault.at) for chunk in chunks for fault in chunk.faults] == [(1, "$[1]")]
    assert chunks[0].kept == [0]


def test_the_fields_of_the_example_are_the_signature() -> None:
    """The example rows have one cell per field beside the id."""
    assert ("id", *SIGNATURE.names) == NAMES
    assert all(len(row) == len(NAMES) for row in ROWS)


@every
def test_aliases_and_extra_columns_pass(form: Format) -> None:
    """A column under an alias is the field; what a table has beside the fields is left alone."""
    first = dataclasses.replace(SIGNATURE.inputs[0], aliases=("Age",))
    signature = dataclasses.replace(SIGNATURE, inputs=(first, *SIGNATURE.inputs[1:]))
    names = ["id", "Age", *SIGNATURE.names[1:]]
    extra = ["x"] if form.is_table else []
    body = form.write([[*row, *extra] for row in ROWS], [*names, *["other"] * len(extra)])
    assert batch_of(chunks_of(form.reader(), body), signature)[0][0] == [row[1] for row in ROWS]


def test_the_independent_writers_differ() -> None:
    """The formats of the suite are really different ones."""
    bodies: list[Any] = [form.write(ROWS)[:4] for form in batch_formats.FORMATS]
    assert len(set(bodies)) == len(bodies)
