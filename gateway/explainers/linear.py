"""
Explains linear and additive models of scikit-learn by their own terms.

A term is coefficient x value, of the columns that reach the model; the base value is the intercept. The reference is
thus where every column is zero: the mean of training behind a StandardScaler, no level of a one-hot encoder, a text
without a known word. Naive Bayes has a term of its own for each column, relative to the prior.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gateway.errors import NotExplainable
from gateway.estimators.linear_terms import LinearTerms, count_terms, has_log_link, linear_terms, presence_terms
from gateway.explainers.outputs import Numbers, OutputExplainer
from gateway.explanation import ExplanationScale

_PAIR: Final = 2

#: Classifiers whose score of two classes is the logarithm of their odds.
_LOG_ODDS: Final = {"LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis"}


class TermsExplainer:
    """Explain scores X @ weights + intercept; `ask` is the model's own answer on the scale, (n,) or (n, outputs)."""

    def __init__(self, terms: LinearTerms, scale: ExplanationScale, ask: Callable[[Any], Any]) -> None:
        self._terms = terms
        self._ask = ask
        self.scale = scale
        self.outputs = terms.weights.shape[1]

    def margins(self, x: Any) -> Numbers:
        """Return what the model itself answers."""
        return np.asarray(self._ask(x), dtype=np.float64).reshape(-1, self.outputs)

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the terms of one score."""
        weights = self._terms.weights[:, output]
        # A frame has `multiply` too, which a sparse matrix is told from by `toarray`.
        found = x.multiply(weights).toarray() if hasattr(x, "toarray") else np.asarray(x, dtype=np.float64) * weights
        return np.asarray(found, dtype=np.float64), np.full(x.shape[0], self._terms.intercept[output])


def explainer(model: Any) -> TermsExplainer:
    """Return the explainer of any model that answers X @ coef_ + intercept_, or its exponential."""
    terms = _of_kernel(model) if hasattr(model, "support_vectors_") else linear_terms(model)
    if terms is None:
        raise NotExplainable(f"{type(model).__name__} is not known as a linear model")
    if not hasattr(model, "classes_"):
        if has_log_link(model):
            return TermsExplainer(terms, "log", lambda x: np.log(model.predict(x)))
        return TermsExplainer(terms, "value", model.predict)
    if len(model.classes_) == _PAIR and terms.weights.shape[1] == _PAIR:
        return TermsExplainer(_difference(terms), "log-odds", lambda x: _difference_of(model.decision_function(x)))
    is_log_odds = type(model).__name__ in _LOG_ODDS or getattr(model, "loss", None) == "log_loss"
    is_pair = terms.weights.shape[1] == 1
    return TermsExplainer(terms, "log-odds" if is_log_odds and is_pair else "margin", model.decision_function)


def _of_kernel(model: Any) -> LinearTerms:
    kind = type(model).__name__
    if model.kernel != "linear":
        raise NotExplainable(
            f"the kernel '{model.kernel}' of its {kind} mixes all fields",
            f"{kind}(kernel='linear'), a linear model or trees are explained",
        )
    if len(getattr(model, "classes_", ())) > _PAIR:
        raise NotExplainable(f"its {kind} lets pairs of classes vote", "LinearSVC has one score for each class")
    weights = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
    return LinearTerms(np.asarray(weights, np.float64).T, np.asarray(model.intercept_, np.float64))


def naive_bayes(model: Any) -> TermsExplainer:
    """Return the explainer of MultinomialNB, ComplementNB or BernoulliNB."""
    is_presence = type(model).__name__ == "BernoulliNB"
    terms = presence_terms(model) if is_presence else count_terms(model)
    is_pair = len(model.classes_) == _PAIR

    def ask(x: Any) -> Any:
        scores = model.predict_joint_log_proba(x)
        return _difference_of(scores) if is_pair else scores

    found = TermsExplainer(_difference(terms) if is_pair else terms, "log-odds" if is_pair else "margin", ask)
    return _PresenceExplainer(found, model.binarize) if is_presence and model.binarize is not None else found


class _PresenceExplainer(TermsExplainer):
    """Explain the terms of what is above a threshold."""

    def __init__(self, of: TermsExplainer, threshold: float) -> None:
        super().__init__(of._terms, of.scale, of._ask)
        self._threshold = threshold

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the terms of what is present."""
        dense = x.toarray() if hasattr(x, "toarray") else np.asarray(x, dtype=np.float64)
        return super().contributions((dense > self._threshold).astype(np.float64), output)


