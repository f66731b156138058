"""
Columns -> feature matrix: what encoders, imputers and scalers do to one column at a time, bit for bit.

Used by runtimes; numpy only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.runtimes.levels import level_finder
from gateway.schema import Column

Matrix: TypeAlias = npt.NDArray[Any]
Fill: TypeAlias = Callable[[Matrix, Sequence[Column]], None]


def _fill(values: Matrix, with_: Any) -> Matrix:
    return np.asarray(np.where(np.isnan(values), with_, values))


def _replace(values: Matrix, what: Any, with_: Any) -> Matrix:
    return np.asarray(np.where(values == what, with_, values))


def _finite(values: Matrix) -> Matrix:
    if not np.isfinite(values).all():
        raise ValueError("a value is outside the domain of a function in the pipeline")
    return values


def _bounded(values: Matrix) -> Matrix:
    if np.isinf(values).any():
        raise ValueError("a value became infinite on its way through the pipeline")
    return values


def _quiet(function: Callable[[Matrix], Matrix]) -> Callable[[Matrix], Matrix]:
    """Keep numpy from warning on stderr: `finite` behind it refuses the row."""

    def run(values: Matrix) -> Matrix:
        with np.errstate(all="ignore"):
            return function(values)

    return run


#: What one step does to the values of one feature. The order of operations is scikit-learn's: trees compare the result.
OPERATIONS: Mapping[str, Callable[..., Matrix]] = {
    "subtract": np.subtract,
    "divide": np.divide,
    "multiply": np.multiply,
    "add": np.add,
    "fill": _fill,
    "replace": _replace,
    "is-missing": lambda values: np.isnan(values).astype(np.float64),
    "equals": lambda values, what: (values == what).astype(np.float64),
    "above": lambda values, limit: (values > limit).astype(np.float64),
    "finite": _finite,
    "bounded": _bounded,
    "clip": np.clip,
    "log1p": _quiet(np.log1p),
    "log": _quiet(np.log),
    "sqrt": _quiet(np.sqrt),
    "exp": _quiet(np.exp),
    "abs": np.abs,
}


def operate(values: Matrix, operations: Sequence[Sequence[Any]]) -> Matrix:
    """Apply operations, each [name, arguments …], one after the other."""
    for name, *arguments in operations:
        values = OPERATIONS[name](values, *arguments)
    return values


def make_features(program: Mapping[str, Any]) -> Callable[[Sequence[Column]], Matrix]:
    """Return the function from columns to a new matrix (rows, width) of `dtype`."""
    width, dtype = int(program["width"]), np.dtype(program["dtype"])
    constants = program["constants"]
    fills = [_FILLS[block["kind"]](block) for block in program["blocks"]]
    if len(fills) == width and all(_is_plain(i, block) for i, block in enumerate(program["blocks"])):
        return _plain(width, dtype)

    def build(columns: Sequence[Column]) -> Matrix:
        matrix = np.empty((len(columns[0]), width), dtype=dtype)
        matrix[:] = constants
        for fill in fills:
            fill(matrix, columns)
        return matrix

    return build


def _is_plain(position: int, block: Mapping[str, Any]) -> bool:
    return (
        block["kind"] == "number"
        and block["column"] == position
        and block["at"] == [position]
        and not block["operations"][0]
    )


def _plain(width: int, dtype: np.dtype[Any]) -> Callable[[Sequence[Column]], Matrix]:
    def build(columns: Sequence[Column]) -> Matrix:
        if len(columns[0]) == 1:
            return np.array([[column.item() for column in columns]], dtype=dtype)
        matrix = np.empty((len(columns[0]), width), dtype=dtype)
        for i, column in enumerate(columns):
            matrix[:, i] = column
        return matrix

    return build


def _numbers(block: Mapping[str, Any]) -> Fill:
    column, plans = int(block["column"]), list(zip(block["at"], block["operations"], strict=True))

    def fill(matrix: Matrix, columns: Sequence[Column]) -> None:
        values = columns[column].astype(np.float64, copy=False)
        for at, operations in plans:
            matrix[:, at] = operate(values, operations)

    return fill


def _levels(block: Mapping[str, Any]) -> Fill:
    column, at, values = int(block["column"]), block["at"], block["values"]
    find = level_finder(block)
    where: Any = slice(at[0], at[-1] + 1) if at == list(range(at[0], at[-1] + 1)) else at

    def fill(matrix: Matrix, columns: Sequence[Column]) -> None:
        matrix[:, where] = values[find(columns[column])]

    return fill


_FILLS: Mapping[str, Callable[[Mapping[str, Any]], Fill]] = {"number": _numbers, "levels": _levels}
