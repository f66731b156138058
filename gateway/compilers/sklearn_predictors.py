"""
Lowers scikit-learn's classifiers and regressors to nodes from a feature matrix to values, margins or probabilities.

Runs while preparing. Trees are in sklearn_forests.py, other single models in
sklearn_models.py; votes, calibrations and stacks are here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from gateway.compilers.base import Declined
from gateway.compilers.sklearn_forests import FORESTS, forest_probabilities, forest_values
from gateway.compilers.sklearn_models import SIMPLE, layers, linear, linked
from gateway.compilers.sklearn_steps import as_node, lower_step
from gateway.compilers.xgboost import head_of
from gateway.compilers.xgboost_trees import read_booster
from gateway.estimators.linear_terms import has_log_link
from gateway.estimators.wrappers import is_nothing, unwrap
from gateway.runtimes.nodes import (
    AverageNode,
    BesideNode,
    CalibrateNode,
    ColumnsNode,
    IsotonicCurve,
    Node,
    PipeNode,
    ScaleNode,
    SigmoidCurve,
)
from gateway.runtimes.operations import Operation

_EXP_LINKS = {"PoissonRegressor", "GammaRegressor", "TweedieRegressor"}
_PAIR = 2


def values(model: Any) -> Node:
    """Return the node of a regressor."""
    model = unwrap(model)
    kind = type(model).__name__
    if isinstance(model, Pipeline):
        return _piped(model, values)
    if kind in FORESTS:
        return forest_values(model)
    if kind == "VotingRegressor":
        return _average([values(part) for part in model.estimators_], _weights(model))
    if kind == "BaggingRegressor":
        return _bagged(model, values)
    if kind == "StackingRegressor":
        return _stacked(model, values)
    if kind == "MultiOutputRegressor":
        return BesideNode([values(part) for part in model.estimators_])
    if kind == "TransformedTargetRegressor" and model.transformer is None and model.inverse_func in (np.exp, np.expm1):
        inner = linked(values(model.regressor_), "exp")
        shift = [Operation("subtract", (1.0,))] if model.inverse_func is np.expm1 else []
        return PipeNode(inner, ScaleNode(shift))
    if kind == "MLPRegressor":
        return layers(model)
    if kind in {"XGBRegressor", "XGBRFRegressor"}:
        return head_of(read_booster(model.get_booster()))
    if kind in _EXP_LINKS:
        if not has_log_link(model):
            raise Declined(f"the link of this {kind} is not known to the compiler")
        return linked(linear(model), "exp")
    return linear(model)


def probabilities(model: Any) -> Node:
    """Return the node from features to probabilities, one column per class."""
    model = unwrap(model)
    kind = type(model).__name__
    if isinstance(model, Pipeline):
        return _piped(model, probabilities)
    if kind in FORESTS:
        return forest_probabilities(model)
    found = _CHANCES.get(kind)
    if found is None:
        raise Declined(f"the probabilities of {kind} are not known to the compiler")
    return found(model)


def margins(model: Any) -> Node:
    """Return the node from features to decision values: one column for two classes."""
    model = unwrap(model)
    kind = type(model).__name__
    if isinstance(model, Pipeline):
        return _piped(model, margins)
    if kind in {"SVC", "NuSVC", "GradientBoostingClassifier", "HistGradientBoostingClassifier", "OneVsRestClassifier"}:
        raise Declined(f"the decision values of {kind} are not known to the compiler")
    return linear(model)


def _average(nodes: Sequence[Node], weights: Sequence[float]) -> Node:
    return AverageNode(list(nodes), [float(weight) for weight in weights])


def _weights(model: Any) -> list[float]:
    """Return the weights of the members that were not dropped."""
    found = model._weights_not_none
    return [1.0] * len(model.estimators_) if found is None else list(found)


def _piped(model: Any, lower: Callable[[Any], Node]) -> Node:
    """A pipeline inside an ensemble: every step works on the matrix."""
    node = lower(model.steps[-1][1])
    for _, step in reversed(model.steps[:-1]):
        if not is_nothing(step):
            node = PipeNode(as_node(lower_step(step)), node)
    return node


def _vote(model: Any) -> Node:
    if model.voting != "soft":
        raise Declined("a vote that counts labels")
    return _average([probabilities(part) for part in model.estimators_], _weights(model))


def _calibrated(model: Any) -> Node:
    return _average(
        [_calibration(part) for part in model.calibrated_classifiers_], [1.0] * len(model.calibrated_classifiers_)
    )


def _calibration(part: Any) -> Node:
    model = part.estimator
    if len(getattr(model, "classes_", ())) != len(part.classes):
        raise Declined("a calibration of a model that saw fewer classes")
    if hasattr(model, "decision_function"):
        inner = margins(model)
    else:
        inner = probabilities(model)
        if len(part.classes) == _PAIR:
            inner = _second(inner)
    return PipeNode(inner, CalibrateNode([_curve(calibrator) for calibrator in part.calibrators]))


def _second(node: Node) -> Node:
    """Return the node of the second of two probabilities."""
    return PipeNode(node, ColumnsNode([1]))


def _curve(calibrator: Any) -> SigmoidCurve | IsotonicCurve:
    kind = type(calibrator).__name__
    if kind == "_SigmoidCalibration":
        return SigmoidCurve(float(calibrator.a_), float(calibrator.b_))
    if kind == "IsotonicRegression":
        at, to = np.asarray(calibrator.X_thresholds_, np.float64), np.asarray(calibrator.y_thresholds_, np.float64)
        return IsotonicCurve(at, to)
    raise Declined(f"the calibration {kind} is not known to the compiler")


def _bagged(model: Any, lower: Callable[[Any], Node]) -> Node:
    nodes = []
    for part, chosen in zip(model.estimators_, model.estimators_features_, strict=True):
        nodes.append(PipeNode(ColumnsNode([int(i) for i in chosen]), lower(part)))
    return _average(nodes, [1.0] * len(nodes))


def _bagged_probabilities(model: Any) -> Node:
    if any(len(part.classes_) != len(model.classes_) for part in model.estimators_):
        raise Declined("a member that saw fewer classes")
    return _bagged(model, probabilities)


def _stacked(model: Any, lower: Callable[[Any], Node]) -> Node:
    parts = [_member(part, how) for part, how in zip(model.estimators_, model.stack_method_, strict=True)]
    if model.passthrough:
        parts.append(ScaleNode())
    return PipeNode(BesideNode(parts), lower(model.final_estimator_))


def _member(part: Any, how: str) -> Node:
    if how == "predict_proba":
        node = probabilities(part)
        return _second(node) if len(part.classes_) == _PAIR else node
    if how == "decision_function":
        return margins(part)
    if hasattr(part, "classes_"):
        raise Declined("a stack of labels")
    return values(part)


def _one_against_rest(model: Any) -> Node:
    if model.multilabel_:
        raise Declined("one model per label")
    parts = [_second(probabilities(part)) for part in model.estimators_]
    if len(parts) == 1:
        return linked(parts[0], "pair")
    return linked(BesideNode(parts), "normalized")


def _boosted(model: Any) -> Node:
    booster = read_booster(model.get_booster())
    if booster.objective == "binary:logistic":
        booster.links.append("pair")
    elif booster.objective != "multi:softprob":
        raise Declined(f"the probabilities of the objective {booster.objective} are not known to the compiler")
    return head_of(booster)


_CHANCES: dict[str, Callable[[Any], Node]] = {
    **SIMPLE,
    "VotingClassifier": _vote,
    "CalibratedClassifierCV": _calibrated,
    "BaggingClassifier": _bagged_probabilities,
    "StackingClassifier": lambda model: _stacked(model, probabilities),
    "OneVsRestClassifier": _one_against_rest,
    "XGBClassifier": _boosted,
    "XGBRFClassifier": _boosted,
}
