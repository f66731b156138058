"""Columns -> the CSV that an H2O server reads, and its CSV of answers -> predictions."""

import csv
import io
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from gateway.child.faults import ChildError, bad_request
from gateway.child.schema import Predictions

#: A column of our own, which no model reads: a row in which everything is missing would be an empty line, and skipped.
ROW_COLUMN: Final = "gateway_row"
ROW_TYPE: Final = "Numeric"
_QUOTE: Final = '"'


def csv_of(columns: Sequence[Any], types: Sequence[str]) -> bytes:
    """Write the rows without a header, numbers with all their digits; raises ChildError for infinite ones."""
    pairs = zip(columns, types, strict=True)
    written = [_texts(column) if kind == "Enum" else _numbers(column) for column, kind in pairs]
    rows = len(columns[0]) if columns else 1
    return "".join(f"{row}\n" for row in map(",".join, zip(map(str, range(rows)), *written, strict=True))).encode()


def _numbers(column: Any) -> list[str]:
    values = np.asarray(column, dtype=np.float64)
    if np.isinf(values).any():
        raise bad_request("an H2O server reads no infinite number")
    return ["" if math.isnan(value) else repr(value) for value in values.tolist()]


def _texts(column: Any) -> list[str]:
    """Quote what is there, or H2O would take blanks off its ends; what is missing has no quotes."""
    return [f'"{value.replace(_QUOTE, 2 * _QUOTE)}"' if isinstance(value, str) else "" for value in column.tolist()]


def rows_of(table: bytes) -> list[list[str]]:
    """Return the rows of a CSV with a header."""
    return list(csv.reader(io.StringIO(table.decode(), newline="")))[1:]


def predictions_of(table: bytes, labels: Sequence[str], rows: int) -> Predictions:
    """Read the answers to `rows` rows; raises ChildError where they are others."""
    found = rows_of(table)
    # A line of one column that holds nothing is an empty one: H2O has no answer to this row.
    if len(found) != rows or (labels and any(len(row) <= len(labels) or row[0] not in labels for row in found)):
        raise ChildError(500, "predict", f"the H2O server answered {len(found)} rows to {rows}, or not all of them")
    if not labels:
        return Predictions(np.array([float(row[0]) if any(row) else math.nan for row in found]))
    codes = {label: code for code, label in enumerate(labels)}
    values = np.array([codes[row[0]] for row in found], dtype=np.int64)
    return Predictions(values, np.array([row[1 : 1 + len(labels)] for row in found], dtype=np.float64))
