"""
Turns the trees of a LightGBM text model into the plain form of forest.py. Runs while preparing; imports no LightGBM.

Of its own: a set of categories is a feature of its own that is 0 for its members, which go left; missing values are
zero, NaN, or nothing at all, node by node.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.forest import Array, Forest, Tree

_WORD_BITS: Final = 32
#: Of `decision_type`: split by a set of categories; go left where the value is missing; what is missing.
_BY_SET, _MISSING_LEFT = 1, 2
_MISSING_ZERO = 1
#: Up to here LightGBM takes a number for zero.
ZERO: Final = float(np.float32(1e-35))
#: What a member of a set is, and everything else; the threshold is between.
MEMBER, OTHER, BETWEEN = 0.0, 1.0, 0.5


@dataclass(slots=True)
class TreeFeatures:
    """Number the features beyond the columns: sets of categories, and columns in which zero is missing."""

    width: int
    sets: dict[tuple[int, frozenset[int]], int] = field(default_factory=dict)
    zeros: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Return the number of all features."""
        return self.width + len(self.sets) + len(self.zeros)

    def of_set(self, column: int, members: frozenset[int]) -> int:
        """Return the feature that says whether a column is in a set."""
        return self.sets.setdefault((column, members), self.total)

    def of_zero(self, column: int) -> int:
        """Return the feature that is a column with NaN in place of zero."""
        return self.zeros.setdefault(column, self.total)


def forest_of(model: Any, rounds: int) -> tuple[Forest, TreeFeatures]:
    """Return the trees that the booster would use; raises Declined for trees with linear leaves."""
    classes = model.number("num_class")
    count = len(model.trees) if rounds < 1 else min(rounds * classes, len(model.trees))
    scale = classes / count if "average_output" in model.header else 1.0
    features = TreeFeatures(len(model.names))
    trees = [_tree(tree, features, scale) for tree in model.trees[:count]]
    return Forest(trees, classes, "float64", "<=", [i % classes for i in range(count)]), features


def _tree(tree: Any, features: TreeFeatures, scale: float) -> Tree:
    if tree.is_linear:
        raise Declined("trees with linear leaves are not supported")
    inner, size = tree.leaves - 1, 2 * tree.leaves - 1
    left, right = np.full(size, -1), np.full(size, -1)
    if inner:
        # Inner nodes come first, then leaves, which a child names as -1 - number.
        for side, name in ((left, "left_child"), (right, "right_child")):
            child = tree.table(name)
            side[:inner] = np.where(child >= 0, child, inner - 1 - child)
    feature, threshold, nan_left = _splits(tree, features)
    values = np.zeros((size, 1))
    values[inner:, 0] = tree.table("leaf_value") * scale
    padding = np.zeros(tree.leaves)
    return Tree(
        left,
        right,
        np.concatenate([feature, padding]).astype(np.int64),
        np.concatenate([threshold, padding]),
        np.concatenate([nan_left, padding]).astype(bool),
        values,
    )


def _splits(tree: Any, features: TreeFeatures) -> tuple[Array, Array, Array]:
    """Return feature, threshold and the way of NaN for the inner nodes."""
    inner = tree.leaves - 1
    columns, threshold = tree.table("split_feature").copy(), tree.table("threshold").copy()
    decision = tree.table("decision_type") if "decision_type" in tree.tables else np.zeros(inner, dtype=np.int64)
    missing, by_set = (decision >> 2) & 3, (decision & _BY_SET) != 0
    # Where nothing is missing NaN counts as zero.
    nan_left = np.where(missing == 0, threshold >= 0.0, (decision & _MISSING_LEFT) != 0)
    # A number as small as ZERO is read as zero: thresholds that part such numbers from each other do not.
    threshold = np.where((threshold >= -ZERO) & (threshold < 0.0), np.nextafter(-ZERO, -np.inf), threshold)
    threshold = np.where((threshold >= 0.0) & (threshold < ZERO) & ~by_set, ZERO, threshold)
    for node in np.flatnonzero(by_set).tolist():
        columns[node] = features.of_set(int(columns[node]), _members(tree, int(tree.table("threshold")[node])))
        threshold[node], nan_left[node] = BETWEEN, False
    for node in np.flatnonzero(~by_set & (missing == _MISSING_ZERO)).tolist():
        columns[node] = features.of_zero(int(columns[node]))
    return columns, threshold, nan_left


def _members(tree: Any, number: int) -> frozenset[int]:
    """Return the categories of a set of bits."""
    start, end = tree.table("cat_boundaries")[number : number + 2].tolist()
    words = tree.table("cat_threshold")[start:end].tolist()
    return frozenset(
        _WORD_BITS * place + bit for place, word in enumerate(words) for bit in range(_WORD_BITS) if word >> bit & 1
    )
