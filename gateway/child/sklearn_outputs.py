"""
Finds out what a fitted estimator answers, and asks it.

The same as gateway/loaders/sklearn_outputs.py: a model has one signature wherever it runs.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.pipeline import Pipeline

from .faults import LoadError
from .levels import plain
from .schema import Output, Predictions, Scalar
from .sklearn_versions import is_kind

#: Their predict is exactly classes_[argmax(predict_proba)], so that one pass over the trees is enough.
_ARGMAX = (RandomForestClassifier, ExtraTreesClassifier)


class Answerer:
    """Ask an estimator in the way that fits its kind: transform once, then predict labels and probabilities."""

    def __init__(self, estimator: Any, output: Output, read: Callable[[Any, Any], Predictions]) -> None:
        self.output = output
        self._read = read
        self._steps, self._tail = _split(estimator)

    def answer(self, fitted: Any) -> Predictions:
        """Return the answers to rows in the shape that the estimator was fitted on."""
        for step in self._steps:
            fitted = step.transform(fitted)
        return self._read(self._tail, fitted)


def _split(estimator: Any) -> tuple[list[Any], Any]:
    """Part a pipeline before its last step: predict and predict_proba would each transform all over again."""
    if type(estimator) is not Pipeline or isinstance(estimator.steps[-1][1], (str, type(None))):
        return [], estimator
    # A pipeline of the steps before would ask the last of them whether it is fitted, which no class of the user's says.
    steps = [step for _, step in estimator.steps[:-1] if step is not None and not isinstance(step, str)]
    return steps, estimator.steps[-1][1]


def find_answerer(estimator: Any, sample: Any) -> Answerer:
    """Build the answerer of an estimator; `sample` is one row in the shape it was fitted on."""
    last = _last(estimator)
    if is_kind(estimator, "outlier_detector"):
        return _labelled(estimator, (-1, 1))
    if is_kind(estimator, "clusterer") or isinstance(last, (GaussianMixture, BayesianGaussianMixture)):
        return _labelled(estimator, tuple(range(_cluster_count(last))))
    if is_kind(estimator, "classifier"):
        first = _dense(estimator.predict(sample))
        if first.ndim > 1:
            return _many_labels(estimator, first)
        classes = np.asarray(estimator.classes_)
        return _labelled(estimator, tuple(plain(value) for value in classes), classes)
    return _regressor(estimator, sample)


def _last(estimator: Any) -> Any:
    return _last(estimator.steps[-1][1]) if isinstance(estimator, Pipeline) else estimator


def _cluster_count(model: Any) -> int:
    if hasattr(model, "cluster_centers_"):
        return len(model.cluster_centers_)
    if hasattr(model, "n_components"):
        return int(model.n_components)
    return int(np.max(model.labels_)) + 1


def _labelled(estimator: Any, labels: tuple[Scalar, ...], classes: Any | None = None) -> Answerer:
    known = np.asarray(labels) if classes is None else classes
    order = np.argsort(known, kind="stable")
    ranked = known[order]
    has_probabilities = hasattr(estimator, "predict_proba")

    def read(tail: Any, features: Any) -> Predictions:
        probabilities = np.asarray(tail.predict_proba(features), dtype=np.float64) if has_probabilities else None
        if probabilities is not None and type(tail) in _ARGMAX:
            return Predictions(np.argmax(probabilities, axis=1), probabilities)
        answers = np.asarray(tail.predict(features))
        found = np.minimum(np.searchsorted(ranked, answers), len(ranked) - 1)
        if not np.array_equal(ranked[found], answers):
            raise ValueError(f"{type(tail).__name__} answers a label that is none of its classes")
        return Predictions(order[found], probabilities)

    positive = labels[1] if len(labels) == 2 and classes is not None else None
    output = Output(kind="classification", labels=labels, probabilities=has_probabilities, positive=positive)
    return Answerer(estimator, output, read)


def _many_labels(estimator: Any, first: Any) -> Answerer:
    count = first.shape[1]
    names = tuple(f"y{i}" for i in range(count))
    has_probabilities = hasattr(estimator, "predict_proba")
    if not _is_indicator(estimator, count):
        raise LoadError(
            "child-signature",
            f"it answers {count} outputs of several classes each, for which this wire has no form",
            "serve it without `executor`, or write its predict as a Python file: `def predict(age: float, city: str)`",
        )

    def read(tail: Any, features: Any) -> Predictions:
        values = _dense(tail.predict(features))
        probabilities = _of_ones(tail, tail.predict_proba(features)) if has_probabilities else None
        return Predictions(values.astype(np.int64), probabilities)

    output = Output(kind="multi_label", names=names, probabilities=has_probabilities, own="list")
    return Answerer(estimator, output, read)


def _is_indicator(estimator: Any, count: int) -> bool:
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list):
        return all(set(np.asarray(found).tolist()) <= {0, 1} for found in classes)
    return bool(getattr(_last(estimator), "multilabel_", True)) and len(classes if classes is not None else ()) == count


def _of_ones(tail: Any, found: Any) -> Any:
    """Reduce one (n, 2) table per label to the probabilities of 1; a label seen with one value has one column."""
    if not isinstance(found, list):
        return np.asarray(found, dtype=np.float64)
    columns: list[Any] = []
    for table, classes in zip(found, tail.classes_):
        ones = np.flatnonzero(np.asarray(classes) == 1)
        columns.append(table[:, ones[0]] if len(ones) else np.zeros(len(table)))
    return np.column_stack(columns).astype(np.float64)


def _dense(found: Any) -> Any:
    """Return an answer as an array: estimators that were fitted on sparse targets answer sparse ones."""
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found)


def _regressor(estimator: Any, sample: Any) -> Answerer:
    first = _dense(estimator.predict(sample))
    if first.dtype.kind not in "fiub":
        raise LoadError(
            "child-signature",
            f"a {type(_last(estimator)).__name__} that answers {first.dtype} is neither classifier nor regressor",
            "write its predict as a Python file, `def predict(age: float, city: str)`, and name that at the route",
        )
    if first.ndim > 1 and first.shape[1:] != (1,):
        names = tuple(f"y{i}" for i in range(first.shape[1]))
        output = Output(kind="multi_output", names=names, own="list")
        return Answerer(estimator, output, lambda tail, features: Predictions(_dense(tail.predict(features))))

    def read(tail: Any, features: Any) -> Predictions:
        return Predictions(_dense(tail.predict(features)).astype(np.float64, copy=False).reshape(-1))

    return Answerer(estimator, Output(kind="regression", own="column" if first.ndim > 1 else "value"), read)
