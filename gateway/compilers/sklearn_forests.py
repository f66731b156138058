"""
Lowers scikit-learn's trees, forests and boostings to nodes. Runs while preparing.

Trees of sklearn.tree compare values rounded to float32 with double thresholds, histogram boosting compares doubles.
"""

from typing import Any

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.forest import Array, Forest, Tree, to_onnx
from gateway.compilers.sklearn_models import linked
from gateway.compilers.xgboost_trees import start_from
from gateway.runtimes.answering import LinkName
from gateway.runtimes.nodes import ForestNode, Node, PipeNode, ScaleNode
from gateway.runtimes.operations import Operation

_PAIR = 2


def forest_values(model: Any) -> Node:
    """Return the node of a regressor made of trees."""
    kind = type(model).__name__
    if kind == "GradientBoostingRegressor":
        return _boosting(model)
    if kind == "HistGradientBoostingRegressor":
        return linked(_histogram(model), *_INVERSES[type(model._loss.link).__name__])
    if kind in _SINGLE:
        return _node(Forest([_tree(model.tree_, 1.0)], model.n_outputs_, "float64", "<="))
    return _mean(_node(Forest(_members(model), model.n_outputs_, "float64", "<=")), len(model.estimators_))


def forest_probabilities(model: Any) -> Node:
    """Return the node of a classifier made of trees, with one column per class."""
    kind = type(model).__name__
    if kind == "GradientBoostingClassifier":
        return linked(_boosting(model), _LOSSES.get(type(model._loss).__name__, "softmax"))
    if kind == "HistGradientBoostingClassifier":
        return linked(_histogram(model), "softmax" if model.n_trees_per_iteration_ > 1 else "pair-of-scores")
    if model.n_outputs_ != 1:
        raise Declined("trees for several labels at once")
    trees = [_tree(model.tree_, 1.0)] if kind in _SINGLE else _members(model)
    if len(model.classes_) != _PAIR:
        return _mean(_node(Forest(trees, len(model.classes_), "float64", "<=")), len(trees))
    second = [Tree(t.left, t.right, t.feature, t.threshold, t.nan_left, t.values[:, 1:]) for t in trees]
    return linked(_mean(_node(Forest(second, 1, "float64", "<=")), len(trees)), "pair")


def _mean(node: Node, count: int) -> Node:
    """Divide the sum, as scikit-learn does: the rounding of shares of each leaf would turn exact ties into labels."""
    if count == 1:
        return node
    return PipeNode(node, ScaleNode([Operation("divide", (float(count),))]))


def _node(forest: Forest, base: Array | None = None, *, is_histogram: bool = False) -> Node:
    return ForestNode(
        model=to_onnx(forest),
        dtype="float64",
        base=np.zeros(forest.outputs) if base is None else np.asarray(base, dtype=np.float64).reshape(-1),
        rounded=not is_histogram,
        finite=not is_histogram,
    )


def _tree(tree: Any, weight: float) -> Tree:
    nodes = tree.__getstate__()["nodes"]
    values = np.asarray(tree.value, dtype=np.float64)
    return Tree(
        nodes["left_child"].astype(np.int64),
        nodes["right_child"].astype(np.int64),
        np.maximum(nodes["feature"], 0).astype(np.int64),
        nodes["threshold"].astype(np.float64),
        nodes["missing_go_to_left"].astype(bool),
        values.reshape(len(values), -1) * weight,
    )


def _members(model: Any) -> list[Tree]:
    return [_tree(part.tree_, 1.0) for part in model.estimators_]


def _boosting(model: Any) -> Node:
    """Each stage has one tree per output; the initial model must be a constant."""
    if type(model.init_).__name__ not in {"DummyClassifier", "DummyRegressor", "str"}:
        raise Declined("a boosting that starts from a model of its own")
    trees, targets = [], []
    for stage in model.estimators_:
        for target, part in enumerate(stage):
            trees.append(_tree(part.tree_, float(model.learning_rate)))
            targets.append(target)
    base = model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))
    forest = Forest(trees, model.n_trees_per_iteration_, "float64", "<=", targets)
    # Sums start with the base, as in the original; each order of addition rounds in its own way.
    base = start_from(forest, np.asarray(base, dtype=np.float64).reshape(-1))
    return _node(forest, base)


def _histogram(model: Any) -> Node:
    if getattr(model, "_preprocessor", None) is not None:
        raise Declined("histogram boosting with categorical columns")
    trees, targets = [], []
    for stage in model._predictors:
        for target, part in enumerate(stage):
            trees.append(_histogram_tree(part.nodes))
            targets.append(target)
    forest = Forest(trees, model.n_trees_per_iteration_, "float64", "<=", targets)
    base = start_from(forest, np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1))
    return _node(forest, base, is_histogram=True)


def _histogram_tree(nodes: Array) -> Tree:
    if nodes["is_categorical"].any():
        raise Declined("histogram boosting with categorical columns")
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        np.where(leaf, -1, nodes["left"].astype(np.int64)),
        np.where(leaf, -1, nodes["right"].astype(np.int64)),
        nodes["feature_idx"].astype(np.int64),
        nodes["num_threshold"].astype(np.float64),
        nodes["missing_go_to_left"].astype(bool),
        nodes["value"].astype(np.float64)[:, None],
    )


_INVERSES: dict[str, tuple[LinkName, ...]] = {"IdentityLink": (), "LogLink": ("exp",)}
_LOSSES: dict[str, LinkName] = {"HalfBinomialLoss": "pair-of-scores", "ExponentialLoss": "pair-of-doubled"}
_SINGLE = {"DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"}
FORESTS: set[str] = {
    *_SINGLE,
    "RandomForestClassifier",
    "RandomForestRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
}


def probe_forest(model: Any) -> Forest:
    """Return the thresholds of a model made of trees, for the proof."""
    kind = type(model).__name__
    if kind.startswith("Hist"):
        trees = [_histogram_tree(part.nodes) for stage in model._predictors for part in stage]
    elif kind in _SINGLE:
        trees = [_tree(model.tree_, 1.0)]
    else:
        trees = [_tree(part.tree_, 1.0) for part in np.asarray(model.estimators_, dtype=object).ravel()]
    return Forest(trees, 1, "float64", "<=")
