"""
Reads the trees of an XGBoost booster out of its own JSON. Runs while preparing; imports no xgboost.

Tested against the format of XGBoost 3 (base_score is a list of probabilities or values, categories are sets that go
right).
"""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.forest import Array, Forest, Tree
from gateway.runtimes.answering import LinkName

#: Objectives whose margin becomes the answer in a known way: links for the compiled model, and how base_score is turned
#: back.
_LINKS: dict[str, tuple[tuple[LinkName, ...], str]] = {
    "binary:logistic": (("xgboost-sigmoid",), "logit"),
    "reg:logistic": (("xgboost-sigmoid",), "logit"),
    "binary:logitraw": ((), "logit"),
    "binary:hinge": (("negative-zero-one",), ""),
    "multi:softprob": (("softmax",), ""),
    "multi:softmax": ((), ""),
    "reg:squarederror": ((), ""),
    "reg:squaredlogerror": ((), ""),
    "reg:pseudohubererror": ((), ""),
    "reg:absoluteerror": ((), ""),
    "reg:quantileerror": ((), ""),
    "count:poisson": (("exp",), "log"),
    "reg:gamma": (("exp",), "log"),
    "reg:tweedie": (("exp",), "log"),
    "rank:pairwise": ((), ""),
    "rank:ndcg": ((), ""),
    "rank:map": ((), ""),
}


@dataclass(slots=True)
class Booster:
    """Hold what a booster's file says: trees, margins to add, links, and its categorical nodes as extra features."""

    forest: Forest
    base: Array
    links: list[LinkName]
    objective: str
    width: int
    #: (column, the categories that go right) of every feature beyond `width`, in order
    sets: list[tuple[int, tuple[int, ...]]]


def read_booster(booster: Any) -> Booster:
    """Return the trees that the booster would use; raises Declined for other kinds of boosters."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    objective = learner["objective"]["name"]
    if objective not in _LINKS:
        raise Declined(f"the objective {objective} is not known to the compiler")
    model, drops = _gradient_booster(learner["gradient_booster"])
    parameters = learner["learner_model_param"]
    outputs = max(int(parameters["num_class"]), int(parameters.get("num_target", 1)), 1)
    rounds = model["iteration_indptr"]
    best = booster.attr("best_iteration")
    last = len(model["trees"]) if best is None else rounds[min(int(best) + 1, len(rounds) - 1)]
    width = int(parameters["num_feature"])
    sets: dict[tuple[int, tuple[int, ...]], int] = {}
    trees = [_tree(tree, drops[i], width, sets) for i, tree in enumerate(model["trees"][:last])]
    links, inverse = _LINKS[objective]
    forest = Forest(trees, outputs, "float32", "<", [int(target) for target in model["tree_info"][:last]])
    base = start_from(forest, _base(parameters, outputs, inverse))
    return Booster(forest, base, list(links), objective, width, list(sets))


def start_from(forest: Forest, base: Array) -> Array:
    """Add the base to the first tree of each output, as the original starts its sums; return what no tree took."""
    left = base.copy()
    for number, target in enumerate(forest.targets):
        if left[target]:
            tree = forest.trees[number]
            forest.trees[number] = replace(tree, values=tree.values + left[target])
            left[target] = 0
    return left


def _gradient_booster(found: dict[str, Any]) -> tuple[dict[str, Any], list[float]]:
    kind = found["name"]
    if kind == "gblinear":
        raise Declined("a linear booster is fast as it is")
    if kind == "dart":
        model = found["gbtree"]["model"]
        return model, [float(weight) for weight in found["weight_drop"]]
    return found["model"], [1.0] * len(found["model"]["trees"])


def _base(parameters: dict[str, Any], outputs: int, inverse: str) -> Array:
    text = parameters["base_score"]
    values = np.atleast_1d(np.array(json.loads(text) if isinstance(text, str) else text, dtype=np.float32))
    if inverse == "logit":
        values = -np.log(np.float32(1) / values - np.float32(1))
    elif inverse == "log":
        values = np.log(values)
    return np.broadcast_to(values.astype(np.float32), (outputs,)).copy()


def _tree(found: dict[str, Any], weight: float, width: int, sets: dict[tuple[int, tuple[int, ...]], int]) -> Tree:
    if int(found["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise Declined("trees with a vector in each leaf are not supported")
    left = np.array(found["left_children"], dtype=np.int64)
    condition = np.array(found["split_conditions"], dtype=np.float32)
    feature = np.array(found["split_indices"], dtype=np.int64)
    threshold = condition.copy()
    for node, start, size in zip(
        found["categories_nodes"], found["categories_segments"], found["categories_sizes"], strict=True
    ):
        key = (int(feature[node]), tuple(found["categories"][start : start + size]))
        feature[node] = width + sets.setdefault(key, len(sets))
        threshold[node] = 0.5
    return Tree(
        left,
        np.array(found["right_children"], dtype=np.int64),
        feature,
        threshold,
        np.array(found["default_left"], dtype=bool),
        (condition * np.float32(weight))[:, None],
    )
