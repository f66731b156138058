"""
Parquet and XLSX files that lie, crash their readers or explode: damaged real ones, and bombs of every kind, by a seed.

Knows what the formats look like, states no law.
"""

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable
from functools import cache

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

CODECS = ("none", "snappy", "gzip", "brotli", "lz4", "zstd")
_ZIP_BYTES = 6 * 2**20


def parquet_file(rng: random.Random) -> bytes:
    """Return a Parquet file of one kind, mostly damaged."""
    kind = rng.choice(
        ("bits", "bits", "bits", "footer", "footer", "cut", "cut", "page bomb", "thrift bomb", "groups", "nested")
    )
    if kind == "page bomb":
        return _page_bomb(rng.choice(CODECS))
    if kind == "thrift bomb":
        return _thrift_bomb(rng)
    if kind == "groups":
        return _row_groups(rng.choice((50, 400)))
    body = _nested(rng.randrange(4)) if kind == "nested" else _table(rng.choice(CODECS), rng.randrange(6))
    if kind == "nested" and rng.random() < 0.3:
        return body
    return _damaged(rng, body, kind)


def workbook_file(rng: random.Random) -> bytes:
    """Return an XLSX file of one kind, mostly damaged."""
    kind = rng.choice(
        (
            "bits",
            "cut",
            "member",
            "member",
            "member",
            "zip bomb",
            "entities",
            "strings",
            "huge",
            "deep",
            "foreign",
            "lies",
        )
    )
    members = dict(_workbook(rng.randrange(3)))
    if kind in ("bits", "cut"):
        return _damaged(rng, _zipped(members), kind)
    if kind == "lies":
        return _lying_zip(rng, _zipped(members))
    if kind == "foreign":
        return _foreign(rng, members)
    name = "xl/sharedStrings.xml" if kind == "strings" and rng.random() < 0.5 else "xl/worksheets/sheet1.xml"
    if kind == "member":
        name = rng.choice(sorted(members))
        members[name] = _damaged(rng, members[name], rng.choice(("bits", "cut")))
    else:
        members[name] = _XML[kind](rng, members[name])
    return _zipped(members)


@cache
def _table(codec: str, shape: int) -> bytes:
    rows = (1, 7, 300, 2_500)[shape % 4]
    columns = {
        "a": [float(row) for row in range(rows)],
        "query": [f"text {row % 5}" for row in range(rows)],
        "b": [None if row % 3 else row for row in range(rows)],
        "c": [row * 7 for row in range(rows)],
        "d": pa.array([b"x" * (row % 9) for row in range(rows)], pa.large_binary()),
        "e": pa.array(range(rows), pa.timestamp("us")),
        "f": [bool(row % 2) for row in range(rows)],
    }
    sink = io.BytesIO()
    version = "2.0" if shape % 2 else "1.0"
    pq.write_table(pa.table(columns), sink, compression=codec, data_page_version=version, use_dictionary=shape < 4)
    return sink.getvalue()


@cache
def _nested(shape: int) -> bytes:
    kind: pa.DataType = pa.int64()
    for depth in range((1, 3, 40, 120)[shape]):
        kind = pa.list_(kind) if depth % 2 else pa.struct([("a", kind)])
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": pa.nulls(3, kind), "b": [1, 2, 3]}), sink)
    return sink.getvalue()


@cache
def _page_bomb(codec: str) -> bytes:
    """Return a file whose pages unpack to a thousand times their size, with honest sizes."""
    sink = io.BytesIO()
    table = pa.table({"a": pa.array(["x" * 2_000_000] * 20 + [None] * 20)})
    pq.write_table(table, sink, compression=codec, use_dictionary=False)
    body = sink.getvalue()
    return body if len(body) < _ZIP_BYTES else body[:_ZIP_BYTES]


@cache
def _row_groups(count: int) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({f"c{number}": list(range(count)) for number in range(20)}), sink, row_group_size=1)
    return sink.getvalue()


def _thrift_bomb(rng: random.Random) -> bytes:
    """Return a footer of lists that claim more than there is, or of structs in structs."""
    claim = rng.choice((b"\xff\xff\xff\xff\x07", b"\x80\x80\x80\x80\x01", b"\xff\xff\x7f"))
    footer = rng.choice(
        (
            b"\x15\x02\x19\xfc" + claim,  # version, then a schema list of so many structs
            b"\x15\x02\x19\xfc" + claim + b"\x00" * rng.randrange(2**16),
            b"\x1c" * rng.choice((64, 2_000, 200_000)),  # structs in structs
            b"\x19\x19" * rng.choice((64, 2_000, 200_000)),  # lists in lists
            b"\x15\x02\x18" + claim + b"x",  # a text of so many bytes
        )
    )
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def _damaged(rng: random.Random, body: bytes, kind: str) -> bytes:
    if kind == "cut":
        return body[: rng.randrange(len(body))] + (body[-8:] if rng.random() < 0.3 else b"")
    data, first = bytearray(body), 0
    if kind == "footer" and body[-4:] == b"PAR1":
        first = max(4, len(body) - 8 - struct.unpack("<I", body[-8:-4])[0])
    for _ in range(rng.choice((1, 1, 2, 5, 40))):
        at = rng.randrange(first, len(data))
        data[at] = rng.choice((data[at] ^ 1 << rng.randrange(8), rng.randrange(256), 0xFF, 0))
    return bytes(data)


