"""Shapes the columns of a request as a fitted scikit-learn estimator takes them, and makes up plausible rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from gateway.schema import Column, Field, make_column

Shape: TypeAlias = Literal["text", "frame", "matrix", "dicts"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Say how to feed an estimator: one column of texts, a frame with names, a matrix, or dicts."""

    shape: Shape
    fields: tuple[Field, ...]
    names_known: bool
    trained_on: tuple[str, ...] = ()


def as_fitted(inputs: Inputs, columns: Sequence[Column]) -> Any:
    """Shape columns the way the estimator saw them at fit: texts, a frame with names, a matrix, or dicts."""
    if inputs.shape == "text":
        return columns[0]
    if inputs.shape == "dicts":
        names = [field.name for field in inputs.fields]
        return [dict(zip(names, row, strict=True)) for row in zip(*(one.tolist() for one in columns), strict=True)]
    # A route may declare a number to be an integer; an imputer that was fitted on floats refuses int64.
    columns = [
        column.astype(np.float64) if field.type == "number" and column.dtype.kind in "iu" else column
        for field, column in zip(inputs.fields, columns, strict=True)
    ]
    if inputs.shape == "frame":
        frame = {
            field.name: pd.Series(column, dtype=object) if column.dtype == object else column
            for field, column in zip(inputs.fields, columns, strict=True)
        }
        return pd.DataFrame(frame, copy=True)
    if any(column.dtype == object for column in columns):
        return np.column_stack([column.astype(object) for column in columns])
    return np.column_stack(columns).astype(np.float64, copy=False)


def sample_columns(inputs: Inputs, *, number: int = 0, missing: bool = False) -> list[Column]:
    """Make one row of plausible values, or one row per nullable field in which only that field is missing."""
    holes = [i for i, field in enumerate(inputs.fields) if field.nullable] if missing else [-1]
    columns = []
    for i, field in enumerate(inputs.fields):
        plain: Any = field.enum[0] if field.enum else {"string": "text", "boolean": False}.get(field.type, number)
        columns.append(make_column(field.column_type, [float("nan") if hole == i else plain for hole in holes]))
    return columns


def survives_missing(inputs: Inputs, ask: Callable[[list[Column]], object], number: int = 0) -> bool:
    """Say whether a model answers rows in which one nullable field is missing."""
    try:
        ask(sample_columns(inputs, number=number, missing=True))
    except Exception:  # whatever it raises, it does not take missing values
        return False
    return True
