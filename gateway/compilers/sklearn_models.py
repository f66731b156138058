"""
Lowers scikit-learn's linear models, naive Bayes and networks to nodes over a feature matrix.

Runs while preparing. SIMPLE holds the probabilities of classifiers that contain no other estimator.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gateway.compilers.base import Declined
from gateway.runtimes.answering import LinkName
from gateway.runtimes.nodes import GaussianNode, LayersNode, LinearNode, LinkNode, Node, PipeNode, ScaleNode
from gateway.runtimes.operations import Operation

_LINEAR_MODULES = ("sklearn.linear_model.", "sklearn.svm._classes", "sklearn.discriminant_analysis")
_PAIR = 2


def linear(model: Any) -> LinearNode:
    """Any model whose answer is X @ coef_ + intercept_: known by where it is defined."""
    module = type(model).__module__
    if not module.startswith(_LINEAR_MODULES) or not hasattr(model, "coef_") or hasattr(model, "support_vectors_"):
        raise Declined(f"{type(model).__name__} is not known to the compiler")
    weights = np.atleast_2d(np.asarray(_dense(model.coef_), dtype=np.float64)).T
    if "discriminant" in module and len(model.classes_) == _PAIR and weights.shape[1] == _PAIR:
        raise Declined("two columns for two classes")
    return LinearNode(weights, _intercept(model.intercept_, weights.shape[1]))


def _dense(found: Any) -> Any:
    return found.toarray() if hasattr(found, "toarray") else found


def _intercept(found: Any, width: int) -> Any:
    return np.broadcast_to(np.asarray(found, dtype=np.float64).reshape(-1), (width,)).copy()


def linked(node: Node, *names: LinkName) -> Node:
    return LinkNode(node, list(names)) if names else node


def _logistic(model: Any) -> Node:
    return linked(linear(model), "pair-of-scores" if len(model.classes_) == _PAIR else "softmax")


def _sgd(model: Any) -> Node:
    is_pair = len(model.classes_) == _PAIR
    if model.loss == "log_loss":
        return linked(linear(model), "pair-of-scores") if is_pair else linked(linear(model), "expit", "normalized")
    if model.loss == "modified_huber":
        return linked(linear(model), "huber", "pair" if is_pair else "normalized")
    raise Declined(f"SGDClassifier with the loss {model.loss} has no probabilities")


def _naive_bayes(model: Any) -> Node:
    weights, shift = model.feature_log_prob_.T, model.class_log_prior_
    if type(model).__name__ == "ComplementNB":
        shift = shift if len(model.classes_) == 1 else np.zeros(len(model.classes_))
    return linked(LinearNode(weights.copy(), np.array(shift)), "softmax")


def _bernoulli(model: Any) -> Node:
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    weights = (model.feature_log_prob_ - absent).T.copy()
    shift = model.class_log_prior_ + absent.sum(axis=1)
    node = linked(LinearNode(weights, shift), "softmax")
    if model.binarize is None:
        return node
    return PipeNode(ScaleNode([Operation("above", (float(model.binarize),))]), node)


def _gaussian(model: Any) -> Node:
    prior = np.log(model.class_prior_) - 0.5 * np.sum(np.log(2.0 * np.pi * model.var_), axis=1)
    return linked(GaussianNode(model.theta_, model.var_, prior), "softmax")


def layers(model: Any) -> Node:
    if model.activation not in {"relu", "tanh", "logistic", "identity"}:
        raise Declined(f"the activation {model.activation} is not known to the compiler")
    weights, intercepts = map(np.asarray, model.coefs_), map(np.asarray, model.intercepts_)
    return LayersNode(list(weights), list(intercepts), model.activation)


def _network(model: Any) -> Node:
    if model.out_activation_ == "softmax":
        return linked(layers(model), "softmax")
    if model.out_activation_ == "logistic" and len(model.classes_) == _PAIR:
        return linked(layers(model), "pair-of-scores")
    raise Declined("a network for several labels")


SIMPLE: dict[str, Callable[[Any], Node]] = {
    "LogisticRegression": _logistic,
    "LogisticRegressionCV": _logistic,
    "LinearDiscriminantAnalysis": _logistic,
    "SGDClassifier": _sgd,
    "MultinomialNB": _naive_bayes,
    "ComplementNB": _naive_bayes,
    "BernoulliNB": _bernoulli,
    "GaussianNB": _gaussian,
    "MLPClassifier": _network,
}
