"""
Runs models that are a sum over their columns: encoders and scalers before a linear model or naive Bayes.

Each column adds a looked-up or computed amount; no feature matrix is ever made. numpy only.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np

from gateway.runtimes.answering import AnswerForm, LinkName, chain, reader, single
from gateway.runtimes.arrays import Floats
from gateway.runtimes.levels import LevelTable, level_finder
from gateway.runtimes.matrix import make_node
from gateway.runtimes.nodes import Node
from gateway.runtimes.storage import program_decoder
from gateway.runtimes.text_batch import make_text_scores
from gateway.runtimes.vectorizer import Vectorizer, make_vectorizer
from gateway.schema import Column, Predictions, Signature

#: Adds up to float where the model has one score, else to an array of scores.
Amount: TypeAlias = Any
Add: TypeAlias = Callable[[Any], Amount]
AddMany: TypeAlias = Callable[[Column], Floats]


class LevelPart(LevelTable, tag_field="kind", tag="levels", kw_only=True):
    """Look the amount of a level up."""

    column: int


class NumberPart(msgspec.Struct, tag_field="kind", tag="number", kw_only=True, forbid_unknown_fields=True):
    """
    Add slope x value + shift, and `heights` above each threshold of `at`; `missing` for a missing value.

    Numbers outside `limits` are refused, as the scaler of the original refuses them.
    """

    column: int
    slope: Floats
    shift: Floats
    missing: Floats
    takes_missing: bool
    at: Floats
    heights: Floats
    limits: tuple[float, float]


class TextPart(msgspec.Struct, tag_field="kind", tag="text", kw_only=True, forbid_unknown_fields=True):
    """Add `weights` (terms, scores) times the weighted terms of a text."""

    column: int
    vectorizer: Vectorizer
    weights: Floats


Part: TypeAlias = LevelPart | NumberPart | TextPart


class AdditiveProgram(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """
    Sum the amounts of all parts, `width` scores each.

    The sum goes through `links`, or where it needs more through the node `after`.
    """

    width: int
    intercept: Floats
    parts: list[Part]
    links: list[LinkName]
    after: Node | None
    answer: AnswerForm


class AdditiveModel:
    """Answer one row with plain Python numbers, many rows with one array per column."""

    decode = staticmethod(program_decoder(AdditiveProgram))

    def __init__(self, program: AdditiveProgram, signature: Signature) -> None:
        self.signature = signature
        self._width = program.width
        self._intercept = _amount(program.intercept)
        self._parts = [(part.column, _PARTS[type(part)](part)) for part in program.parts]
        self._batches = [(part.column, _BATCHES[type(part)](part)) for part in program.parts]
        after = program.after
        self._link = chain(program.links) if after is None else make_node(after)
        self._read = reader(program.answer)
        self._single = single(program.answer, program.links) if self._width == 1 and after is None else None

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        if len(columns[0]) != 1:
            return self._predict_many(columns)
        total = self._intercept
        for i, part in self._parts:
            total = total + part(columns[i].item())
        if self._single is not None:
            return self._single(total)
        return self._read(self._link(np.array(total, dtype=np.float64).reshape(1, self._width)))

    def _predict_many(self, columns: Sequence[Column]) -> Predictions:
        scores = np.empty((len(columns[0]), self._width), dtype=np.float64)
        scores[:] = self._intercept
        for i, batch in self._batches:
            scores += batch(columns[i])
        return self._read(self._link(scores))


def _amount(values: Floats) -> Amount:
    """Return one amount as Python's float where there is one score, else as it is."""
    return float(values[0]) if len(values) == 1 else values


def _amounts(rows: Floats) -> list[Amount]:
    return rows[:, 0].tolist() if rows.shape[1] == 1 else list(rows)


def _levels(part: LevelPart) -> Add:
    rows = _amounts(part.values)
    find = dict(zip(part.keys, rows, strict=False)).get
    missing = rows[-2] if part.takes_missing else None
    unknown = rows[-1] if part.takes_unknown else None

    def add(value: Any) -> Amount:
        found = find(value)
        if found is None:
            found = missing if value != value else unknown  # noqa: PLR0124 - only NaN differs from itself, at a fifth of isnan's cost
            if found is None:
                raise ValueError(f"the model knows no level {value!r}")
        return found

    return add


def _many_levels(part: LevelPart) -> AddMany:
    find = level_finder(part)
    values = part.values
    return lambda column: values[find(column)]


def _number(part: NumberPart) -> Add:
    slope, shift = _amount(part.slope), _amount(part.shift)
    missing = _amount(part.missing) if part.takes_missing else None
    steps = [(float(at), _amount(height)) for at, height in zip(part.at.tolist(), part.heights, strict=True)]
    low, high = part.limits
    is_limited = math.isfinite(low) or math.isfinite(high)

    def add(value: Any) -> Amount:
        if value != value:  # noqa: PLR0124 - only NaN differs from itself, at a fifth of isnan's cost
            if missing is None:
                raise ValueError("the model takes no missing value here")
            return missing
        if is_limited and not low <= value <= high:
            raise ValueError("a value is too large for the scaler of the model")
        total = value * slope + shift
        for at, height in steps:
            if value > at:
                total = total + height
        return total

    return add


def _many_numbers(part: NumberPart) -> AddMany:
    low, high = part.limits

    def add(column: Column) -> Floats:
        values = column.astype(np.float64)[:, None]
        if ((values < low) | (values > high)).any():
            raise ValueError("a value is too large for the scaler of the model")
        total = values * part.slope + part.shift
        for at, height in zip(part.at, part.heights, strict=True):
            total = total + (values > at) * height
        holes = np.isnan(values)
        if holes.any():
            if not part.takes_missing:
                raise ValueError("the model takes no missing value here")
            total = np.where(holes, part.missing, total)
        return total

    return add


def _text(part: TextPart) -> Add:
    vectorize = make_vectorizer(part.vectorizer)
    weights = part.weights
    if weights.shape[1] == 1:
        column = weights[:, 0].tolist()

        def add(text: Any) -> Amount:
            indices, values = vectorize(text)
            return sum([column[index] * value for index, value in zip(indices, values, strict=True)], 0.0)

        return add
    width = weights.shape[1]

    def add_many(text: Any) -> Amount:
        indices, values = vectorize(text)
        return np.asarray(values) @ weights[indices] if indices else np.zeros(width)

    return add_many


def _many_texts(part: TextPart) -> AddMany:
    return make_text_scores(part.vectorizer, part.weights)


_PARTS: Mapping[type, Callable[..., Add]] = {LevelPart: _levels, NumberPart: _number, TextPart: _text}
_BATCHES: Mapping[type, Callable[..., AddMany]] = {
    LevelPart: _many_levels,
    NumberPart: _many_numbers,
    TextPart: _many_texts,
}
