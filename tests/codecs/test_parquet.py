"""Parquet as an attacker and as pandas write it."""

import io

import numpy as np
import psutil
import pyarrow
import pyarrow.parquet
import pytest

from batch_formats import ROWS, batch_of, chunks_of, write_parquet
from gateway.answers.leaves import Leaf
from gateway.codecs.chunks import Answered, ReadLimits
from gateway.codecs.parquet import ParquetReader, ParquetWriter
from gateway.errors import InputError, TooLargeError


def bytes_of(table: pyarrow.Table, **options: object) -> bytes:
    """Write a table."""
    target = io.BytesIO()
    pyarrow.parquet.write_table(table, target, **options)
    return target.getvalue()


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_any_packing_is_the_same_batch(compression: str, dictionary: bool) -> None:
    """Compression, dictionaries and row groups change nothing."""
    body = write_parquet(ROWS, compression=compression, use_dictionary=dictionary, row_group_size=2)
    assert batch_of(chunks_of(ParquetReader(), body)) == batch_of(chunks_of(ParquetReader(), write_parquet(ROWS)))


def test_a_long_text_in_every_row_stays_one_object() -> None:
    """2,000 rows of one text of 1 MB, a file of a few KB, do not become 2 GB."""
    text = pyarrow.array(["x" * 2**20])
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(2_000, np.int32)), text)
    body = bytes_of(pyarrow.table({"note": column}), compression="zstd", store_schema=False)
    assert len(body) < 100_000
    before = psutil.Process().memory_info().rss
    (chunk,) = chunks_of(ParquetReader(), body)
    assert chunk.size == 2_000
    assert len({id(cell) for cell in chunk.columns[0]}) == 1
    assert psutil.Process().memory_info().rss - before < 100 * 2**20


def test_a_billion_rows_are_refused_by_the_footer() -> None:
    """Rows are counted in the footer, before any of them exists."""
    column = pyarrow.array(np.zeros(5_000_000, np.int8))
    with pytest.raises(TooLargeError):
        next(
            iter(ParquetReader().read(io.BytesIO(bytes_of(pyarrow.table({"a": column}))), ReadLimits(max_rows=100_000)))
        )


@pytest.mark.parametrize(
    "column",
    [pyarrow.array([[1, 2]]), pyarrow.array([{"a": 1}]), pyarrow.array([[("a", 1)]], pyarrow.map_("string", "int8"))],
)
def test_nested_columns_are_refused(column: pyarrow.Array) -> None:
    """Lists, structs and maps are no cells."""
    with pytest.raises(InputError) as caught:
        chunks_of(ParquetReader(), bytes_of(pyarrow.table({"a": column})))
    assert "nested" in caught.value.faults[0].message


def test_the_answer_is_a_typed_file_in_any_number_of_chunks() -> None:
    """Input columns have the type of their field, an error column is null where a row is good, order is kept."""
    leaves = [Leaf("prediction", (), "integer")]
    writer = ParquetWriter(["id", "age", "prediction"], ["string", "integer", "number"], leaves, errors=True)
    body = writer.begin()
    body += writer.rows(
        Answered([1, None], {1: {"at": "$[1]", "message": "bad"}}, inputs=[["a", "b"], [5, None], [0.5, None]])
    )
    body += writer.rows(Answered([0], inputs=[["c"], [7], [1.5]]))
    body += writer.end()
    table = pyarrow.parquet.read_table(io.BytesIO(body))
    assert table.schema.types == [
        pyarrow.string(),
        pyarrow.int64(),
        pyarrow.float64(),
        pyarrow.int64(),
        pyarrow.string(),
    ]
    assert table.to_pydict() == {
        "id": ["a", "b", "c"],
        "age": [5, None, 7],
        "prediction": [0.5, None, 1.5],
        "prediction_2": [1, None, 0],
        "error": [None, "$[1]: bad", None],
    }


@pytest.mark.parametrize("dictionary", [True, False])
def test_bytes_that_are_no_text_are_refused(dictionary: bool) -> None:
    """A binary column of UTF-8 is read as texts; another one is a fault and not a guess."""
    for values, said in (([b"a", "ä".encode()], None), ([b"a", b"\xff"], "0xff")):
        file = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.table({"query": values}), file, use_dictionary=dictionary)
        if said is None:
            assert list(chunks_of(ParquetReader(), file.getvalue())[0].columns[0]) == ["a", "ä"]
            continue
        with pytest.raises(InputError) as caught:
            chunks_of(ParquetReader(), file.getvalue())
        assert (caught.value.faults[0].code, said in caught.value.faults[0].message) == ("encoding", True)
