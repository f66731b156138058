"""Serves a fitted scikit-learn estimator or pipeline, of whatever version this environment has."""

from __future__ import annotations

import warnings
from typing import Any, Iterator, Sequence

from .schema import Columns, Field, Model, Predictions, Signature, sample_columns
from .sklearn_inputs import Inputs, as_fitted, find_inputs, fitting_missing
from .sklearn_outputs import Answerer, find_answerer


class SklearnModel(Model):
    """Ask one fitted estimator."""

    def __init__(self, estimator: Any, declared: Sequence[Field] = ()) -> None:
        _cap_threads(estimator)
        inputs = find_inputs(estimator, declared)
        try:
            self._answerer, number = _answerer_of(estimator, inputs)
        except Exception:
            if inputs.fields != tuple(declared):
                raise
            # Nobody tells whether a class of the user's own takes a frame or a matrix.
            inputs = inputs._replace(shape="matrix")
            self._answerer, number = _answerer_of(estimator, inputs)
        self._inputs = fitting_missing(inputs, lambda one: self._answerer.answer(as_fitted(inputs, one)), number)
        self.signature = Signature(
            inputs=self._inputs.fields,
            output=self._answerer.output,
            names_known=self._inputs.names_known,
            trained_on=self._inputs.trained_on,
        )

    def predict(self, columns: Columns) -> Predictions:
        """Predict every instance with the estimator exactly as fitted."""
        return self._answerer.answer(as_fitted(self._inputs, columns))


def _answerer_of(estimator: Any, inputs: Inputs) -> tuple[Answerer, int]:
    """Return what answers, and a number that all numeric fields can have at once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return find_answerer(estimator, as_fitted(inputs, sample_columns(inputs.fields))), 0
        except Exception as error:
            # Zero is outside the domain of a logarithm in front of the model.
            try:
                return find_answerer(estimator, as_fitted(inputs, sample_columns(inputs.fields, 1))), 1
            except Exception:
                raise error from None


def _cap_threads(estimator: Any) -> None:
    """Have every part run in the thread that asks it: calls are what runs at the same time."""
    for part in _parts(estimator, 0):
        if getattr(part, "n_jobs", None) not in (None, 1):
            part.n_jobs = 1


def _parts(part: Any, depth: int) -> Iterator[Any]:
    if depth > 12:
        return
    yield part
    inner: list[Any] = list(vars(part).values()) if hasattr(part, "__dict__") else []
    for value in inner:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            for member in one if isinstance(one, tuple) else [one]:
                if hasattr(member, "get_params") and not isinstance(member, type):
                    yield from _parts(member, depth + 1)
