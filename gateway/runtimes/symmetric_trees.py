"""
Adds up the leaves of symmetric trees, which ask the same question of all nodes on a level.

The answers to these questions are the bits of a leaf's number. A value of a column, as the number of borders below it,
answers all questions about its column: a row of `table` has these bits for every tree, and the bits of all columns
together are the numbers of the leaves. Numpy alone.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gateway.runtimes.arrays import Matrix
from gateway.runtimes.nodes import SymmetricNode

#: Leaves that are looked up at a time, so that they stay in the cache of a core.
_BLOCK: Final = 128 * 1024


def make_symmetric(node: SymmetricNode) -> Callable[[Matrix], Matrix]:
    """Return the function from a matrix (rows, columns) to sums (rows, outputs)."""
    trees = _SymmetricTrees(node)
    return lambda matrix: trees.one(matrix) if len(matrix) == 1 else trees.many(matrix)


class _SymmetricTrees:
    """Hold the columns that are asked about, each with the place of its first row in the table."""

    def __init__(self, node: SymmetricNode) -> None:
        self._table, self._starts, self._base = node.table, node.starts, node.base
        self._leaves = list(node.leaves)
        sizes = [len(borders) + 1 for borders in node.borders]
        offsets = np.cumsum([0, *sizes]).tolist()
        self._columns = [
            (column, borders, offset, offset + (len(borders) if high else 0))
            for column, borders, offset, high in zip(
                node.columns, node.borders, offsets[:-1], node.missing_high, strict=True
            )
        ]
        self._lists = [
            (column, borders.tolist(), offset, missing) for column, borders, offset, missing in self._columns
        ]

    def one(self, matrix: Matrix) -> Matrix:
        """Return the sums of one row."""
        values = matrix[0].tolist()
        rows = []
        for column, borders, offset, missing in self._lists:
            value = values[column]
            is_missing = value != value  # noqa: PLR0124 - only NaN differs from itself
            rows.append(missing if is_missing else offset + bisect_left(borders, value))
        places = np.bitwise_or.reduce(self._table.take(rows, axis=0), axis=0) + self._starts
        return np.array([[leaves.take(places).sum() for leaves in self._leaves]]) + self._base

    def many(self, matrix: Matrix) -> Matrix:
        """Return the sums of many rows, a block of them at a time."""
        rows = [self._rows(matrix[:, column], *rest) for column, *rest in self._columns]
        found = np.empty((len(matrix), len(self._leaves)))
        size = max(_BLOCK // max(len(self._starts), 1), 1)
        for start in range(0, len(matrix), size):
            here = slice(start, start + size)
            numbers = self._table.take(rows[0][here], axis=0)
            for more in rows[1:]:
                np.bitwise_or(numbers, self._table.take(more[here], axis=0), out=numbers)
            places = numbers + self._starts
            for output, leaves in enumerate(self._leaves):
                leaves.take(places).sum(axis=1, out=found[here, output])
        return found + self._base

    @staticmethod
    def _rows(values: npt.NDArray[Any], borders: npt.NDArray[Any], offset: int, missing: int) -> npt.NDArray[np.intp]:
        """Return the row of the table for each value of a column."""
        return np.where(np.isnan(values), missing, offset + np.searchsorted(borders, values, side="left"))
