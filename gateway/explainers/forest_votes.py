"""Explains scikit-learn's ensembles that add up something else than the answers of their trees: votes, path lengths."""

from typing import Any, Final

import numpy as np
from sklearn.ensemble._iforest import _average_path_length

from gateway.errors import NotExplainable
from gateway.explainers.forest_trees import SINGLE, leaves_of, read_tree
from gateway.explainers.forests import ForestExplainer, shared
from gateway.explainers.outputs import Numbers
from gateway.explainers.tree_levels import Tree
from gateway.explainers.tree_shap import TreeShap
from gateway.explanation import ExplanationScale

_PAIR: Final = 2


def boosted_votes(model: Any) -> ForestExplainer:
    """Return the explainer of AdaBoostClassifier: weighted votes of its trees, which are log-odds of two classes."""
    count = len(model.classes_)
    if count < _PAIR:
        raise NotExplainable("it knows one class only, and answers nothing else")
    other = next((type(part).__name__ for part in model.estimators_ if type(part).__name__ not in SINGLE), None)
    if other is not None:
        raise NotExplainable(
            f"it counts the labels of {other}, no sum over fields",
            "its votes are explained where trees cast them",
        )
    shares = np.asarray(model.estimator_weights_[: len(model.estimators_)], dtype=np.float64)
    trees = [
        _votes(part, model.classes_, share)
        for part, share in zip(model.estimators_, shares / model.estimator_weights_.sum(), strict=True)
    ]
    scale: ExplanationScale = "log-odds" if count == _PAIR else "margin"
    outputs = shared(trees, model.n_features_in_, 1 if count == _PAIR else count)
    return ForestExplainer(scale, model.decision_function, outputs)


def _votes(part: Any, classes: Any, share: float) -> Tree:
    """Return the tree of a member with its vote at the leaves: for its label, and less against all others."""
    labels = part.classes_.take(leaves_of(part.tree_).argmax(axis=1))
    chosen = labels[:, None] == np.asarray(classes)
    votes: Numbers = np.where(chosen, share, -share / (len(classes) - 1))
    return read_tree(part.tree_, votes[:, 1:] - votes[:, :1] if len(classes) == _PAIR else votes)


def isolation(model: Any) -> ForestExplainer:
    """Return the explainer of IsolationForest: the mean number of splits that its trees need to isolate a row."""
    trees = [
        read_tree(part.tree_, (lengths + averages - 1.0)[:, None] / len(model.estimators_), columns)
        for part, lengths, averages, columns in zip(
            model.estimators_,
            model._decision_path_lengths,
            model._average_path_length_per_tree,
            model.estimators_features_,
            strict=True,
        )
    ]
    unit = float(_average_path_length([model._max_samples])[0])
    if not unit:
        raise NotExplainable("its trees were grown from single rows, and answer nothing of a row")

    def lengths_of(x: Any) -> Numbers:
        found: Numbers = -np.log2(-model.score_samples(x)) * unit
        return found

    return ForestExplainer("path-length", lengths_of, [(TreeShap(trees, model.n_features_in_), 0)])
