"""
Files with odd cells, and damage to any bytes: what `noise.py` makes up is written here.

Random bytes hardly ever get past the ZIP or the footer of such files, so here the cells and their types are odd.
"""

import io
import math
import zipfile
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow
import pyarrow.parquet
import xlsxwriter

#: A header, and rows of as many cells.
Table = tuple[list[str], list[list[Any]]]
#: Where, how, and with what to damage a body.
Changes = list[tuple[int, str, bytes]]


def mutated(body: bytes, changes: Changes) -> bytes:
    """Damage a good body in a few places."""
    data = bytearray(body)
    for place, kind, content in changes:
        at = place % max(1, len(data))
        if kind == "flip" and data:
            data[at] ^= content[0] if content else 0xFF
        elif kind == "drop":
            del data[at : at + 1 + len(content) * 7]
        elif kind == "twice":
            data[at:at] = data[at : at + 40]
        else:
            data[at:at] = content
    return bytes(data)


@cache
def _workbook() -> dict[str, bytes]:
    """Return the members of a workbook whose cells may have the styles of dates (1), durations (2) and times (3)."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet()
    for at, style in enumerate(["yyyy-mm-dd", "[h]:mm:ss", "hh:mm"]):
        sheet.write_number(0, at, 1, book.add_format({"num_format": style}))
    book.close()
    with zipfile.ZipFile(target) as source:
        return {name: source.read(name) for name in source.namelist()}


def _xml_cell(place: str, value: Any, style: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}" s="{style}"><v>{value}</v></c>'
    kind = {"1900-02-29": "d", "nan": "n", "NaN": "e", "0x1": "s", "28.0": "str"}.get(str(value), "inlineStr")
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace("\0", "&#0;")
    inner = f"<is><t>{text}</t></is>" if kind == "inlineStr" else f"<v>{text}</v>"
    return f'<c r="{place}" t="{kind}">{inner}</c>'


def xlsx(table: Table, style: int, changes: Changes) -> bytes:
    """Write a workbook; the changes damage the XML of its sheet and not the ZIP around it."""
    names, rows = table
    lines = []
    for y, row in enumerate([names, *rows], 1):
        cells = "".join(_xml_cell(f"{chr(65 + x)}{y}", value, style if y > 1 else 0) for x, value in enumerate(row))
        lines.append(f'<row r="{y}">{cells}</row>')
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = f'<worksheet xmlns="{space}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in _workbook().items():
            out.writestr(name, mutated(sheet.encode(), changes) if "sheet1" in name else content)
    return target.getvalue()


#: Types of Arrow beside those that Python's own values become, and two values of each.
_ARROW: list[tuple[Any, list[Any]]] = [
    (pyarrow.timestamp("ns"), [1, 2**62]),
    (pyarrow.timestamp("us", "Nowhere/Land"), [1, 2**62]),
    (pyarrow.date32(), [0, 2**31 - 1]),
    (pyarrow.duration("us"), [5, 2**62]),
    (pyarrow.time64("us"), [5, 2**50]),
    (pyarrow.decimal128(38, 3), [Decimal("1.5"), Decimal("-1e20")]),
    (pyarrow.float16(), [1.5, math.nan]),
    (pyarrow.uint64(), [2**64 - 1, 3]),
    (pyarrow.int8(), [1, -1]),
    (pyarrow.binary(), [b"\xff\xfe", b"28"]),
    (pyarrow.binary(2), [b"\xff\xfe", b"28"]),
    (pyarrow.large_string(), ["a", "28"]),
    (pyarrow.dictionary(pyarrow.int8(), pyarrow.string()), ["a", "28"]),
    (pyarrow.bool_(), [True, False]),
    (pyarrow.null(), [None, None]),
    (pyarrow.list_(pyarrow.int8()), [[1], []]),
    (pyarrow.struct({"a": pyarrow.int8()}), [{"a": 1}, {"a": None}]),
]


ODD_TYPES = len(_ARROW)


def _arrow(values: list[Any], pick: int) -> Any:
    if pick < len(_ARROW):
        kind, pool = _ARROW[pick]
        chosen = [pool[at % 2] if at != 2 else None for at in range(len(values))]
        if any(type(value) is int for value in chosen) and kind not in (pyarrow.uint64(), pyarrow.int8()):
            width = pyarrow.int32() if kind == pyarrow.date32() else pyarrow.int64()
            return pyarrow.array(chosen, width).view(kind)
        return pyarrow.array(chosen, kind)
    try:
        made = pyarrow.array(values)
    except (pyarrow.ArrowException, OverflowError):
        made = None
    if made is not None and not pyarrow.types.is_nested(made.type):
        return made
    return pyarrow.array([None if value is None else str(value) for value in values])


def parquet(table: Table, picks: list[int], changes: Changes) -> bytes:
    """Write a Parquet file, some of its columns of a type that nobody expects, and damage it."""
    names, rows = table
    columns = [_arrow(list(column), pick) for column, pick in zip(zip(*rows, strict=True), picks, strict=False)]
    target = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(columns, names[: len(columns)]), target)
    return mutated(target.getvalue(), changes)
