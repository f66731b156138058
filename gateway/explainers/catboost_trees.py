"""
Explains CatBoost's trees that are not symmetric by TreeSHAP: CatBoost's own SHAP values of them do not add up.

Trees are read out of the JSON that CatBoost writes; a value goes right where it exceeds a border, both in float32.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

import catboost
import numpy as np
import numpy.typing as npt

from gateway.errors import NotExplainable
from gateway.explainers.tree_levels import Tree
from gateway.explainers.tree_shap import TreeShap

Numbers = npt.NDArray[np.float64]
Node = Mapping[str, Any]

_NUMERIC: Final = "FloatFeature"
#: What `nan_value_treatment` says of a missing value that exceeds every border.
_ABOVE: Final = "AsTrue"
_SYMMETRIC: Final = "train with grow_policy='SymmetricTree', which is CatBoost's default"


class FreeTrees:
    """Explain the raw values of a model of numbers: `base` (groups), and the contributions to one group."""

    def __init__(self, model: catboost.CatBoost, groups: int) -> None:
        found = _document(model)
        features = found["features_info"].get("float_features") or ()
        self._columns = {int(one["feature_index"]): int(one["flat_feature_index"]) for one in features}
        self._missing_high = {int(one["feature_index"]): one["nan_value_treatment"] == _ABOVE for one in features}
        scale, bias = found["scale_and_bias"]
        self._scale = float(scale)
        trees = [self._tree(tree, groups) for tree in found["trees"]]
        self._shap = TreeShap(trees, len(model.feature_names_))
        self.base: Numbers = self._shap.base + np.atleast_1d(np.asarray(bias, dtype=np.float64))

    def contributions(self, rows: npt.NDArray[Any], group: int) -> Numbers:
        """Return the contributions of every column."""
        found: Numbers = self._shap.contributions(rows.astype(np.float32).astype(np.float64), group)
        return found

    def _tree(self, root: Node, groups: int) -> Tree:
        nodes = list(_nodes_of(root))
        places = {id(node): place for place, node in enumerate(nodes)}
        is_leaf = [("split" not in node) for node in nodes]
        splits = [node.get("split") for node in nodes]
        if any(split and split["split_type"] != _NUMERIC for split in splits):
            raise NotExplainable("its trees are not symmetric, and ask for categories", _SYMMETRIC)
        asked = [int(split["float_feature_index"]) if split else -1 for split in splits]
        cover: Numbers = np.zeros(len(nodes))
        for place in reversed(range(len(nodes))):
            node = nodes[place]
            cover[place] = (
                float(node.get("weight", 0.0))
                if is_leaf[place]
                else cover[places[id(node["left"])]] + cover[places[id(node["right"])]]
            )
        values = np.zeros((len(nodes), groups))
        for place, node in enumerate(nodes):
            if is_leaf[place]:
                values[place] = self._scale * np.asarray(node["value"], dtype=np.float64)
        return Tree(
            left=np.array([-1 if "split" not in node else places[id(node["left"])] for node in nodes]),
            right=np.array([-1 if "split" not in node else places[id(node["right"])] for node in nodes]),
            feature=np.array([self._columns.get(one, 0) for one in asked]),
            threshold=np.array([np.float32(split["border"]) if split else 0.0 for split in splits], dtype=np.float64),
            nan_left=np.array([not self._missing_high.get(one, False) for one in asked], dtype=bool),
            cover=cover,
            values=values,
        )


def _nodes_of(root: Node) -> Iterator[Node]:
    """Yield the nodes of a tree, each before those below it."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if "split" in node:
            waiting += [node["right"], node["left"]]


def _document(model: catboost.CatBoost) -> dict[str, Any]:
    """Return CatBoost's JSON of a model, written to memory: CatBoost writes to paths only."""
    if not hasattr(os, "memfd_create"):
        raise NotExplainable("its trees are not symmetric, and this system has no files in memory", _SYMMETRIC)
    with os.fdopen(os.memfd_create("catboost"), "rb") as file:
        model.save_model(f"/proc/self/fd/{file.fileno()}", format="json")
        file.seek(0)
        found: dict[str, Any] = json.load(file)
        return found
