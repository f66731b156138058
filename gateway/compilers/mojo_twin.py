"""
Runs MOJOs without Java: leaf masks and linear terms give sums, links make answers of them.

Imports no framework; numpy only.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.compilers.answering import expit, normalized, softmax
from gateway.compilers.leaf_masks import LeafMasks
from gateway.schema import Column, Predictions, Signature

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

#: H2O keeps probabilities this far from 0 and 1 before it takes their logit, and the logit above -19 (measured).
_LEAST_CHANCE, _LEAST_LOGIT = 1e-9, -19.0
#: H2O's threshold is the probability of some training row. Another order of sums must not push that row below it, so
#: that a probability this close to the threshold is the threshold.
_SNAP = 1e-13


class MojoTwin:
    """Answer as the MOJO would; safe from several threads."""

    def __init__(self, program: Mapping[str, Any], signature: Signature) -> None:
        self.signature = signature
        self._columns = [_reader(one) for one in program["columns"]]
        forest = program["forest"]
        self._forest = None if forest is None else LeafMasks(forest)
        self._linear = None if program["linear"] is None else _Linear(program["linear"], program["columns"])
        self._sums = self._forest.sums if self._forest else 0
        self._width = self._sums + (self._linear.width if self._linear else 0)
        self._answer = _Answer(program)

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        if len(columns[0]) == 1 and self._answer.one is not None:
            return self._answer.one(self._one([column.item() for column in columns]))
        return self._answer.many(self._many(columns))

    def _one(self, values: Sequence[Any]) -> list[float]:
        places = [read.one(value) for read, value in zip(self._columns, values, strict=False)]
        found = [] if self._forest is None else self._forest.one(places)
        return found if self._linear is None else found + self._linear.one(places, values)

    def _many(self, columns: Sequence[Column]) -> Numbers:
        places = [read.many(column) for read, column in zip(self._columns, columns, strict=False)]
        found = np.empty((len(columns[0]), self._width))
        if self._forest is not None:
            self._forest.many(places, found[:, : self._sums])
        if self._linear is not None:
            found[:, self._sums :] = self._linear.many(places, columns)
        return found


class _Levels:
    """Turn levels into their numbers; missing and unknown ones into the number behind the last."""

    def __init__(self, levels: Sequence[str]) -> None:
        self._numbers = {level: number for number, level in enumerate(levels)}
        self._missing = len(levels)

    def one(self, value: Any) -> int:
        return self._numbers.get(value, self._missing)

    def many(self, column: Column) -> Places:
        get, missing = self._numbers.get, self._missing
        return np.array([get(value, missing) for value in column.tolist()], dtype=np.intp)


class _Thresholds:
    """Turn numbers into the count of thresholds they have reached; a missing one into the number behind the last."""

    def __init__(self, thresholds: Numbers) -> None:
        self._thresholds = thresholds
        self._list = thresholds.tolist()
        self._missing = len(self._list) + 1

    def one(self, value: float) -> int:
        return self._missing if value != value else bisect_right(self._list, value)  # noqa: PLR0124 - NaN

    def many(self, column: Column) -> Places:
        values = column.astype(np.float64, copy=False)
        # NaN sorts behind every threshold.
        return np.searchsorted(self._thresholds, values, side="right") + np.isnan(values)


def _reader(column: Mapping[str, Any]) -> _Levels | _Thresholds:
    return _Levels(column["levels"]) if "levels" in column else _Thresholds(column["thresholds"])


class _Linear:
    """Add up weights: per level, and per number or the mean that stands for it."""

    def __init__(self, program: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]) -> None:
        self._intercepts = program["intercepts"]
        self.width = len(self._intercepts)
        self._levels, self._numbers = [], []
        for term in program["terms"]:
            if "levels" in columns[term["column"]]:
                self._levels.append((term["column"], term["weights"]))
            else:
                self._numbers.append((term["column"], term["weights"], term["means"]))
        self._level_lists = [(column, weights.tolist()) for column, weights in self._levels]
        self._number_lists = [
            (column, list(zip(weights.tolist(), means.tolist(), strict=True)))
            for column, weights, means in self._numbers
        ]

    def one(self, places: Sequence[int], values: Sequence[Any]) -> list[float]:
        found: list[float] = self._intercepts.tolist()
        for column, weights in self._level_lists:
            for at, weight in enumerate(weights[places[column]]):
                found[at] += weight
        for column, terms in self._number_lists:
            value = values[column]
            is_missing = value != value  # noqa: PLR0124 - NaN
            for at, (weight, mean) in enumerate(terms):
                found[at] += weight * (mean if is_missing else value)
        return found

    def many(self, places: Sequence[Places], columns: Sequence[Column]) -> Numbers:
        found = np.tile(self._intercepts, (len(columns[0]), 1))
        for column, weights in self._levels:
            found += weights[places[column]]
        for column, weights, means in self._numbers:
            values = columns[column].astype(np.float64, copy=False)[:, None]
            found += weights * np.where(np.isnan(values), means, values)
        return found


class _Answer:
    """Make answers of sums; `one` is the way of a single row, None where arrays have to do it."""

    def __init__(self, program: Mapping[str, Any]) -> None:
        self._members = program["members"]
        self._stack = program["stack"]
        answer = program["answer"]
        self._is_class, self._threshold = answer["kind"] == "classification", answer["threshold"]
        is_scalar = all(len(member["at"]) == 1 and member["link"] in _ONE for member in self._members)
        self.one: Callable[[list[float]], Predictions] | None = None
        if is_scalar and (self._stack is None or self._stack["link"] in _ONE):
            self.one = self._read_one
            self._plans = [(one["at"][0], one["start"], one["divide"], _ONE[one["link"]]) for one in self._members]

    def many(self, sums: Numbers) -> Predictions:
        with np.errstate(all="ignore"):
            found = [_MANY[one["link"]](sums[:, one["at"]] / one["divide"] + one["start"]) for one in self._members]
            scores = found[0] if self._stack is None else self._stacked(np.hstack(found))
        if not self._is_class:
            return Predictions(scores[:, 0].copy())
        if scores.shape[1] > 1:
            return Predictions(scores.argmax(axis=1), scores)
        chance = scores[:, 0]
        chance = np.where(np.abs(chance - self._threshold) <= _SNAP, self._threshold, chance)
        return Predictions((chance >= self._threshold).astype(np.int64), np.column_stack([1.0 - chance, chance]))

    def _stacked(self, answers: Numbers) -> Numbers:
        stack = self._stack
        if stack["logit"]:
            chances = np.clip(answers, _LEAST_CHANCE, 1.0 - _LEAST_CHANCE)
            answers = np.maximum(np.log(chances / (1.0 - chances)), _LEAST_LOGIT)
        # Not a matrix product: its sums depend on the number of rows.
        total = np.full(len(answers), stack["intercept"])
        for at, weight in enumerate(stack["weights"].tolist()):
            total += weight * answers[:, at]
        return _MANY[stack["link"]](total[:, None])

    def _read_one(self, sums: list[float]) -> Predictions:
        found = [link(sums[at] / divide + start) for at, start, divide, link in self._plans]
        score = found[0] if self._stack is None else self._stacked_one(found)
        if not self._is_class:
            return Predictions(np.array([score]))
        if abs(score - self._threshold) <= _SNAP:
            score = self._threshold
        return Predictions(np.array([int(score >= self._threshold)]), np.array([[1.0 - score, score]]))

    def _stacked_one(self, answers: list[float]) -> float:
        stack = self._stack
        total = stack["intercept"]
        for weight, answer in zip(stack["weights"].tolist(), answers, strict=True):
            total += weight * (_logit(answer) if stack["logit"] else answer)
        return _ONE[stack["link"]](total)


def _logit(chance: float) -> float:
    chance = min(max(chance, _LEAST_CHANCE), 1.0 - _LEAST_CHANCE)
    return max(math.log(chance / (1.0 - chance)), _LEAST_LOGIT)


def _expit_one(score: float) -> float:
    small = math.exp(-abs(score))
    return (1.0 if score >= 0 else small) / (1.0 + small)


#: H2O keeps the argument of 1 / x away from zero.
_LEAST = 1e-5


def _inverse(scores: Numbers) -> Numbers:
    return np.asarray(1.0 / np.where(scores < 0, np.fmin(-_LEAST, scores), np.fmax(_LEAST, scores)))


_MANY: Mapping[str, Callable[[Numbers], Numbers]] = {
    "identity": lambda scores: scores,
    "expit": expit,
    "exp": np.exp,
    "inverse": _inverse,
    "complement": lambda scores: 1.0 - scores,
    "softmax": softmax,
    "normalized": normalized,
}
_ONE: Mapping[str, Callable[[float], float]] = {
    "identity": lambda score: score,
    "expit": _expit_one,
    "complement": lambda score: 1.0 - score,
}
