"""Batches in every format, written by other libraries than those that read them. States no law of its own."""

import csv
import datetime
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow
import pyarrow.parquet
import xlsxwriter

from gateway.codecs.chunks import BatchReader, Chunk, ReadLimits
from gateway.codecs.csv import CsvReader
from gateway.codecs.ndjson import NdjsonReader
from gateway.codecs.parquet import ParquetReader
from gateway.codecs.xlsx import ExcelReader
from gateway.schema import Batch, Field, Output, Signature
from gateway.validation import Validator

SIGNATURE = Signature(
    inputs=(
        Field(name="age", type="integer", minimum=0, maximum=120),
        Field(name="premium", type="number", nullable=True, required=False),
        Field(name="region", type="string", enum=("1", "15", "28")),
        Field(name="note", type="string", nullable=True, min_length=0),
        Field(name="licensed", type="boolean"),
    ),
    output=Output(kind="classification", labels=("no", "yes"), probabilities=True),
)
NAMES = ("id", *SIGNATURE.names)
ROWS: tuple[tuple[Any, ...], ...] = (
    ("a", 44, 1.5, "28", "plain", True),
    ("b", 0, None, "1", 'a "quote", a comma; and\na line', False),
    ("c", 120, -2e-3, "15", "=SUM(A1)", True),
    ("d", 7, 1e15, "28", "żółć 漢字 🙂", False),
    ("e", 8, 0.0, "1", " blanks ", True),
)
Table = Sequence[Sequence[Any]]


def write_csv(rows: Table, names: Sequence[str] = NAMES, **options: Any) -> bytes:
    """Return the rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, **options)
    writer.writerow(names)
    writer.writerows([["" if v is None else str(v).lower() if isinstance(v, bool) else v for v in row] for row in rows])
    return text.getvalue().encode()


def write_ndjson(rows: Table, names: Sequence[str] = NAMES) -> bytes:
    """Return the rows as NDJSON."""
    return b"".join(json.dumps(dict(zip(names, row, strict=True))).encode() + b"\n" for row in rows)


def write_xlsx(rows: Table, names: Sequence[str] = NAMES) -> bytes:
    """Return the rows as an XLSX workbook."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for y, row in enumerate([names, *rows]):
        for x, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(y, x, value)
            elif isinstance(value, datetime.datetime):
                sheet.write_datetime(y, x, value)
            elif value is not None:
                sheet.write(y, x, value)
    book.close()
    return target.getvalue()


def write_parquet(rows: Table, names: Sequence[str] = NAMES, **options: Any) -> bytes:
    """Return the rows as Parquet."""
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in names]
    target = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(dict(zip(names, columns, strict=True))), target, **options)
    return target.getvalue()


@dataclass(frozen=True)
class Format:
    """Pair a reader with an independent writer of its format."""

    name: str
    reader: Callable[[], BatchReader]
    write: Callable[..., bytes]
    is_table: bool = True


FORMATS = (
    Format("csv", CsvReader, write_csv),
    Format("ndjson", NdjsonReader, write_ndjson, is_table=False),
    Format("xlsx", ExcelReader, write_xlsx),
    Format("parquet", ParquetReader, write_parquet),
)


def chunks_of(reader: BatchReader, body: bytes, **limits: Any) -> list[Chunk]:
    """Read a whole body."""
    return list(reader.read(io.BytesIO(body), ReadLimits(**limits)))


def batch_of(chunks: Sequence[Chunk], signature: Signature = SIGNATURE) -> tuple[list[list[Any]], list[Any]]:
    """Return the validated columns and ids of all chunks as lists; NaN as None."""
    validator = Validator(signature, strict=True, id_fields=("id",))
    batches = [_validate(validator, chunk) for chunk in chunks]
    columns = [
        [None if value != value else value for batch in batches for value in batch.columns[at].tolist()]
        for at in range(len(signature.inputs))
    ]
    return columns, [row_id for batch in batches for row_id in batch.ids or ()]


def _validate(validator: Validator, chunk: Chunk) -> Batch:
    if chunk.instances is None:
        return validator.columns(chunk.names, chunk.columns)
    return validator.rows(chunk.instances, text=chunk.text, at=chunk.at)
