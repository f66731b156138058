"""Parquet files of a few kilobytes that announce, or unpack to, more than a gateway reads; each returned as bytes."""

import io
import struct
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

#: In a footer of one row and one row group: the count of rows (Thrift's compact form), and the list that follows.
_ONE_ROW: Final = b"\x16\x02\x19\x1c"


def _written(table: Any, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", **options)
    return sink.getvalue()


def _with_footer(change: Callable[[bytes], bytes]) -> bytes:
    """Change the footer of a file with one row."""
    data = _written(pa.table({"a": [1.0]}))
    size = struct.unpack("<I", data[-8:-4])[0]
    footer = change(data[-8 - size : -8])
    return data[: -8 - size] + footer + struct.pack("<I", len(footer)) + b"PAR1"


def _of_rows(footer: bytes) -> bytes:
    assert footer.count(_ONE_ROW) == 1
    return footer.replace(_ONE_ROW, b"\x16" + b"\xfe" + b"\xff" * 7 + b"\x7f" + _ONE_ROW[2:])


def _nested(depth: int) -> bytes:
    kind: pa.DataType = pa.float64()
    for _ in range(depth):
        kind = pa.struct([("a", kind)])
    return _written(pa.table({"a": pa.nulls(1, kind)}))


def _repeated(rows: int, length: int) -> bytes:
    text = pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()).fill_null(0), pa.array(["x" * length]))
    return _written(pa.table({"a": text}))


PARQUET: Final[dict[str, Callable[[], bytes]]] = {
    "Parquet of five million rows": lambda: _written(pa.table({"a": pa.nulls(5_000_000, pa.float64())})),
    "Parquet of exabytes of rows": lambda: _with_footer(_of_rows),
    "Parquet whose footer is longer than the file": lambda: b"PAR1" + struct.pack("<I", 2**31 - 1) + b"PAR1",
    "Parquet whose schema has two billion columns": lambda: _with_footer(
        lambda footer: footer[:3] + b"\xfc\xff\xff\xff\xff\x07" + footer[4:]
    ),
    "Parquet nested two hundred deep": lambda: _nested(200),
    "Parquet of structs without an end": lambda: _with_footer(lambda footer: b"\x1c" * 200_000),
    "Parquet of one text a million times": lambda: _repeated(1_000_000, 10_000),
}
