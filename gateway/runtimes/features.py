"""
Columns -> feature matrix: what encoders, imputers and scalers do to one column at a time, bit for bit.

Used by runtimes; numpy only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from gateway.runtimes.arrays import Floats, Matrix
from gateway.runtimes.levels import LevelTable, level_finder
from gateway.runtimes.operations import Operation, make_operations
from gateway.schema import Column

Fill: TypeAlias = Callable[[Matrix, Sequence[Column]], None]


class NumberBlock(msgspec.Struct, tag_field="kind", tag="number", kw_only=True, forbid_unknown_fields=True):
    """Make features of a column of numbers: `at` holds their places, `operations` what is done for each."""

    column: int
    at: list[int]
    operations: list[list[Operation]]


class LevelBlock(LevelTable, tag_field="kind", tag="levels", kw_only=True):
    """Make features of a column of levels: `at` holds their places."""

    column: int
    at: list[int]


class Features(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Say how a matrix of `width` columns is filled: with constants first, then by blocks."""

    width: int
    dtype: Literal["float32", "float64"]
    constants: Floats
    blocks: list[NumberBlock | LevelBlock]


def make_features(features: Features) -> Callable[[Sequence[Column]], Matrix]:
    """Return the function from columns to a new matrix (rows, width) of `dtype`."""
    width, dtype, constants = features.width, np.dtype(features.dtype), features.constants
    fills = [_FILLS[type(block)](block) for block in features.blocks]
    if len(fills) == width and all(_is_plain(i, block) for i, block in enumerate(features.blocks)):
        return _plain(width, dtype)

    def build(columns: Sequence[Column]) -> Matrix:
        matrix = np.empty((len(columns[0]), width), dtype=dtype)
        matrix[:] = constants
        for fill in fills:
            fill(matrix, columns)
        return matrix

    return build


def _is_plain(position: int, block: NumberBlock | LevelBlock) -> bool:
    return (
        isinstance(block, NumberBlock)
        and block.column == position
        and block.at == [position]
        and not block.operations[0]
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


def _numbers(block: NumberBlock) -> Fill:
    column = block.column
    plans = [(at, make_operations(operations)) for at, operations in zip(block.at, block.operations, strict=True)]

    def fill(matrix: Matrix, columns: Sequence[Column]) -> None:
        values = columns[column].astype(np.float64, copy=False)
        for at, operate in plans:
            matrix[:, at] = operate(values)

    return fill


def _levels(block: LevelBlock) -> Fill:
    column, at, values = block.column, block.at, block.values
    find = level_finder(block)
    where: slice | list[int] = slice(at[0], at[-1] + 1) if at == list(range(at[0], at[-1] + 1)) else at

    def fill(matrix: Matrix, columns: Sequence[Column]) -> None:
        matrix[:, where] = values[find(columns[column])]

    return fill


_FILLS: Mapping[type, Callable[..., Fill]] = {NumberBlock: _numbers, LevelBlock: _levels}