class ColumnTermsExplainer:
    """Explain naive Bayes whose columns each have a logarithm of likelihood: GaussianNB and CategoricalNB."""

    def __init__(self, model: Any, terms: Callable[[Any], npt.NDArray[np.float64]], prior: Numbers) -> None:
        self._model = model
        #: rows -> (n, columns, classes)
        self._terms = terms
        self._prior = prior
        self._is_pair = len(prior) == _PAIR
        self.scale: ExplanationScale = "log-odds" if self._is_pair else "margin"
        self.outputs = 1 if self._is_pair else len(prior)

    def margins(self, x: Any) -> Numbers:
        """Return the joint log-likelihoods, of two classes their difference."""
        found = np.asarray(self._model.predict_joint_log_proba(x), dtype=np.float64)
        return _difference_of(found).reshape(-1, 1) if self._is_pair else found

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the log-likelihood of each column, of two classes the difference."""
        terms = self._terms(np.asarray(x))
        if self._is_pair:
            return terms[:, :, 1] - terms[:, :, 0], np.full(len(terms), self._prior[1] - self._prior[0])
        return terms[:, :, output], np.full(len(terms), self._prior[output])


def gaussian(model: Any) -> ColumnTermsExplainer:
    """Return the explainer of GaussianNB."""

    def terms(x: Any) -> Numbers:
        apart = x.astype(np.float64)[:, :, None] - model.theta_.T[None]
        found: Numbers = -0.5 * (np.log(2.0 * np.pi * model.var_.T)[None] + apart**2 / model.var_.T[None])
        return found

    return ColumnTermsExplainer(model, terms, np.log(model.class_prior_))


def categorical(model: Any) -> ColumnTermsExplainer:
    """Return the explainer of CategoricalNB."""

    def terms(x: Any) -> Numbers:
        codes = x.astype(np.int64)
        return np.stack([found[:, codes[:, i]].T for i, found in enumerate(model.feature_log_prob_)], axis=1)

    return ColumnTermsExplainer(model, terms, np.asarray(model.class_log_prior_))


class RestExplainer:
    """Explain OneVsRestClassifier: the score of each class is that of its own model."""

    def __init__(self, parts: Sequence[OutputExplainer]) -> None:
        self._parts = parts
        self.outputs = len(parts)
        self.scale: ExplanationScale = parts[0].scale if len(parts) == 1 else "margin"

    def margins(self, x: Any) -> Numbers:
        """Return the scores of all models side by side."""
        return np.hstack([part.margins(x) for part in self._parts])

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the parts of one model's score."""
        return self._parts[output].contributions(x, 0)


def one_against_rest(model: Any, explainer_of: Callable[[Any], OutputExplainer]) -> RestExplainer:
    """Return the explainer of OneVsRestClassifier; raises NotExplainable where a model has no single score."""
    parts = [explainer_of(part) for part in model.estimators_]
    if any(part.outputs != 1 or part.scale == "probability" for part in parts):
        raise NotExplainable("its models answer probabilities, which OneVsRestClassifier divides by their sum")
    return RestExplainer(parts)


def _difference(terms: LinearTerms) -> LinearTerms:
    """Return the terms of the second score less the first."""
    return LinearTerms(terms.weights[:, 1:] - terms.weights[:, :1], terms.intercept[1:] - terms.intercept[:1])


def _difference_of(scores: Any) -> Numbers:
    found: Numbers = np.asarray(scores, dtype=np.float64)
    return found[:, 1] - found[:, 0]
