"""
Rows that part a tree's compiled model from its original: one per side of every node, with the whole path to it obeyed.

Runs while preparing. Generated rows alone rarely stand on a threshold, and that is where a wrong compiled model shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.compilers.forest import Array, Forest, Tree

#: Nodes that are probed, spread over the whole forest; four rows each, scored in about a second by the original.
MAX_PROBES = 6_000
#: Share of missing values off the path.
_HOLES = 0.05
Rows = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Way:
    """Hold what a path demands: bounds per feature, and on which features NaN was sent along."""

    low: dict[int, float]
    high: dict[int, float]


def node_rows(forest: Forest, base: Rows, draw: np.random.Generator, *, most: int = MAX_PROBES) -> Rows:
    """
    Return rows of features: for each node its threshold, one float32 step to either side, and NaN.

    `base` are plausible rows that fill the features off the path. Thresholds of NaN or infinity are left out.
    """
    spots = [(tree, node, way) for tree in forest.trees for node, way in _walk(tree)]
    if len(spots) > most:
        spots = [spots[i] for i in draw.choice(len(spots), most, replace=False)]
    found = np.empty((4 * len(spots), base.shape[1]), dtype=np.float64)
    for number, (tree, node, way) in enumerate(spots):
        row = base[draw.integers(len(base))].copy()
        for feature in way.low.keys() | way.high.keys():
            row[feature] = _inside(row[feature], way.low.get(feature, -np.inf), way.high.get(feature, np.inf))
        feature = int(tree.feature[node])
        at = np.float32(tree.threshold[node])
        steps = (at, np.nextafter(at, np.float32(-np.inf)), np.nextafter(at, np.float32(np.inf)), np.nan)
        block = found[4 * number : 4 * number + 4]
        block[:] = row
        block[:, feature] = steps
    return found


def _walk(tree: Tree) -> Iterator[tuple[int, _Way]]:
    """Yield every inner node with the demands of the path that leads to it."""
    stack = [(0, _Way({}, {}))]
    while stack:
        node, way = stack.pop()
        if tree.left[node] < 0:
            continue
        feature, at = int(tree.feature[node]), float(tree.threshold[node])
        if np.isfinite(at):
            yield node, way
        left = _Way(way.low, {**way.high, feature: min(at, way.high.get(feature, np.inf))})
        right = _Way({**way.low, feature: max(at, way.low.get(feature, -np.inf))}, way.high)
        stack += [(int(tree.left[node]), left), (int(tree.right[node]), right)]


def _inside(value: float, low: float, high: float) -> float:
    """Return a value well within the bounds: the given one if it is, else their middle."""
    if low < value < high:
        return value
    if np.isfinite(low) and np.isfinite(high):
        return (low + high) / 2
    return low + abs(low) * 0.01 + 1e-3 if np.isfinite(low) else high - abs(high) * 0.01 - 1e-3


def range_of(trees: Sequence[Tree], width: int) -> tuple[Array, Array]:
    """Return the lowest and highest threshold per feature, (0, 1) where a feature is never asked about."""
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    for tree in trees:
        inner = tree.left >= 0
        values = np.where(np.isfinite(tree.threshold[inner]), tree.threshold[inner], 0.0)
        np.minimum.at(low, tree.feature[inner], values)
        np.maximum.at(high, tree.feature[inner], values)
    never = low > high
    return np.where(never, 0.0, low), np.where(never, 1.0, high)


def base_rows(forest: Forest, width: int, draw: np.random.Generator) -> Rows:
    """Return rows drawn a little beyond the range of the thresholds, some with holes."""
    low, high = range_of(forest.trees, width)
    margin = 0.1 * (high - low) + 1e-3
    rows = draw.uniform(low - margin, high + margin, size=(64, width))
    rows[draw.random(rows.shape) < _HOLES] = np.nan
    return rows
