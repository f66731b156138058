"""
Scores -> probabilities -> Predictions: the last steps of every compiled model.

Used by runtimes; numpy only. Each link repeats the arithmetic of the library it is named after.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec
import numpy as np

from gateway.runtimes.arrays import Matrix
from gateway.schema import OutputKind, Predictions

LinkName: TypeAlias = Literal[
    "exp", "expit", "pair", "pair-of-scores", "pair-of-doubled", "softmax", "normalized", "huber", "xgboost-sigmoid",
    "double", "negative-zero-one",
]  # fmt: skip
Scores: TypeAlias = Matrix
Link: TypeAlias = Callable[[Scores], Scores]
Read: TypeAlias = Callable[[Scores], Predictions]


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Say what final scores mean.

    `probabilities` says whether the scores of classes are such, or mere margins; `single` whether one margin stands for
    two classes.
    """

    kind: OutputKind
    probabilities: bool = False
    single: bool = False


def expit(scores: Scores) -> Scores:
    """Return 1 / (1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(scores))
    return np.asarray(np.where(scores >= 0, 1.0, small) / (1.0 + small))


def pair(probability: Scores) -> Scores:
    """Return the two columns of a binary classifier from the probability of its second class."""
    found = np.empty((len(probability), 2), dtype=probability.dtype)
    found[:, 1] = probability[:, 0]
    found[:, 0] = 1 - found[:, 1]
    return found


def _pair_of_scores(scores: Scores) -> Scores:
    return pair(expit(scores))


def _pair_of_doubled(scores: Scores) -> Scores:
    return pair(expit(2.0 * scores))


def softmax(scores: Scores) -> Scores:
    """Return exp(x) over its sum per row."""
    found = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def normalized(probabilities: Scores) -> Scores:
    """Divide by the row's sum; a row of zeros becomes uniform."""
    total = probabilities.sum(axis=1, keepdims=True)
    uniform = np.full_like(probabilities, 1.0 / probabilities.shape[1])
    return np.asarray(np.divide(probabilities, total, out=uniform, where=total != 0))


def _huber(scores: Scores) -> Scores:
    return np.asarray((np.clip(scores, -1, 1) + 1.0) / 2.0)


#: common/math.h of XGBoost: float32, the exponent capped.
_XGBOOST_CAP = float(np.float32(88.7))


def _xgboost_sigmoid(scores: Scores) -> Scores:
    # In double and rounded once: numpy's exp of float32 is a bit further from that of the C library.
    exponents = np.minimum(-scores.astype(np.float64), _XGBOOST_CAP)
    return np.asarray(1.0 / (1.0 + np.exp(exponents)), dtype=np.float32)


def _as_double(scores: Scores) -> Scores:
    return scores.astype(np.float64)


LINKS: Final[Mapping[LinkName, Link]] = {
    "exp": np.exp,
    "expit": expit,
    "pair": pair,
    "pair-of-scores": _pair_of_scores,
    "pair-of-doubled": _pair_of_doubled,
    "softmax": softmax,
    "normalized": normalized,
    "huber": _huber,
    "xgboost-sigmoid": _xgboost_sigmoid,
    "double": _as_double,
    "negative-zero-one": lambda scores: (scores > 0).astype(np.float64),
}


def chain(names: Sequence[LinkName]) -> Link:
    """Return the links applied one after the other."""
    links = [LINKS[name] for name in names]
    if len(links) == 1:
        return links[0]

    def run(scores: Scores) -> Scores:
        for link in links:
            scores = link(scores)
        return scores

    return run


def reader(form: AnswerForm) -> Read:
    """Return the function that turns final scores (n, k) into Predictions."""
    kind = form.kind
    if kind == "regression":
        return lambda scores: Predictions(np.array(scores[:, 0], dtype=np.float64))
    if kind == "multi_output":
        return lambda scores: Predictions(np.asarray(scores))
    if kind == "multi_label":
        return _read_labels
    if form.probabilities:
        return lambda scores: Predictions(scores.argmax(axis=1), np.asarray(scores, dtype=np.float64))
    if form.single:
        return lambda scores: Predictions((scores[:, 0] > 0).astype(np.int64))
    return lambda scores: Predictions(scores.argmax(axis=1))


def _read_labels(scores: Scores) -> Predictions:
    return Predictions((scores > 0.5).astype(np.int64), np.asarray(scores, dtype=np.float64))  # noqa: PLR2004 - one half


def single(form: AnswerForm, links: Sequence[LinkName]) -> Callable[[float], Predictions] | None:
    """Return the shortest way from one score of one row to its answer; None where arrays have to do it."""
    return _SINGLES.get((form.kind, *links))


def _one_value(score: float) -> Predictions:
    return Predictions(np.array([score], dtype=np.float64))


def _one_probability(score: float) -> Predictions:
    # numpy's exp, so that one row and a batch of them answer alike: Python's differs by a bit here and there.
    small = float(np.exp(-abs(score)))
    probability = (1.0 if score >= 0 else small) / (1.0 + small)
    return Predictions(np.array([1 if score > 0 else 0]), np.array([[1.0 - probability, probability]]))


def _one_xgboost_probability(score: float) -> Predictions:
    probability = np.float32(1.0 / (1.0 + float(np.exp(min(-score, _XGBOOST_CAP)))))
    other = np.float32(1.0) - probability
    return Predictions(np.array([1 if probability > other else 0]), np.array([[other, probability]], dtype=np.float64))


_SINGLES: Final[Mapping[tuple[str, ...], Callable[[float], Predictions]]] = {
    ("regression",): _one_value,
    ("classification", "pair-of-scores"): _one_probability,
    ("classification", "xgboost-sigmoid", "pair"): _one_xgboost_probability,
}
