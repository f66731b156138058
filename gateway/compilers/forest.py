"""
Decision trees of any library as one plain form, and that form as an ONNX graph.

Runs while preparing only: it imports onnx. Knows no library that trains trees.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

from gateway.compilers.base import Declined

Array = npt.NDArray[Any]

#: Nodes of all copies together; beyond it a session takes seconds to build and hundreds of MB.
MAX_NODES = 3_000_000
#: Codes of the TreeEnsemble operator (ai.onnx.ml 5): x <= t and x < t.
_MODES = {"<=": 0, "<": 1}
#: TreeEnsemble is in this version of the ai.onnx.ml operators.
_ML_OPSET = 5


@dataclass(frozen=True, slots=True)
class Tree:
    """
    Hold one tree as arrays over its nodes; `left` of a leaf is -1.

    A row goes left where the comparison holds, and where the value is NaN and `nan_left` is set. `values` are (nodes,
    outputs); those of inner nodes do not count.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    nan_left: Array
    values: Array


@dataclass(slots=True)
class Forest:
    """
    Hold trees whose leaves are summed per output, in `dtype`, with `test` as the comparison of every node.

    `targets` gives the output of each tree where its leaves have one value only.
    """

    trees: list[Tree]
    outputs: int
    dtype: Literal["float32", "float64"]
    test: Literal["<=", "<"]
    targets: list[int] = field(default_factory=list)

    def flat(self) -> Iterable[tuple[Tree, int, Array]]:
        """Yield tree, output and leaf values: a tree with several outputs once for each of them."""
        for number, tree in enumerate(self.trees):
            if self.targets:
                yield tree, self.targets[number], tree.values[:, 0]
            else:
                for output in range(self.outputs):
                    yield tree, output, tree.values[:, output]


class _Table:
    """Collect the attributes of the operator: inner nodes and leaves in two numberings."""

    def __init__(self) -> None:
        self.inner: dict[str, list[Any]] = {name: [] for name in ("feature", "split", "nan", "yes", "no")}
        self.yes_leaf: list[int] = []
        self.no_leaf: list[int] = []
        self.weights: list[float] = []
        self.targets: list[int] = []
        self.roots: list[int] = []

    def add(self, tree: Tree, target: int, values: Array) -> None:
        """Append one tree."""
        leaf = tree.left < 0
        numbers = np.empty(len(leaf), dtype=np.int64)
        numbers[~leaf] = len(self.yes_leaf) + np.arange(int((~leaf).sum()))
        numbers[leaf] = len(self.weights) + np.arange(int(leaf.sum()))
        self.weights += values[leaf].tolist()
        self.targets += [target] * int(leaf.sum())
        if leaf[0]:
            self._lone_leaf(int(numbers[0]))
            return
        self.roots.append(int(numbers[0]))
        inner = ~leaf
        left, right = tree.left[inner], tree.right[inner]
        self.inner["feature"] += tree.feature[inner].tolist()
        self.inner["split"] += tree.threshold[inner].tolist()
        self.inner["nan"] += tree.nan_left[inner].astype(int).tolist()
        self.inner["yes"] += numbers[left].tolist()
        self.inner["no"] += numbers[right].tolist()
        self.yes_leaf += leaf[left].astype(int).tolist()
        self.no_leaf += leaf[right].astype(int).tolist()

    def _lone_leaf(self, number: int) -> None:
        """A tree needs a node: one whose two sides are the same leaf."""
        self.roots.append(len(self.yes_leaf))
        for name, value in (("feature", 0), ("split", 0.0), ("nan", 0), ("yes", number), ("no", number)):
            self.inner[name].append(value)
        self.yes_leaf.append(1)
        self.no_leaf.append(1)


def to_onnx(forest: Forest) -> bytes:
    """Return a graph from `x` (rows, features) to `y` (rows, outputs); raises Declined where it would be too large."""
    copies = 1 if forest.targets else forest.outputs
    if sum(len(tree.left) for tree in forest.trees) * copies > MAX_NODES:
        raise Declined(f"the trees have more than {MAX_NODES:,} nodes")
    table = _Table()
    for tree, target, values in forest.flat():
        table.add(tree, target, values)
    kind = TensorProto.FLOAT if forest.dtype == "float32" else TensorProto.DOUBLE
    count = len(table.yes_leaf)
    node = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        aggregate_function=1,
        post_transform=0,
        n_targets=forest.outputs,
        leaf_targetids=table.targets,
        leaf_weights=_tensor("leaf_weights", kind, table.weights),
        nodes_featureids=table.inner["feature"],
        nodes_splits=_tensor("nodes_splits", kind, table.inner["split"]),
        nodes_modes=helper.make_tensor("nodes_modes", TensorProto.UINT8, [count], [_MODES[forest.test]] * count),
        nodes_missing_value_tracks_true=table.inner["nan"],
        nodes_truenodeids=table.inner["yes"],
        nodes_falsenodeids=table.inner["no"],
        nodes_trueleafs=table.yes_leaf,
        nodes_falseleafs=table.no_leaf,
        tree_roots=table.roots,
    )
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info("x", kind, [None, None])],
        [helper.make_tensor_value_info("y", kind, [None, forest.outputs])],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return bytes(model.SerializeToString())


def _tensor(name: str, kind: int, values: list[float]) -> Any:
    return helper.make_tensor(name, kind, [len(values)], values)
