"""
Weights of scikit-learn's linear models and of those that are linear in counts or presence (naive Bayes).

A score is X @ weights + intercept; there is one for a value or for the second of two classes, else one for each class.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_LINEAR_MODULES: Final = ("sklearn.linear_model.", "sklearn.svm._classes", "sklearn.discriminant_analysis")

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LinearTerms:
    """Hold weights (columns, scores) and intercept (scores)."""

    weights: Numbers
    intercept: Numbers


def linear_terms(model: Any) -> LinearTerms | None:
    """Return the terms of any model that answers X @ coef_ + intercept_; None of others. Known by its module."""
    module = type(model).__module__
    if not module.startswith(_LINEAR_MODULES) or not hasattr(model, "coef_") or hasattr(model, "support_vectors_"):
        return None
    weights = np.atleast_2d(np.asarray(_dense(model.coef_), dtype=np.float64)).T
    intercept = np.asarray(model.intercept_, dtype=np.float64).reshape(-1)
    return LinearTerms(weights, np.broadcast_to(intercept, (weights.shape[1],)).copy())


def has_log_link(model: Any) -> bool:
    """Say whether the model answers the exponential of its score: a fitted generalized linear model."""
    return type(getattr(getattr(model, "_base_loss", None), "link", None)).__name__ == "LogLink"


def count_terms(model: Any) -> LinearTerms:
    """Return the joint log-likelihoods of MultinomialNB and ComplementNB: linear in the counts."""
    shift = np.array(model.class_log_prior_, dtype=np.float64)
    if type(model).__name__ == "ComplementNB" and len(model.classes_) > 1:
        shift = np.zeros(len(model.classes_))
    return LinearTerms(model.feature_log_prob_.T.copy(), shift)


def presence_terms(model: Any) -> LinearTerms:
    """Return the joint log-likelihoods of BernoulliNB: linear in what is present, 1 or 0."""
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    weights = (model.feature_log_prob_ - absent).T.copy()
    return LinearTerms(weights, model.class_log_prior_ + absent.sum(axis=1))


def _dense(found: Any) -> Any:
    return found.toarray() if hasattr(found, "toarray") else found
