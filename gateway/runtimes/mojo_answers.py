"""
Sums -> answers, as H2O makes them: links, metalearners, thresholds. One row in plain numbers, many in arrays.

Both ways answer alike to the last bit: the same operations in the same order, and exp and log are numpy's in both,
which differ from Python's by a bit here and there. Imports numpy only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.runtimes.answering import expit, normalized, softmax
from gateway.schema import Predictions

Numbers: TypeAlias = npt.NDArray[np.float64]
MojoLinkName: TypeAlias = Literal["identity", "expit", "exp", "inverse", "complement", "softmax", "normalized"]


class Member(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Make the answers of one model: of the sums `at`, divided by `divide`, from `start` on, through `link`."""

    at: list[int]
    start: float
    divide: float
    link: MojoLinkName


class Metalearner(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Weigh the answers of all members, or their `logit`; `weights` are (answers, sums)."""

    weights: Numbers
    intercepts: Numbers
    link: MojoLinkName
    logit: bool


class MojoAnswerForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Say what final scores mean: the label of two classes is decided by `threshold`."""

    kind: Literal["classification", "regression"]
    threshold: float


#: H2O keeps probabilities this far from 0 and 1 before it takes their logit, and the logit above -19 (measured).
_LEAST_PROBABILITY, _LEAST_LOGIT = 1e-9, -19.0
#: H2O's threshold is the probability of some training row. Another order of sums must not push that row below it, so
#: that a probability this close to the threshold is the threshold.
_SNAP = 1e-13


class MojoAnswer:
    """Make answers of sums: those of each model, and of a metalearner above them."""

    def __init__(self, members: Sequence[Member], stack: Metalearner | None, form: MojoAnswerForm) -> None:
        self._members = members
        self._plans = [(member.at, member.start, member.divide, _ONE[member.link]) for member in members]
        self._stack = None if stack is None else _Stack(stack)
        self._is_class = form.kind == "classification"
        self._threshold = form.threshold

    def many(self, sums: Numbers) -> Predictions:
        """Return the answers to sums (rows, sums)."""
        with np.errstate(all="ignore"):
            found = [_MANY[member.link](sums[:, member.at] / member.divide + member.start) for member in self._members]
            scores = found[0] if self._stack is None else self._stack.many(np.hstack(found))
        if not self._is_class:
            return Predictions(scores[:, 0].copy())
        if scores.shape[1] > 1:
            return Predictions(scores.argmax(axis=1), scores)
        probability = scores[:, 0]
        probability = np.where(np.abs(probability - self._threshold) <= _SNAP, self._threshold, probability)
        return Predictions(
            (probability >= self._threshold).astype(np.int64), np.column_stack([1.0 - probability, probability])
        )

    def one(self, sums: list[float]) -> Predictions:
        """Return the answer to the sums of one row, at a third of the time that arrays take."""
        found: list[float] = []
        for at, start, divide, link in self._plans:
            found += link([sums[number] / divide + start for number in at])
        if self._stack is not None:
            found = self._stack.one(found)
        if not self._is_class:
            return Predictions(np.array(found[:1]))
        if len(found) > 1:
            scores = np.array([found])
            return Predictions(scores.argmax(axis=1), scores)
        probability = found[0]
        if abs(probability - self._threshold) <= _SNAP:
            probability = self._threshold
        return Predictions(
            np.array([int(probability >= self._threshold)]), np.array([[1.0 - probability, probability]])
        )


class _Stack:
    """Run a metalearner."""

    def __init__(self, stack: Metalearner) -> None:
        self._stack = stack
        self._weights: list[list[float]] = stack.weights.T.tolist()
        self._intercepts: list[float] = stack.intercepts.tolist()

    def many(self, answers: Numbers) -> Numbers:
        if self._stack.logit:
            probabilities = np.clip(answers, _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
            answers = np.maximum(np.log(probabilities / (1.0 - probabilities)), _LEAST_LOGIT)
        # Not a matrix product: the order of its sums depends on the number of rows.
        total = np.tile(self._stack.intercepts, (len(answers), 1))
        for at, weights in enumerate(self._stack.weights):
            total += weights * answers[:, at : at + 1]
        return _MANY[self._stack.link](total)

    def one(self, answers: list[float]) -> list[float]:
        if self._stack.logit:
            answers = [_logit(answer) for answer in answers]
        totals = []
        for total, weights in zip(self._intercepts, self._weights, strict=True):
            for weight, answer in zip(weights, answers, strict=True):
                total += weight * answer  # noqa: PLW2901 - a running sum
            totals.append(total)
        return _ONE[self._stack.link](totals)


def _logit(probability: float) -> float:
    probability = min(max(probability, _LEAST_PROBABILITY), 1.0 - _LEAST_PROBABILITY)
    return max(float(np.log(probability / (1.0 - probability))), _LEAST_LOGIT)


def _expit_one(score: float) -> float:
    small = float(np.exp(-abs(score)))
    return (1.0 if score >= 0 else small) / (1.0 + small)


def _exp_one(score: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.exp(score))


#: From here on numpy sums a row in several parts, and so has to do it for one row as well.
_SUMMED_IN_PARTS = 8


def _sum(scores: list[float]) -> float:
    total = 0.0
    for score in scores:  # not sum(), which since Python 3.12 carries the rounding errors along
        total += score
    return total


def _softmax_one(scores: list[float]) -> list[float]:
    if len(scores) >= _SUMMED_IN_PARTS:
        return list(softmax(np.array([scores]))[0].tolist())
    most = max(scores)
    found: list[float] = np.exp([score - most for score in scores]).tolist()
    total = _sum(found)
    return [one / total for one in found]


def _normalized_one(scores: list[float]) -> list[float]:
    total = _sum(scores) if len(scores) < _SUMMED_IN_PARTS else 0.0
    if total == 0.0:
        return list(normalized(np.array([scores]))[0].tolist())
    return [one / total for one in scores]


#: H2O keeps the argument of 1 / x away from zero.
_LEAST = 1e-5


def _inverse(scores: Numbers) -> Numbers:
    return np.asarray(1.0 / np.where(scores < 0, np.fmin(-_LEAST, scores), np.fmax(_LEAST, scores)))


def _inverse_one(score: float) -> float:
    return 1.0 / (min(-_LEAST, score) if score < 0 else max(_LEAST, score))


_MANY: Mapping[MojoLinkName, Callable[[Numbers], Numbers]] = {
    "identity": lambda scores: scores,
    "expit": expit,
    "exp": np.exp,
    "inverse": _inverse,
    "complement": lambda scores: 1.0 - scores,
    "softmax": softmax,
    "normalized": normalized,
}
_ONE: Mapping[MojoLinkName, Callable[[list[float]], list[float]]] = {
    "identity": lambda scores: scores,
    "expit": lambda scores: [_expit_one(scores[0])],
    "exp": lambda scores: [_exp_one(scores[0])],
    "inverse": lambda scores: [_inverse_one(scores[0])],
    "complement": lambda scores: [1.0 - scores[0]],
    "softmax": _softmax_one,
    "normalized": _normalized_one,
}
