"""
Runs models that are a sum over their columns: encoders and scalers before a linear model or naive Bayes.

Each column adds a looked-up or computed amount; no feature matrix is ever made. numpy only.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from gateway.runtimes.answering import chain, reader, single
from gateway.runtimes.levels import level_finder
from gateway.runtimes.matrix import make_node
from gateway.runtimes.text_batch import make_text_scores
from gateway.runtimes.vectorizer import make_vectorizer
from gateway.schema import Column, Predictions, Signature

#: Adds up to float where the model has one score, else to an array of scores.
Amount: TypeAlias = Any
Part: TypeAlias = Callable[[Any], Amount]


class AdditiveModel:
    """Answer one row with plain Python numbers, many rows with one array per column."""

    def __init__(self, program: Mapping[str, Any], signature: Signature) -> None:
        self.signature = signature
        self._width = int(program["width"])
        self._intercept = _amount(program["intercept"])
        parts = [(int(part["column"]), part) for part in program["parts"]]
        self._parts = [(i, _PARTS[part["kind"]](part)) for i, part in parts]
        self._batches = [(i, _BATCHES[part["kind"]](part)) for i, part in parts]
        after = program.get("after")
        self._link = chain(program["links"]) if after is None else make_node(after)
        self._read = reader(program["answer"])
        self._single = single(program["answer"], program["links"]) if self._width == 1 and after is None else None

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


def _amount(values: Any) -> Amount:
    """Return one amount as Python's float where there is one score, else as it is."""
    return float(values[0]) if len(values) == 1 else values


def _amounts(rows: Any) -> list[Amount]:
    return rows[:, 0].tolist() if rows.shape[1] == 1 else list(rows)


def _levels(part: Mapping[str, Any]) -> Part:
    rows = _amounts(part["values"])
    find = dict(zip(part["keys"], rows, strict=False)).get
    missing = rows[-2] if part["takes_missing"] else None
    unknown = rows[-1] if part["takes_unknown"] else None

    def add(value: Any) -> Amount:
        found = find(value)
        if found is None:
            found = missing if value != value else unknown  # noqa: PLR0124 - only NaN differs from itself, at a fifth of isnan's cost
            if found is None:
                raise ValueError(f"the model knows no level {value!r}")
        return found

    return add


def _many_levels(part: Mapping[str, Any]) -> Callable[[Column], Any]:
    find = level_finder(part)
    values = part["values"]
    return lambda column: values[find(column)]


def _number(part: Mapping[str, Any]) -> Part:
    slope, shift = _amount(part["slope"]), _amount(part["shift"])
    missing = _amount(part["missing"]) if part["takes_missing"] else None
    steps = [(float(at), _amount(height)) for at, height in zip(part["at"].tolist(), part["heights"], strict=True)]
    low, high = part["limits"]
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


def _many_numbers(part: Mapping[str, Any]) -> Callable[[Column], Any]:
    low, high = part["limits"]

    def add(column: Column) -> Any:
        values = column.astype(np.float64)[:, None]
        if ((values < low) | (values > high)).any():
            raise ValueError("a value is too large for the scaler of the model")
        total = values * part["slope"] + part["shift"]
        for at, height in zip(part["at"], part["heights"], strict=True):
            total = total + (values > at) * height
        holes = np.isnan(values)
        if holes.any():
            if not part["takes_missing"]:
                raise ValueError("the model takes no missing value here")
            total = np.where(holes, part["missing"], total)
        return total

    return add


def _text(part: Mapping[str, Any]) -> Part:
    vectorize = make_vectorizer(part["vectorizer"])
    weights = part["weights"]
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


def _many_texts(part: Mapping[str, Any]) -> Callable[[Column], Any]:
    return make_text_scores(part["vectorizer"], part["weights"])


_PARTS: Mapping[str, Callable[[Mapping[str, Any]], Part]] = {"levels": _levels, "number": _number, "text": _text}
_BATCHES: Mapping[str, Callable[[Mapping[str, Any]], Callable[[Column], Any]]] = {
    "levels": _many_levels,
    "number": _many_numbers,
    "text": _many_texts,
}
