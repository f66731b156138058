"""
Lowers scikit-learn's linear models, naive Bayes and networks to nodes over a feature matrix.

Runs while preparing. SIMPLE holds the probabilities of classifiers that contain no other estimator.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gateway.compilers.base import Declined
from gateway.estimators.linear_terms import count_terms, linear_terms, presence_terms
from gateway.runtimes.answering import LinkName
from gateway.runtimes.nodes import GaussianNode, LayersNode, LinearNode, LinkNode, Node, PipeNode, ScaleNode
from gateway.runtimes.operations import Operation

_PAIR = 2


def linear(model: Any) -> LinearNode:
    """Any model whose answer is X @ coef_ + intercept_."""
    terms = linear_terms(model)
    if terms is None:
        raise Declined(f"{type(model).__name__} is not known to the compiler")
    is_discriminant = "discriminant" in type(model).__module__
    if is_discriminant and len(model.classes_) == _PAIR and terms.weights.shape[1] == _PAIR:
        raise Declined("two columns for two classes")
    return LinearNode(terms.weights, terms.intercept)


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
    terms = count_terms(model)
    return linked(LinearNode(terms.weights, terms.intercept), "softmax")


def _bernoulli(model: Any) -> Node:
    terms = presence_terms(model)
    node = linked(LinearNode(terms.weights, terms.intercept), "softmax")
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