@cache
def _workbook(shape: int) -> tuple[tuple[str, bytes], ...]:
    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink) as book:
        sheet = book.add_worksheet()
        date = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["a", "query", "c", "d"])
        for row in range(1, (2, 20, 800)[shape]):
            sheet.write_row(row, 0, [row, f"text {row % 7}", row % 2 == 0])
            sheet.write_number(row, 3, 40_000 + row, date)
        if shape == 1:
            sheet.write_formula(3, 0, "=1/0", value="#DIV/0!")
            sheet.merge_range(4, 0, 6, 1, "wide")
            book.add_worksheet("other").write(0, 0, "x")
    with zipfile.ZipFile(sink) as source:
        return tuple((name, source.read(name)) for name in source.namelist())


def _zipped(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in members.items():
            book.writestr(name, content)
    return sink.getvalue()


def _bomb(rng: random.Random, sheet: bytes) -> bytes:
    return sheet.replace(b"</sheetData>", b" " * rng.choice((2**20, 2**24, 2**26)) + b"</sheetData>")


def _entities(rng: random.Random, sheet: bytes) -> bytes:
    lines = ['<!ENTITY a0 "ha">'] + [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, rng.choice((3, 12)))]
    head = f"<!DOCTYPE x [{''.join(lines)}]>".encode()
    filler = b" " * rng.choice((0, 8_000))
    return sheet.replace(b"?>", b"?>" + filler + head, 1).replace(b"<v>1</v>", b"<v>&a2;</v>", 1)


def _strings(rng: random.Random, content: bytes) -> bytes:
    number = rng.choice((b"-1", b"999999999", b"99999999999999999999", b"1.5", b"x", b""))
    if b"<sst" in content:
        return re.sub(rb'ount="\d+"', b'ount="' + (number or b"4294967295") + b'"', content)
    return re.sub(rb't="s"><v>\d+', b't="s"><v>' + number, content, count=rng.choice((1, 0)))


def _huge(rng: random.Random, sheet: bytes) -> bytes:
    far = rng.choice((b"XFD1048576", b"A1048576", b"ZZZZZZZ1", b"A99999999999", b"A0", b"1A", b"A4294967297", b"XFE1"))
    if rng.random() < 0.4:
        return re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:' + far + b'"', sheet)
    return sheet.replace(b'r="A2"', b'r="' + far + b'"', 1)


def _deep(rng: random.Random, sheet: bytes) -> bytes:
    depth = rng.choice((10, 1_000, 300_000))
    opened = b"<x>" * depth + (b"</x>" * depth if rng.random() < 0.5 else b"")
    return sheet.replace(rng.choice((b"<sheetData>", b"</sheetData>")), opened + b"<sheetData>", 1)


_XML: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "zip bomb": _bomb,
    "entities": _entities,
    "strings": _strings,
    "huge": _huge,
    "deep": _deep,
}


def _foreign(rng: random.Random, members: dict[str, bytes]) -> bytes:
    """Return another format under the name of XLSX."""
    kind = rng.choice(("ods", "xlsb", "xls", "encrypted", "encrypted member", "docx", "twice"))
    if kind == "ods":
        return _zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<x/>"})
    if kind == "xlsb":
        binary = {name.replace("sheet1.xml", "sheet1.bin"): content for name, content in members.items()}
        return _zipped({name.replace("workbook.xml", "workbook.bin"): content for name, content in binary.items()})
    if kind in ("xls", "encrypted"):  # both are compound files
        return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + rng.randbytes(2_000) * (kind == "xls") + b"\0" * 1_500
    if kind == "docx":
        return _zipped({"word/document.xml": b"<x/>"})
    body = bytearray(_zipped(members))
    if kind == "twice":
        return bytes(body) + bytes(body)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.find(mark) + offset] |= 1
    return bytes(body)


def _lying_zip(rng: random.Random, body: bytes) -> bytes:
    """Return a ZIP whose directory says other sizes, sums or methods than its members have."""
    data, at = bytearray(body), -1
    for _ in range(rng.randrange(1, 9)):
        at = body.find(b"PK\x01\x02", at + 1)
    if at < 0:
        at = body.find(b"PK\x01\x02")
    offset, size = rng.choice(((10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (42, 4)))
    data[at + offset : at + offset + size] = rng.choice((b"\xff", b"\x00", b"\x7f")) * size
    return bytes(data)
