"""
Which of several classifiers is served: the rule, and the threshold of the one that it chose.

Sees rows of training only: out-of-fold answers, never those of the test split. Knows no framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import numpy as np
from sklearn.metrics import log_loss, precision_recall_curve, roc_auc_score
from sklearn.model_selection import StratifiedKFold

FOLDS = 5
#: Keeps the logarithm of a probability finite, as scikit-learn does.
_TINY = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """
    Hold one model that was cross-validated: the probability of the positive class of each training row, out of fold.

    `single` is False for an ensemble, whose answers nobody can explain exactly. `refit` fits the model on all training
    rows, if it is chosen.
    """

    name: str
    family: str
    losses: tuple[float, ...]
    auc: float
    probability: Any = field(repr=False)
    single: bool = True
    parameters: dict[str, Any] = field(default_factory=dict)
    refit: Callable[[], Any] = field(repr=False, default=lambda: None)

    @property
    def loss(self) -> float:
        """Return the mean log loss of the folds."""
        return float(np.mean(self.losses))

    @property
    def standard_error(self) -> float:
        """Return the standard error of that mean over the folds."""
        return float(np.std(self.losses, ddof=1) / sqrt(len(self.losses)))


def fold_numbers(truth: Any, seed: int) -> Any:
    """Return the fold of each row: every candidate is validated on the same ones."""
    numbers = np.empty(len(truth), dtype=np.int64)
    splitter = StratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=seed)
    for number, (_, outside) in enumerate(splitter.split(np.zeros(len(truth)), truth)):
        numbers[outside] = number
    return numbers


def splits(folds: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the places of the rows inside and outside of each fold's training."""
    for number in np.unique(folds):
        yield np.flatnonzero(folds != number), np.flatnonzero(folds == number)


def validated(truth: Any, probability: Any, folds: Any) -> tuple[tuple[float, ...], float]:
    """Return the log loss of each fold and the AUC of all out-of-fold answers."""
    kept = np.clip(np.asarray(probability, dtype=np.float64), _TINY, 1 - _TINY)
    losses = tuple(float(log_loss(truth[outside], kept[outside], labels=[0, 1])) for _, outside in splits(folds))
    return losses, float(roc_auc_score(truth, kept))


def choose(candidates: Sequence[Candidate]) -> Candidate:
    """
    Return the candidate that is served: the best single model by mean log loss of the folds.

    An ensemble is chosen only if it beats that model by more than one standard error of that model's loss: a single
    model can be explained exactly. Ties go to the name that sorts first.
    """
    singles = [one for one in candidates if one.single]
    leader = min(singles, key=_order)
    better = [one for one in candidates if not one.single and one.loss < leader.loss - leader.standard_error]
    return min(better, key=_order, default=leader)


def _order(candidate: Candidate) -> tuple[float, str]:
    return candidate.loss, candidate.name


def best_threshold(truth: Any, probability: Any) -> float:
    """
    Return the probability from which the positive class is said: the one of best F1 on out-of-fold answers.

    Rounded to three digits, so that a registry can say it.
    """
    precision, recall, thresholds = precision_recall_curve(truth, probability)
    total = precision[:-1] + recall[:-1]
    f1 = np.divide(2 * precision[:-1] * recall[:-1], total, out=np.zeros_like(total), where=total > 0)
    return round(float(thresholds[np.argmax(f1)]), 3)


def leaderboard(candidates: Sequence[Candidate], chosen: Candidate) -> list[dict[str, Any]]:
    """Return a row per candidate, best loss first."""
    return [
        {
            "model": one.name,
            "family": one.family,
            "kind": "single" if one.single else "ensemble",
            "log_loss": round(one.loss, 5),
            "standard_error": round(one.standard_error, 5),
            "auc": round(one.auc, 4),
            "chosen": one is chosen,
        }
        for one in sorted(candidates, key=_order)
    ]
