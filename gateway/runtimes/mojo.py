"""
Runs MOJOs without Java: leaf masks and linear terms give sums, links make answers of them.

Imports no framework; numpy only.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.runtimes.leaf_masks import LeafMasks, Masks
from gateway.runtimes.mojo_answers import Member, Metalearner, MojoAnswer, MojoAnswerForm
from gateway.runtimes.storage import program_decoder
from gateway.schema import Column, Predictions, Signature

Numbers: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.intp]


class LevelColumn(msgspec.Struct, tag_field="kind", tag="levels", forbid_unknown_fields=True):
    """Read a column of levels."""

    levels: list[str]


class NumberColumn(msgspec.Struct, tag_field="kind", tag="number", forbid_unknown_fields=True):
    """Read a column of numbers; `thresholds` are those of all trees."""

    thresholds: Numbers


class LinearTerm(msgspec.Struct, forbid_unknown_fields=True):
    """
    Hold the weights of one column, one per sum.

    Those of levels have a row for each, the last one for missing; of numbers `means` stand for a missing value.
    """

    column: int
    weights: Numbers
    means: Numbers


class LinearTerms(msgspec.Struct, forbid_unknown_fields=True):
    """Hold the GLMs of a MOJO as one."""

    intercepts: Numbers
    terms: list[LinearTerm]


class MojoProgram(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Hold a MOJO: sums of leaves first, then linear sums, and what becomes of them."""

    columns: list[LevelColumn | NumberColumn]
    forest: Masks | None
    linear: LinearTerms | None
    members: list[Member]
    stack: Metalearner | None
    answer: MojoAnswerForm


class MojoModel:
    """Answer as the MOJO would; safe from several threads."""

    decode = staticmethod(program_decoder(MojoProgram))

    def __init__(self, program: MojoProgram, signature: Signature) -> None:
        self.signature = signature
        self._columns = [_reader(column) for column in program.columns]
        self._forest = None if program.forest is None else LeafMasks(program.forest)
        self._linear = None if program.linear is None else _Linear(program.linear, program.columns)
        self._sums = self._forest.sums if self._forest else 0
        self._width = self._sums + (self._linear.width if self._linear else 0)
        self._answer = MojoAnswer(program.members, program.stack, program.answer)

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        if len(columns[0]) == 1:
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


def _reader(column: LevelColumn | NumberColumn) -> _Levels | _Thresholds:
    return _Levels(column.levels) if isinstance(column, LevelColumn) else _Thresholds(column.thresholds)


class _Linear:
    """Add up weights: per level, and per number or the mean that stands for it."""

    def __init__(self, terms: LinearTerms, columns: Sequence[LevelColumn | NumberColumn]) -> None:
        self._intercepts = terms.intercepts
        self.width = len(self._intercepts)
        self._levels, self._numbers = [], []
        for term in terms.terms:
            if isinstance(columns[term.column], LevelColumn):
                self._levels.append((term.column, term.weights))
            else:
                self._numbers.append((term.column, term.weights, term.means))
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
