"""Asks estimators of scikit-learn 0.22 and later what each version tells in another way."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np


def names_in(head: Any) -> list[str] | None:
    """Return the names of the columns that an estimator was fitted on; None where it was fitted without."""
    for name in ("feature_names_in_", "_feature_names_in", "_df_columns"):
        known = getattr(head, name, None)
        if known is not None:
            return [str(one) for one in known]
    return None


def width_of(head: Any) -> int:
    """Return the number of input columns; 0 where the estimator does not tell it."""
    if type(head).__name__ == "IsotonicRegression":
        return 1
    for name in ("n_features_in_", "n_features_", "_n_features"):
        found = getattr(head, name, None)
        if isinstance(found, (int, np.integer)) and found > 0:
            return int(found)
    weights = getattr(head, "coef_", None)
    return int(np.shape(weights)[-1]) if weights is not None and np.ndim(weights) else 0


def allows_missing(step: Any) -> bool:
    """Say whether an estimator says that it takes NaN."""
    get_tags = getattr(importlib.import_module("sklearn.utils"), "get_tags", None)
    if get_tags is not None:
        try:
            return bool(get_tags(step).input_tags.allow_nan)
        except AttributeError:  # a class of the user's own that is no BaseEstimator
            return False
    told: dict[str, Any] = getattr(step, "_get_tags", dict)()
    return bool(told.get("allow_nan", False))


def is_kind(estimator: Any, kind: str) -> bool:
    """Say whether an estimator is a "classifier", "clusterer" or "outlier_detector"."""
    ask = getattr(importlib.import_module("sklearn.base"), "is_" + kind, None)
    return bool(ask(estimator)) if ask is not None else getattr(estimator, "_estimator_type", None) == kind


def keeps_columns(step: Any) -> bool:
    """Say whether a transformer answers one column for each that it takes, in their order."""
    return any(kind.__name__ in ("OneToOneFeatureMixin", "_OneToOneFeatureMixin") for kind in type(step).__mro__) or (
        type(step).__name__
        in ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "PowerTransformer", "Binarizer")
    )


def chosen_columns(step: Any, width: int) -> dict[str, list[int]]:
    """Return the part of a fitted ColumnTransformer -> the places of its columns."""
    known = getattr(step, "_transformer_to_input_indices", None)
    if known is not None:
        return {name: [int(i) for i in places] for name, places in known.items()}
    names = names_in(step) or []
    return {name: _places(columns, names, width) for name, _, columns in step.transformers_}


def _places(columns: Any, names: list[str], width: int) -> list[int]:
    """Return the places that a selection of columns means: names, numbers, a slice of either, or a mask."""
    if isinstance(columns, str):
        return [names.index(columns)]
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            start = names.index(columns.start) if columns.start is not None else 0
            stop = names.index(columns.stop) + 1 if columns.stop is not None else width
            return list(range(start, stop))
        return list(range(width))[columns]
    found = np.atleast_1d(np.asarray(columns))
    if found.dtype.kind == "b":
        return [int(i) for i in np.flatnonzero(found)]
    if found.dtype.kind in "iu":
        return [int(i) % width for i in found]
    return [names.index(str(name)) for name in found.tolist()]
