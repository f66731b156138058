"""Formulas of earlier versions that the installed scikit-learn does not have any more, on its own classes."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn._loss.link import MultinomialLogit
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.neighbors import NearestCentroid

_PAIR = 2


class LogProbabilities(MultinomialLogit):  # type: ignore[misc]
    """Begin gradient boosting of many classes at their log probabilities, not centred, as until 1.3."""

    def link(self, y_pred: Any, out: Any = None) -> npt.NDArray[np.float64]:
        """Return the scores of probabilities."""
        found: npt.NDArray[np.float64] = np.log(y_pred, out=out)
        return found


class OneVsRestLogistic(LogisticRegression):  # type: ignore[misc]
    """Tell many classes apart one by one, as `multi_class="ovr"` did until 1.7."""

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the normalised logistic functions."""
        found: npt.NDArray[np.float64] = self._predict_proba_lr(X)
        return found


class OneVsRestLogisticCV(LogisticRegressionCV):  # type: ignore[misc]
    """Tell many classes apart one by one, as `multi_class="ovr"` did until 1.7."""

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the normalised logistic functions."""
        found: npt.NDArray[np.float64] = self._predict_proba_lr(X)
        return found


class OneVsRestDiscriminant(LinearDiscriminantAnalysis):  # type: ignore[misc]
    """Tell many classes apart one by one, as 0.20 did."""

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the normalised logistic functions."""
        found: npt.NDArray[np.float64] = self._predict_proba_lr(X)
        return found


class RealAdaBoost(AdaBoostClassifier):  # type: ignore[misc]
    """Boost by the members' probabilities, as `algorithm="SAMME.R"` did until 1.5 (Zhu et al. 2009, algorithm 4)."""

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the mean of the members' scores, one column for two classes."""
        found: npt.NDArray[np.float64] = self._total(self._check_X(X)) / self.estimator_weights_.sum()
        if self.n_classes_ == _PAIR:
            found[:, 0] *= -1
            found = found.sum(axis=1)
        return found

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the softmax of the scores, divided by one less than the number of classes."""
        found = self.decision_function(X)
        found = np.vstack([-found, found]).T / 2 if self.n_classes_ == _PAIR else found / (self.n_classes_ - 1)
        answer: npt.NDArray[np.float64] = softmax(found, axis=1)
        return answer

    def _total(self, X: Any) -> Any:
        total: Any = sum(self._scores(member.predict_proba(X)) for member in self.estimators_)
        return total

    def _scores(self, chances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        logarithm = np.log(np.clip(chances, np.finfo(chances.dtype).eps, None))
        mean = (1.0 / self.n_classes_) * logarithm.sum(axis=1)[:, np.newaxis]
        scores: npt.NDArray[np.float64] = (self.n_classes_ - 1) * (logarithm - mean)
        return scores


class DiscreteAdaBoost(RealAdaBoost):
    """Count the members' votes by their weights, as `algorithm="SAMME"` did until 1.2: a vote against is 0."""

    def _total(self, X: Any) -> Any:
        classes = self.classes_[:, np.newaxis]
        members = zip(self.estimators_, self.estimator_weights_, strict=False)
        total: Any = sum((member.predict(X) == classes).T * weight for member, weight in members)
        return total


class MeanAdaBoost(DiscreteAdaBoost):
    """Weigh the members' probabilities for the probabilities, as `algorithm="SAMME"` did until 0.21."""

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the softmax of the weighted mean, divided by one less than the number of classes."""
        members = zip(self.estimators_, self.estimator_weights_, strict=False)
        total = sum(member.predict_proba(X) * weight for member, weight in members)
        mean = total / self.estimator_weights_.sum()
        answer: npt.NDArray[np.float64] = softmax(mean / (self.n_classes_ - 1), axis=1)
        return answer


class LabelsOnlyCentroid(NearestCentroid):  # type: ignore[misc]
    """Answer labels alone, as until 1.5: what probabilities are made of was not kept."""

    @property
    def predict_proba(self) -> Any:
        """Raise AttributeError: there are none."""
        raise AttributeError("predict_proba")

    @property
    def decision_function(self) -> Any:
        """Raise AttributeError: there is none."""
        raise AttributeError("decision_function")
