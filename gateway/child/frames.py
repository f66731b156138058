"""Columns as a data frame, for models that want one; no framework of models is needed for that."""

from __future__ import annotations

import importlib
from typing import Any

from .schema import Columns


def frame_of(names: list[str], columns: Columns) -> Any:
    """Return a data frame; texts stay Python's own."""
    pandas = importlib.import_module("pandas")
    parts = {
        name: pandas.Series(column, dtype=object) if column.dtype == object else column
        for name, column in zip(names, columns)
    }
    return pandas.DataFrame(parts, copy=True)
