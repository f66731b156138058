"""
Tells what kind of answer a model gives from one that it gave, for models that do not say it: numbers, tables, others.

Numbers with fractions are a regression, several columns of them several outputs; whole numbers, texts and everything
else are answered as the JSON values that they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .answer_values import jsonable
from .schema import Output, Predictions


def output_of(answer: Any) -> Output:
    """Return the output of a model that gave this answer to one row."""
    found = _array(answer)
    if found is None:
        return Output(kind="json")
    if found.ndim == 1:
        return Output(kind="regression")
    if found.shape[1] == 1:
        return Output(kind="regression", own="column")
    names = [str(name) for name in getattr(answer, "columns", ())]
    if len(set(names)) != found.shape[1]:
        names = [f"y{i}" for i in range(found.shape[1])]
    return Output(kind="multi_output", names=tuple(names), own="list")


def _array(answer: Any) -> Any | None:
    """Return an answer as an array of floats of one or two dimensions; None for what is none."""
    if isinstance(answer, (dict, str)):
        return None
    found = np.asarray(answer)
    if found.dtype.kind == "f" and found.ndim in (1, 2) and found.size:
        return found
    # A data frame of one column of floats and one of integers is an array of objects, or of floats: both are tables.
    is_frame = found.ndim == 2 and hasattr(answer, "columns") and found.dtype.kind in "fiu"
    return found if is_frame else None


def predictions_of(answer: Any, output: Output, rows: int) -> Predictions:
    """Return what a model answered to so many rows; raises ValueError where it is of another kind than was told."""
    if output.kind == "json":
        return Predictions(_values(answer, rows))
    found = _array(answer)
    width = len(output.names) if output.kind == "multi_output" else 1
    if found is None and np.asarray(answer).dtype.kind in "iub":
        found = np.asarray(answer)
    if found is None or found.size != rows * width or found.shape[0] != rows:
        raise ValueError(f"it answered {_shape(answer)} to {rows} rows, of which each has {width}")
    values = found.astype(np.float64)
    return Predictions(values if output.kind == "multi_output" else values.reshape(-1))


def _values(answer: Any, rows: int) -> list[Any]:
    """Return one JSON value per row."""
    if rows == 1 and (isinstance(answer, (str, dict)) or np.ndim(answer) == 0):
        return [jsonable(answer)]
    values = jsonable(answer)
    if isinstance(values, dict) and values:  # of columns
        columns = [column if isinstance(column, list) else [column] for column in values.values()]
        if all(len(column) == rows for column in columns):
            return [dict(zip(values, row)) for row in zip(*columns)]
    if not isinstance(values, list) or len(values) != rows:
        raise ValueError(f"it answered {_shape(answer)} to {rows} rows")
    return values


def _shape(answer: Any) -> str:
    shape: tuple[int, ...] = getattr(answer, "shape", ()) or ()
    told = f" of shape {tuple(shape)}" if shape else ""
    return f"a {type(answer).__name__}{told}"
