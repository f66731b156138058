"""
What encoders, imputers and scalers do to numbers, one operation at a time, bit for bit.

The order of operations is scikit-learn's: trees compare the result. Used by runtimes; numpy only.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from gateway.runtimes.arrays import Floats, Matrix

OperationName: TypeAlias = Literal[
    "subtract", "divide", "multiply", "add", "fill", "replace", "is-missing", "equals", "above", "finite", "bounded",
    "clip", "log1p", "log", "sqrt", "exp", "abs", "missing-within",
]  # fmt: skip


class Operation(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Say one operation: its name, its arguments, and at last the argument that has a value per column."""

    name: OperationName
    numbers: tuple[float, ...] = ()
    array: Floats | None = None

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Return all arguments in order."""
        return self.numbers if self.array is None else (*self.numbers, self.array)


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


_OPERATIONS: Mapping[OperationName, Callable[..., Matrix]] = {
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
    "missing-within": lambda values, limit: np.where(np.abs(values) <= limit, np.nan, values),
}


def make_operations(operations: Iterable[Operation]) -> Callable[[Matrix], Matrix]:
    """Return the function that applies operations one after the other."""
    steps = [(_OPERATIONS[operation.name], operation.arguments) for operation in operations]

    def run(values: Matrix) -> Matrix:
        for step, arguments in steps:
            values = step(values, *arguments)
        return values

    return run


def operate(values: Matrix, operations: Iterable[Operation]) -> Matrix:
    """Apply operations one after the other."""
    return make_operations(operations)(values)
