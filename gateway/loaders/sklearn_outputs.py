"""Finds out what a fitted estimator answers, and asks it. Knows nothing about inputs beyond a sample that fits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.pipeline import Pipeline

from gateway.errors import LoadError
from gateway.schema import FieldType, Output, OutputPart, OwnAnswer, Predictions, Scalar

#: Only of two classes is one the positive one.
_PAIR = 2

#: Their predict is exactly classes_[argmax(predict_proba)], so that one pass over the trees is enough.
_ARGMAX = (RandomForestClassifier, ExtraTreesClassifier)


class Answerer:
    """Ask an estimator in the way that fits its kind."""

    def __init__(self, estimator: Any, output: Output, read: Callable[[Any, Any], Predictions]) -> None:
        self.output = output
        self._head, self._tail = _split(estimator)
        self._read = read

    def answer(self, fitted: Any) -> Predictions:
        """Transform once, then predict labels and probabilities from the same features."""
        features = fitted if self._head is None else self._head.transform(fitted)
        return self._read(self._tail, features)


def _split(estimator: Any) -> tuple[Any, Any]:
    """Part a pipeline before its last step: predict and predict_proba would each transform all over again."""
    if type(estimator) is not Pipeline or len(estimator.steps) == 1:
        return None, estimator
    last = estimator.steps[-1][1]
    return estimator[:-1], last


def find_answerer(path: Path, estimator: Any, sample: Any) -> Answerer:
    """Build the answerer of an estimator; `sample` is one row in the shape it was fitted on."""
    if is_outlier_detector(estimator):
        return _labelled(estimator, (-1, 1))
    if is_clusterer(estimator) or isinstance(_last(estimator), GaussianMixture | BayesianGaussianMixture):
        return _labelled(estimator, tuple(range(_cluster_count(_last(estimator)))))
    if is_classifier(estimator):
        return _classifier(estimator, sample)
    return _regressor(path, estimator, sample)


def _last(estimator: Any) -> Any:
    return _last(estimator.steps[-1][1]) if isinstance(estimator, Pipeline) else estimator


def _cluster_count(model: Any) -> int:
    if hasattr(model, "cluster_centers_"):
        return len(model.cluster_centers_)
    if hasattr(model, "n_components"):
        return int(model.n_components)
    return int(np.max(model.labels_)) + 1


def to_json(value: Any) -> Scalar:
    """Turn a numpy scalar into the JSON type it stands for; text, whole numbers and booleans stay what they are."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, str | int | float | bool) else str(plain)


def _classifier(estimator: Any, sample: Any) -> Answerer:
    first = _dense(estimator.predict(sample))
    if first.ndim > 1:
        return _many_labels(estimator, first)
    classes = np.asarray(estimator.classes_)
    return _labelled(estimator, tuple(to_json(value) for value in classes), classes)


def _labelled(estimator: Any, labels: tuple[Scalar, ...], classes: npt.NDArray[Any] | None = None) -> Answerer:
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
            raise ValueError(f"{type(tail).__name__} answers a label that is none of its {len(ranked)} classes")
        return Predictions(order[found], probabilities)

    positive = labels[1] if len(labels) == _PAIR and classes is not None else None
    output = Output(kind="classification", labels=labels, probabilities=has_probabilities, positive=positive)
    return Answerer(estimator, output, read)


def _many_labels(estimator: Any, first: npt.NDArray[Any]) -> Answerer:
    count = first.shape[1]
    names = tuple(f"y{i}" for i in range(count))
    if not _is_indicator(estimator, count):
        return _many_classes(estimator, names, first)
    has_probabilities = hasattr(estimator, "predict_proba")

    def read(tail: Any, features: Any) -> Predictions:
        values = _dense(tail.predict(features))
        probabilities = _of_ones(tail, tail.predict_proba(features)) if has_probabilities else None
        return Predictions(values.astype(np.int64), probabilities)

    return Answerer(
        estimator, Output(kind="multi_label", names=names, probabilities=has_probabilities, own="list"), read
    )


def _many_classes(estimator: Any, names: tuple[str, ...], first: npt.NDArray[Any]) -> Answerer:
    """Answer several outputs of classes, each with the probabilities of its own."""
    has_probabilities = hasattr(estimator, "predict_proba")
    parts = tuple(_part(np.asarray(classes), first.dtype, has_probabilities) for classes in estimator.classes_)

    def read(tail: Any, features: Any) -> Predictions:
        each = (
            [np.asarray(table, dtype=np.float64) for table in tail.predict_proba(features)] if has_probabilities else ()
        )
        return Predictions(_dense(tail.predict(features)), each=each)

    return Answerer(estimator, Output(kind="multi_output", names=names, parts=parts, own="list"), read)


def _part(classes: npt.NDArray[Any], answered: np.dtype[Any], has_probabilities: bool) -> OutputPart:
    """Describe one output; several of different types are answered as texts, as numpy puts them into one array."""
    kept = classes if answered.kind == "O" else classes.astype(answered)
    labels = tuple(to_json(value) for value in kept)
    kind = {bool: "boolean", int: "integer", float: "number"}.get(type(labels[0]), "string")
    return OutputPart(type=cast(FieldType, kind), labels=labels, probabilities=has_probabilities)


def _is_indicator(estimator: Any, count: int) -> bool:
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list):
        return all(set(np.asarray(found).tolist()) <= {0, 1} for found in classes)
    return bool(getattr(_last(estimator), "multilabel_", True)) and len(classes if classes is not None else ()) == count


def _of_ones(tail: Any, found: Any) -> npt.NDArray[np.float64]:
    """Reduce one (n, 2) table per label to the probabilities of 1; a label seen with one value has one column."""
    if not isinstance(found, list):
        return np.asarray(found, dtype=np.float64)
    columns = []
    for table, classes in zip(found, tail.classes_, strict=True):
        ones = np.flatnonzero(np.asarray(classes) == 1)
        columns.append(table[:, ones[0]] if len(ones) else np.zeros(len(table)))
    return np.column_stack(columns).astype(np.float64)


def _read_many(tail: Any, features: Any) -> Predictions:
    return Predictions(_dense(tail.predict(features)))


def _dense(found: Any) -> npt.NDArray[Any]:
    """Return an answer as an array: estimators that were fitted on sparse targets answer sparse ones."""
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found)


def _regressor(path: Path, estimator: Any, sample: Any) -> Answerer:
    first = _dense(estimator.predict(sample))
    if first.dtype.kind not in "fiub":
        raise LoadError(
            f"{path.name}: a {type(_last(estimator)).__name__} that answers {first.dtype} is neither classifier nor "
            "regressor",
            code="not-a-predictor",
            hint="serve it with the python loader",
        )
    if first.ndim > 1 and first.shape[1:] != (1,):
        names = tuple(f"y{i}" for i in range(first.shape[1]))
        return Answerer(estimator, Output(kind="multi_output", names=names, own="list"), _read_many)

    def read(tail: Any, features: Any) -> Predictions:
        return Predictions(_dense(tail.predict(features)).astype(np.float64, copy=False).reshape(-1))

    own: OwnAnswer = "column" if first.ndim > 1 else "value"
    return Answerer(estimator, Output(kind="regression", own=own), read)
