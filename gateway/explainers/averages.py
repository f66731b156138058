"""Explains ensembles that average the answers of their members: bagging and voting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier

from gateway.errors import NotExplainable
from gateway.estimators.wrappers import is_nothing, is_pipeline
from gateway.explainers.forest_trees import SINGLE, leaves_of, read_tree
from gateway.explainers.forests import ForestExplainer, probability_explainer, shared
from gateway.explainers.matrix import matrix_explainer
from gateway.explainers.outputs import Numbers, OutputExplainer
from gateway.explainers.tree_levels import Tree
from gateway.explanation import ExplanationScale

_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Member:
    """
    Hold a member of an ensemble with its weight.

    `columns` are those of the ensemble that it takes (None: all), `classes` the places of its classes among the
    ensemble's.
    """

    explainer: OutputExplainer
    weight: float
    columns: npt.NDArray[np.intp] | None
    classes: tuple[int, ...] = ()


class MeanExplainer:
    """Explain the weighted mean of members that answer on one scale."""

    def __init__(self, scale: ExplanationScale, answer: Callable[[Any], Any], outputs: int, members: Sequence[Member]):
        self.scale = scale
        self.outputs = outputs
        self._answer = answer
        self._members = members

    def margins(self, x: Any) -> Numbers:
        """Return what the ensemble answers, (n, outputs)."""
        found = np.asarray(self._answer(x), dtype=np.float64)
        return found.reshape(len(found), -1)

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the mean of the parts."""
        found, base = np.zeros(x.shape), np.zeros(x.shape[0])
        for member in self._members:
            own = x if member.columns is None else _chosen(x, member.columns)
            parts, start = _of_output(member, own, output, self.outputs)
            base += member.weight * start
            if member.columns is None:
                found += member.weight * parts
            else:
                np.add.at(found.T, member.columns, member.weight * parts.T)
        return found, base


def _of_output(member: Member, x: Any, output: int, outputs: int) -> tuple[Numbers, Numbers]:
    """Return the parts of a member's answer for an output of the ensemble."""
    explainer = member.explainer
    if not member.classes:
        return explainer.contributions(x, 0)
    if outputs == 1:  # of two classes, the second
        output = 1
    if output not in member.classes:
        return np.zeros(x.shape), np.zeros(x.shape[0])
    if explainer.outputs > 1 or len(member.classes) == 1:
        return explainer.contributions(x, member.classes.index(output))
    parts, base = explainer.contributions(x, 0)
    return (parts, base) if member.classes[1] == output else (-parts, 1.0 - base)


def bagging(model: Any) -> OutputExplainer:
    """Return the explainer of a BaggingRegressor or BaggingClassifier; raises NotExplainable."""
    parts = [_bare(part) for part in model.estimators_]
    columns = [np.asarray(chosen, dtype=np.intp) for chosen in model.estimators_features_]
    weights = [1.0 / len(parts)] * len(parts)
    if all(type(part).__name__ in SINGLE for part in parts):
        return _bagged_trees(model, parts, columns)
    if all(np.array_equal(chosen, np.arange(model.n_features_in_)) for chosen in columns):
        columns = [None] * len(parts)  # type: ignore[list-item]
    return _mean(model, parts, weights, columns)


def voting(model: Any) -> OutputExplainer:
    """Return the explainer of a VotingRegressor or of a VotingClassifier that averages; raises NotExplainable."""
    if getattr(model, "voting", "soft") != "soft":
        raise NotExplainable(
            "it counts the labels of its members, which are no sum over fields", "vote with voting='soft'"
        )
    weights = model._weights_not_none
    shares = np.ones(len(model.estimators_)) if weights is None else np.asarray(weights, dtype=np.float64)
    parts = list(model.estimators_)
    return _mean(model, parts, (shares / shares.sum()).tolist(), [None] * len(parts))


def _bare(part: Any) -> Any:
    """Return the model of a pipeline in which all else acts in training only."""
    if is_pipeline(part):
        *front, (_, last) = part.steps
        if all(is_nothing(step) or hasattr(step, "fit_resample") for _, step in front):
            return last
    return part


def _bagged_trees(model: Any, parts: Sequence[Any], columns: Sequence[npt.NDArray[np.intp]]) -> ForestExplainer:
    """Return the explainer of all trees at once."""
    if any(part.n_outputs_ != 1 for part in parts):
        raise NotExplainable("its trees answer several values at once", "train one model for each of them")
    classes = model.classes_ if is_classifier(model) else None
    trees: list[Tree] = []
    for part, chosen in zip(parts, columns, strict=True):
        leaves = leaves_of(part.tree_) / len(parts)
        if classes is not None:
            known = np.zeros((len(leaves), len(classes)))
            known[:, np.asarray(part.classes_, dtype=np.intp)] = leaves
            leaves = known
        trees.append(read_tree(part.tree_, leaves, chosen))
    if classes is None:
        return ForestExplainer("value", model.predict, shared(trees, model.n_features_in_, 1))
    return probability_explainer(model, trees, model.n_features_in_)


def _mean(
    model: Any, parts: Sequence[Any], weights: Sequence[float], columns: Sequence[npt.NDArray[np.intp] | None]
) -> MeanExplainer:
    of_labels = is_classifier(model)
    wanted: ExplanationScale = "probability" if of_labels else "value"
    members = []
    for part, weight, chosen in zip(parts, weights, columns, strict=True):
        explainer = matrix_explainer(part)
        if explainer.scale != wanted:
            raise NotExplainable(
                f"it averages answers of {type(part).__name__}, whose parts add up on another scale: {explainer.scale}",
                "serve one of its members, or average " + ("forests" if of_labels else "models of one scale"),
            )
        classes = tuple(int(place) for place in part.classes_) if of_labels else ()
        members.append(Member(explainer, weight, chosen, classes))
    if not of_labels:
        return MeanExplainer("value", model.predict, 1, members)
    count = len(model.classes_)
    if count == _PAIR:
        return MeanExplainer("probability", lambda x: model.predict_proba(x)[:, 1], 1, members)
    return MeanExplainer("probability", model.predict_proba, count, members)


def _chosen(x: Any, columns: npt.NDArray[np.intp]) -> Any:
    return x.iloc[:, columns] if hasattr(x, "iloc") else x[:, columns]
