"""
Exact Shapley values of decision trees whose unknown features follow the training rows (path-dependent TreeSHAP).

Pure numpy. A leaf with value v, reached over the features F, gives feature i of F

    v (o_i - z_i) * integral over t from 0 to 1 of the product over j in F without i of (z_j + t (o_j - z_j))

where o_j is 1 if the row passes all nodes of feature j on the path, else 0, and z_j is the share of the training rows
that do. The integrand is a polynomial in t, so that a Gauss-Legendre rule of half as many points as features is exact.
One walk down multiplies the factors and one walk up sums over the leaves, for all trees at once, level by level.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.explainers.tree_levels import Floats, Levels, Places, Pool, Tree, levels_of, path_lengths, pool
from gateway.explainers.tree_routes import cases

#: Numbers of one row in an array of a walk, so that it stays in the cache, and of a block of rows. Measured for forests
#: of 3,000 to 126,000 edges: half or twice as many cost 5 to 30 % more.
_TREES, _ROWS = 1 << 15, 1 << 18
#: Numbers in the tables that are kept between calls (64 MB); those of further trees are made anew in every call.
_KEPT = 1 << 23

#: By (case x edge, point): the factor that an edge puts in place of the one before it, and its weight in the answer.
_Tables: TypeAlias = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class _Group:
    """Hold trees whose paths need equally many points."""

    levels: Levels
    points: int
    tables: _Tables | None

    @property
    def size(self) -> int:
        """Return how many numbers one row has in an array of a walk."""
        return self.levels.edges * self.points

    def step(self, rows: int) -> int:
        """Return how many of so many rows walk at a time."""
        return max(1, min(_ROWS // self.size, rows))


class _Buffers:
    """
    Hold the large arrays of a walk, which the next one uses again.

    Arrays of this size come from the system anew each time, and clearing their pages took two thirds of a walk.
    """

    def __init__(self, size: int) -> None:
        self._state, self._other = np.empty(size), np.empty(size)

    def state(self, *shape: int) -> Floats:
        """Return the array of what is multiplied down and summed up."""
        return self._state[: math.prod(shape)].reshape(shape)

    def other(self, *shape: int) -> Floats:
        """Return the array of whatever lives for one step only."""
        return self._other[: math.prod(shape)].reshape(shape)


class TreeShap:
    """
    Explain sums of the leaves that a row reaches: `base` (outputs) + contributions of the features = sum.

    Immutable once made, so that threads may share it.
    """

    def __init__(self, trees: Sequence[Tree], features: int, *, strict: bool = False) -> None:
        """Prepare trees; `strict` sends a row left where its value is below the threshold, not where they are equal."""
        self._features = features
        self._strict = strict
        nodes = pool(trees)
        lengths, means = path_lengths(nodes)
        self.base: Floats = means.sum(axis=0)
        self._groups: list[_Group] = []
        left = _KEPT
        for points, roots in _parted(nodes, (lengths + 1) // 2):
            levels = levels_of(nodes, roots)
            size = 6 * levels.edges * points
            self._groups.append(_Group(levels, points, _tables(levels, points) if size <= left else None))
            left -= size if size <= left else 0

    def contributions(self, rows: Floats, output: int = 0) -> Floats:
        """Return the contribution of every feature to an output (rows, features); NaN is a missing value."""
        found = np.zeros((len(rows), self._features))
        columns = np.ascontiguousarray(rows.T, dtype=np.float64)
        buffers = _Buffers(max((group.size * group.step(len(rows)) for group in self._groups), default=0))
        for group in self._groups:
            tables = group.tables or _tables(group.levels, group.points)
            step = group.step(len(rows))
            for start in range(0, len(rows), step):
                block = slice(start, start + step)
                case = cases(group.levels, columns[:, block], strict=self._strict)
                parts = _walk(group.levels, tables, case, output, buffers)
                found[block] += self._by_feature(group.levels, parts).T
        return found

    def _by_feature(self, levels: Levels, parts: Floats) -> Floats:
        """Sum what nodes add (nodes, rows) to their features."""
        found = np.zeros((self._features, parts.shape[1]))
        order, starts, features = levels.sorted_features
        found[features] = np.add.reduceat(parts[order], starts, axis=0)
        return found


def _parted(nodes: Pool, points: Places) -> list[tuple[int, Places]]:
    """Group the roots of trees by the points that they need, in groups that fit the cache or are one tree."""
    found = []
    sizes = np.diff(np.append(nodes.roots, len(nodes.left)))
    for number in range(1, int(points.max(initial=0)) + 1):
        members = np.flatnonzero(points == number)
        run = np.cumsum(sizes[members] * number) // _TREES
        found += [(number, nodes.roots[members[run == part]]) for part in np.unique(run)]
    return found


def _tables(levels: Levels, points: int) -> _Tables:
    """Tabulate the three cases of tree_routes.cases for every edge."""
    at, weight = np.polynomial.legendre.leggauss(points)
    t, w = (at + 1) / 2, weight / 2
    share, before = levels.share[:, None], np.append(levels.share, 1.0)[levels.before][:, None]
    on, on_before = share + t * (1 - share), before + t * (1 - before)
    factors = np.stack(
        [np.broadcast_to(levels.ratio[:, None], on.shape), share * (1 - t) / on_before, on / on_before], axis=1
    )
    # What an edge gives to its feature, less what the one before it has given for the same leaves.
    pull, pull_before = (1 - share) / on, (1 - before) / on_before
    weights = w * np.stack([np.zeros_like(on), -1 / (1 - t) - pull_before, pull - pull_before], axis=1)
    return factors.reshape(-1, points), weights.reshape(-1, points)


def _walk(levels: Levels, tables: _Tables, case: npt.NDArray[np.intp], output: int, buffers: _Buffers) -> Floats:
    """Return what every node gives (nodes, rows) to its feature."""
    factors, weights = tables
    rows, points = case.shape[1], factors.shape[1]
    # (edges, rows, points): first the product of all factors down to an edge. Clipping spares numpy a copy of its own.
    state = factors.take(case, axis=0, out=buffers.state(levels.edges, rows, points), mode="clip")
    for level in levels.deeper:
        above = buffers.other(len(level.above), 1, rows, points)
        state.take(level.above, axis=0, out=above[:, 0], mode="clip")
        pairs = state[level.start : level.stop].reshape(-1, 2, rows, points)
        pairs *= above
    state *= levels.scale[:, output, None, None]  # then the sum over the leaves below it
    for level in reversed(levels.deeper):
        left, right = state[level.start : level.stop : 2], state[level.start + 1 : level.stop : 2]
        state[level.above] = np.add(left, right, out=buffers.other(len(level.above), rows, points))
    weight = weights.take(case, axis=0, out=buffers.other(levels.edges, rows, points), mode="clip")
    parts: Floats = np.einsum("enq,enq->en", state, weight)
    return parts[0::2] + parts[1::2]
