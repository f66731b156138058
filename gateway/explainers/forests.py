"""
Explains scikit-learn's trees and sums of trees by exact path-dependent TreeSHAP.

Parts add up on the scale on which the model itself adds up its trees: values, probabilities, raw scores, path lengths.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from sklearn.base import is_classifier

from gateway.errors import NotExplainable
from gateway.explainers.forest_trees import SINGLE, histogram_rows, histogram_trees, leaves_of, read_tree
from gateway.explainers.matrix import matrix_explainer
from gateway.explainers.outputs import Numbers, OutputExplainer
from gateway.explainers.tree_levels import Tree
from gateway.explainers.tree_shap import TreeShap
from gateway.explanation import ExplanationScale

_PAIR: Final = 2

#: Turns what reaches a model into the numbers that its trees compare.
Reader = Callable[[Any], Numbers]


def rounded(x: Any) -> Numbers:
    """Return the values that sklearn.tree compares: rounded to float32."""
    dense = x.toarray() if hasattr(x, "toarray") else x
    return np.asarray(dense, dtype=np.float32).astype(np.float64)


class ForestExplainer:
    """
    Explain sums of trees, and the model that they start from where it is none that is always the same.

    `outputs` has for each output its trees and the place of the output among the values of their leaves.
    """

    def __init__(
        self,
        scale: ExplanationScale,
        answer: Callable[[Any], Any],
        outputs: Sequence[tuple[TreeShap, int]],
        *,
        start: Numbers | float = 0.0,
        read: Reader = rounded,
        initial: OutputExplainer | None = None,
    ) -> None:
        self.scale = scale
        self.outputs = len(outputs)
        self._answer = answer
        self._forests = outputs
        self._start = np.broadcast_to(start, len(outputs))
        self._read = read
        self._initial = initial

    def margins(self, x: Any) -> Numbers:
        """Return what the model answers, (n, outputs)."""
        found = np.asarray(self._answer(x), dtype=np.float64)
        return found.reshape(len(found), -1)

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the parts of the columns and the mean over the training rows of every tree."""
        rows = self._read(x)
        forest, place = self._forests[output]
        found = forest.contributions(rows, place)
        base = np.full(len(rows), forest.base[place] + self._start[output])
        if self._initial is None:
            return found, base
        more, more_base = self._initial.contributions(rows.astype(np.float32), output)
        return found + more, base + more_base


def shared(trees: Sequence[Tree], width: int, outputs: int) -> list[tuple[TreeShap, int]]:
    """Return the outputs of trees of which each leaf has a value for every output."""
    forest = TreeShap(trees, width)
    return [(forest, place) for place in range(outputs)]


def forest(model: Any) -> ForestExplainer:
    """Return the explainer of a tree, or of a forest that averages its trees: values, or probabilities."""
    parts = [model] if type(model).__name__ in SINGLE else list(model.estimators_)
    if model.n_outputs_ != 1:
        raise NotExplainable("its trees answer several values at once", "train one model for each of them")
    width = model.n_features_in_
    if not is_classifier(model):
        trees = [read_tree(part.tree_, leaves_of(part.tree_) / len(parts)) for part in parts]
        return ForestExplainer("value", model.predict, shared(trees, width, 1))
    return probability_explainer(
        model, [read_tree(part.tree_, leaves_of(part.tree_) / len(parts)) for part in parts], width
    )


def probability_explainer(model: Any, trees: Sequence[Tree], width: int) -> ForestExplainer:
    """Return the explainer of a classifier whose probabilities are sums of leaves, one for each class."""
    count = len(model.classes_)
    if count != _PAIR:
        return ForestExplainer("probability", model.predict_proba, shared(trees, width, count))
    forest_of_second = [(TreeShap(trees, width), 1)]
    return ForestExplainer("probability", lambda x: model.predict_proba(x)[:, 1], forest_of_second)


def boosting(model: Any) -> ForestExplainer:
    """Return the explainer of GradientBoosting: log-odds of two classes, raw scores of more, or the value."""
    count = model.n_trees_per_iteration_
    width = model.n_features_in_
    # The exponential loss answers the sigmoid of twice its sum.
    factor = 2.0 if type(model._loss).__name__ == "ExponentialLoss" else 1.0
    outputs = [
        (TreeShap([_stage(part, factor * model.learning_rate) for part in model.estimators_[:, place]], width), 0)
        for place in range(count)
    ]
    initial, start = _initial(model)
    if not is_classifier(model):
        return ForestExplainer("value", model.predict, outputs, start=start, initial=initial)
    scale: ExplanationScale = "log-odds" if count == 1 else "margin"
    return ForestExplainer(
        scale, lambda x: factor * model.decision_function(x), outputs, start=factor * start, initial=initial
    )


def _stage(part: Any, rate: float) -> Tree:
    return read_tree(part.tree_, leaves_of(part.tree_) * rate)


def _initial(model: Any) -> tuple[OutputExplainer | None, Numbers]:
    """Return the explainer of the model that boosting starts from, or what it always answers; raises NotExplainable."""
    if type(model.init_).__name__ in {"DummyClassifier", "DummyRegressor", "str"}:
        row = np.zeros((1, model.n_features_in_), dtype=np.float32)
        return None, np.asarray(model._raw_predict_init(row), dtype=np.float64)[0]
    if is_classifier(model):
        raise NotExplainable(
            f"it starts from the probabilities of {type(model.init_).__name__}, which it clips",
            "train it without `init`",
        )
    found = matrix_explainer(model.init_)
    if found.scale != "value":
        raise NotExplainable(
            f"it starts from {type(model.init_).__name__}, whose parts add up on another scale: {found.scale}",
            "train it without `init`",
        )
    return found, np.zeros(1)


def histogram(model: Any) -> ForestExplainer:
    """Return the explainer of HistGradientBoosting: log-odds of two classes, raw scores of more, value or its log."""
    count = model.n_trees_per_iteration_
    outputs = [(TreeShap(list(histogram_trees(model, place)), model.n_features_in_), 0) for place in range(count)]

    def read(x: Any) -> Numbers:
        return histogram_rows(model, x)

    start = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)
    scale: ExplanationScale = "log-odds" if count == 1 else "margin"
    if not is_classifier(model):
        link = type(model._loss.link).__name__
        if link not in _LINKS:
            raise NotExplainable(f"the link {link} of its loss is not known", "train it with another loss")
        scale = _LINKS[link]
    return ForestExplainer(scale, model._raw_predict, outputs, start=start, read=read)


_LINKS: Final[dict[str, ExplanationScale]] = {"IdentityLink": "value", "LogLink": "log"}
