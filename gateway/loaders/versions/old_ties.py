"""How earlier versions answered where two classes are equal, on scikit-learn's own classes."""

from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.multiclass import OneVsRestClassifier


class FirstOfEqualBoosting(GradientBoostingClassifier):  # type: ignore[misc]
    """Answer the first of equal probabilities, as until 1.3; since then a score of 0 means the second class."""

    def predict(self, X: Any) -> Any:
        """Return the class of the highest probability."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


class OneVsRestLastOfEqual(OneVsRestClassifier):  # type: ignore[misc]
    """Answer the last of the classes whose members say the same, as until 1.7."""

    def predict(self, X: Any) -> Any:
        """Return the class whose member is surest."""
        scores = np.column_stack([_scores(member, X) for member in self.estimators_])
        return self.classes_[scores.shape[1] - 1 - np.argmax(scores[:, ::-1], axis=1)]


def _scores(member: Any, X: Any) -> Any:
    """Return what a member says for its class, as OneVsRestClassifier asks it."""
    try:
        return np.ravel(member.decision_function(X))
    except (AttributeError, NotImplementedError):
        return member.predict_proba(X)[:, 1]
