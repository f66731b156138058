"""
Names what in the tables of a CatBoost file does not fit that count what categories meant in training.

CatBoost reads these tables without looking at their length, and follows each index in them. Knows their format, nothing
of predicting.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from gateway.loaders.flat_tables import Outside, Table, number_at, root_of

#: A bucket of a table of hashes: the hash of a combination of categories, and which counts are its own.
_BUCKET: Final = np.dtype([("hash", "<u8"), ("index", "<u4")])
_EMPTY: Final = 0xFFFFFFFFFFFFFFFF
_BASE, _BUCKETS, _COUNTS, _CLASSES = 0, 1, 2, 4
#: How CatBoost counts: classes up to one, one class, means, how often.
_BORDERS, _OF_CLASS, _MEANS, _OFTEN = 0, 1, (2, 3), (4, 5)
_NUMBER_BYTES: Final = 4
_LONG: Final = 0xFFFFFFFF

#: What a table counts of which columns, as the file writes it.
Base = tuple[int, tuple[tuple[int, ...], ...]]


def fault_of_counts(data: bytes, features: Sequence[Table]) -> str:
    """Say what of the tables at the beginning of these bytes does not fit, or nothing; raises Outside."""
    count, at = _size(data, 0)
    classes: dict[Base, int] = {}
    for number in range(count):
        size, at = _size(data, at)
        if size > len(data) - at:
            raise Outside
        table = root_of(data[at : at + size])
        base = _base(table.table(_BASE))
        if fault := next(_faults(table, base[0]), ""):
            return f"table {number} of categories: {fault}"
        classes[base] = table.number(_CLASSES, "<i", 0)
        at += size
    for feature in features:
        asked = feature.table(0)
        border = asked.number(1, "<i", 0) if asked is not None else 0
        base = _base(asked.table(0) if asked is not None else None)
        if base not in classes:
            return "a tree asks for counts of categories that are not there"
        if border < 0 or (base[0] in (_BORDERS, _OF_CLASS) and border >= max(classes[base], 1)):
            return f"a tree asks for class {border}, which is none of {classes[base]}"
    return ""


def _size(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of bytes or tables, and where what follows begins."""
    size = number_at(data, "<I", at)
    return (size, at + 4) if size != _LONG else (number_at(data, "<Q", at + 4), at + 12)


def _base(base: Table | None) -> Base:
    if base is None:
        raise Outside
    columns = base.table(0)
    parts = (
        [] if columns is None else [columns.vector(0, "<i4"), columns.vector(1, "<i4", 2), columns.vector(2, "<i4", 2)]
    )
    return base.number(1, "<b", 0), tuple(tuple(part.tolist()) for part in parts)


def _faults(table: Table, kind: int) -> Iterator[str]:
    raw = table.vector(_BUCKETS, "<u1").astype(np.uint8).tobytes()
    buckets = np.frombuffer(raw, _BUCKET, len(raw) // _BUCKET.itemsize)
    if len(raw) % _BUCKET.itemsize or not len(buckets) or len(buckets) & (len(buckets) - 1):
        yield f"{len(raw)} bytes are no table of hashes"
        return
    used = buckets["index"][buckets["hash"] != _EMPTY].astype(np.int64)
    if len(used) == len(buckets):  # CatBoost would look for ever
        yield "its table of hashes has no end"
    classes = table.number(_CLASSES, "<i", 0)
    if kind in (_BORDERS, _OF_CLASS):
        entries = max(classes, 2) if kind == _BORDERS else classes
    elif kind in _MEANS or kind in _OFTEN:
        entries = 2 if kind in _MEANS else 1
    else:
        yield f"it counts in a way that is unknown ({kind})"
        return
    if entries < 1:
        yield f"it has {classes} classes"
    counts = len(table.vector(_COUNTS, "<u1"))
    most = int(used.max()) + 1 if len(used) else 0
    if most * entries * _NUMBER_BYTES > counts:
        yield f"{most * entries} counts are announced, {counts // _NUMBER_BYTES} are there"
