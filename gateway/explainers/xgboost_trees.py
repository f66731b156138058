"""
Reads the trees of an XGBoost booster for TreeSHAP in float64.

XGBoost adds its contributions up in float32; where trees are many or deep, a row may come out further from its answer
than an explanation may be.
"""

import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xgboost

from gateway.explainers.tree_levels import Tree
from gateway.explainers.tree_shap import TreeShap

Numbers = npt.NDArray[np.float64]

_LOGIT: Final = frozenset({"binary:logistic", "reg:logistic", "binary:logitraw"})
_LOG: Final = frozenset({"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"})


class FloatTrees:
    """Explain the margins of a booster of numbers: `base` (groups), and the contributions to one group."""

    def __init__(self, booster: xgboost.Booster, rounds: tuple[int, int], groups: int) -> None:
        learner = json.loads(bytes(booster.save_raw("json")))["learner"]
        found = learner["gradient_booster"]
        model, weights = (found["gbtree"]["model"], found["weight_drop"]) if "gbtree" in found else (found["model"], [])
        stop = model["iteration_indptr"][rounds[1]] if rounds[1] else len(model["trees"])
        trees = [
            _tree(tree, float(weights[i]) if weights else 1.0, int(model["tree_info"][i]), groups)
            for i, tree in enumerate(model["trees"][:stop])
        ]
        self._shap = TreeShap(trees, int(learner["learner_model_param"]["num_feature"]), strict=True)
        self.base: Numbers = self._shap.base + _start(learner)

    def contributions(self, rows: npt.NDArray[np.float32], group: int) -> Numbers:
        """Return the contributions of every column."""
        found: Numbers = self._shap.contributions(rows.astype(np.float64), group)
        return found


def _tree(found: dict[str, Any], weight: float, group: int, groups: int) -> Tree:
    left = np.array(found["left_children"], dtype=np.int64)
    condition = np.array(found["split_conditions"], dtype=np.float32).astype(np.float64)
    values = np.zeros((len(left), groups))
    values[:, group] = np.where(left < 0, condition * weight, 0.0)
    return Tree(
        left=left,
        right=np.array(found["right_children"], dtype=np.int64),
        feature=np.array(found["split_indices"], dtype=np.int64),
        threshold=condition,
        nan_left=np.array(found["default_left"], dtype=bool),
        cover=np.array(found["sum_hessian"], dtype=np.float64),
        values=values,
    )


def _start(learner: dict[str, Any]) -> Numbers:
    """Return the margins that the sums start from."""
    told = learner["learner_model_param"]["base_score"]
    score = np.atleast_1d(np.array(json.loads(told) if isinstance(told, str) else told, dtype=np.float64))
    objective = learner["objective"]["name"]
    if objective in _LOGIT:
        return np.log(score / (1.0 - score))
    return np.log(score) if objective in _LOG else score
