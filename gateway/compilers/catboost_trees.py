"""
Reads CatBoost's own JSON of a model whose features are numbers. Runs while preparing; imports no CatBoost.

A value goes right where it exceeds a border, both in float32. A symmetric tree asks one question on each level, and the
answers are the bits of the number of its leaf, the first the lowest. Trees grown node by node become those of
forest.py.
"""

from typing import Any, Final

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.forest import Array, Forest, Tree, to_onnx
from gateway.runtimes.nodes import ForestNode, Node, SymmetricNode

_NUMERIC: Final = "FloatFeature"
#: What `nan_value_treatment` says of a missing value that exceeds every border.
_ABOVE: Final = "AsTrue"
#: Leaves of all outputs, and bytes of the table of bits; beyond them a worker would grow by hundreds of MB.
_MOST_LEAVES: Final = 8_000_000
_MOST_BYTES: Final = 64 * 1024 * 1024


class CatboostTrees:
    """Hold the trees of one model, with the columns and borders that they ask about."""

    def __init__(self, found: dict[str, Any]) -> None:
        features = found["features_info"]["float_features"]
        self._columns = {one["feature_index"]: int(one["flat_feature_index"]) for one in features}
        self._missing_high = {int(one["flat_feature_index"]): one["nan_value_treatment"] == _ABOVE for one in features}
        scale, bias = found["scale_and_bias"]
        self._bias: Array = np.atleast_1d(np.asarray(bias, dtype=np.float64))
        self._scale = float(scale)
        self._symmetric, self._free = found.get("oblivious_trees", []), found.get("trees", [])
        splits = [split for tree in self._symmetric for split in tree["splits"]]
        splits += [node["split"] for tree in self._free for node in _nodes_of(tree) if "split" in node]
        #: Column -> the borders that trees ask about, ascending.
        self.borders: dict[int, Array] = self._borders([self._question(split) for split in splits])

    @property
    def outputs(self) -> int:
        """Return how many sums there are."""
        return len(self._bias)

    def node(self) -> Node:
        """Return what sums the leaves; raises Declined where it would be too large."""
        if self._free:
            trees = [self._of_nodes(tree) for tree in self._free]
            model = to_onnx(Forest(trees, self.outputs, "float64", "<="))
            return ForestNode(model=model, dtype="float64", base=self._bias, rounded=False, finite=False)
        if not self.borders:
            raise Declined("no tree asks about a number")
        return self._of_levels()

    def _borders(self, questions: list[tuple[int, float]]) -> dict[int, Array]:
        found: dict[int, set[float]] = {}
        for column, border in questions:
            found.setdefault(column, set()).add(border)
        return {column: np.array(sorted(found[column]), dtype=np.float32) for column in sorted(found)}

    def _question(self, split: dict[str, Any]) -> tuple[int, float]:
        """Return column and border."""
        if split["split_type"] != _NUMERIC:
            raise Declined(f"a tree asks about a {split['split_type']}, which is no number")
        return self._columns[split["float_feature_index"]], float(np.float32(split["border"]))

    def _of_levels(self) -> SymmetricNode:
        """Write for every value of a column the bits that it answers."""
        deepest = max(len(tree["splits"]) for tree in self._symmetric)
        sizes = [len(borders) + 1 for borders in self.borders.values()]
        bits = np.min_scalar_type(2**deepest - 1)
        counts = [2 ** len(tree["splits"]) for tree in self._symmetric]
        if sum(sizes) * len(counts) * bits.itemsize > _MOST_BYTES or sum(counts) * self.outputs > _MOST_LEAVES:
            raise Declined("its trees need too large a table")
        table = np.zeros((sum(sizes), len(counts)), dtype=bits)
        rows = dict(zip(self.borders, np.split(table, np.cumsum(sizes)[:-1]), strict=True))
        for number, tree in enumerate(self._symmetric):
            for level, split in enumerate(tree["splits"]):
                column, border = self._question(split)
                first = int(np.searchsorted(self.borders[column], np.float32(border))) + 1
                rows[column][first:, number] |= bits.type(1 << level)
        leaves = [np.reshape(tree["leaf_values"], (-1, self.outputs)) for tree in self._symmetric]
        return SymmetricNode(
            columns=list(self.borders),
            borders=list(self.borders.values()),
            missing_high=[self._missing_high[column] for column in self.borders],
            table=table,
            leaves=np.ascontiguousarray(np.concatenate(leaves).T * self._scale),
            starts=np.cumsum([0, *counts[:-1]], dtype=np.int64),
            base=self._bias,
        )

    def _of_nodes(self, tree: dict[str, Any]) -> Tree:
        """Number the nodes of a tree whose sides may differ."""
        nodes = _nodes_of(tree)
        places = {id(node): place for place, node in enumerate(nodes)}
        has_sides = np.array(["split" in node for node in nodes])
        questions = [self._question(node["split"]) if "split" in node else (0, 0.0) for node in nodes]
        feature = np.array([column for column, _ in questions], dtype=np.int64)
        left, right = (np.array([places[id(node[side])] if side in node else -1 for node in nodes]) for side in _SIDES)
        values = [np.broadcast_to(np.asarray(node.get("value", 0.0)), self.outputs) for node in nodes]
        return Tree(
            left,
            right,
            feature,
            np.array([border for _, border in questions]),
            has_sides & ~np.array([self._missing_high.get(column, False) for column in feature.tolist()]),
            np.array(values, dtype=np.float64) * self._scale,
        )


_SIDES: Final = ("left", "right")


def _nodes_of(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes of a tree, the root first."""
    found = [tree]
    for node in found:  # grows while it is walked
        found += [node[side] for side in _SIDES if "split" in node]
    return found
