"""
Fits every estimator of the installed scikit-learn by one simple recipe: plausible rows, and what must be given.

`RECIPES` are tried until one suits.
"""

import itertools
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401 - adds estimators
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import all_estimators
from threadpoolctl import threadpool_limits

_RNG: Final = np.random.default_rng(3)
_X: Final = np.abs(_RNG.normal(size=(60, 4))) + 0.1
_CLASSES: Final = (_X[:, 0] > np.median(_X[:, 0])).astype(int)
_TEXTS: Final = ["good film", "bad film", "very good", "very bad"] * 15
#: Rows, and what is to be learnt from them.
RECIPES: Final[tuple[tuple[Any, Any], ...]] = (
    (_X, _CLASSES),
    (_X, _X[:, 1] + _X[:, 0]),
    (_X, np.column_stack([_CLASSES, 1 - _CLASSES])),
    (_X[:, 0], _X[:, 1]),
    (_X[:, :1], _X[:, 1]),
    ((np.median(_X) < _X).astype(float), _CLASSES),
    (_TEXTS, _CLASSES),
    ([{"a": float(row[0]), "b": "x"} for row in _X], _CLASSES),
    ([["a", "b"], ["a"]] * 30, _CLASSES),
    (_CLASSES, None),
    (_X @ _X.T, _CLASSES),
    (_RNG.normal(size=(12, 8, 8)), None),
)
_STEPS: Final = [("a", StandardScaler()), ("b", MinMaxScaler())]
#: Constructor arguments that have no default, or whose default does not train in no time.
_ARGUMENTS: Final[dict[str, Callable[[bool], Any]]] = {
    "estimator": lambda is_regressor: LinearRegression() if is_regressor else LogisticRegression(),
    "estimators": lambda is_regressor: (
        [("a", LinearRegression()), ("b", DummyRegressor())]
        if is_regressor
        else [("a", LogisticRegression()), ("b", DummyClassifier())]
    ),
    "steps": lambda _: [("a", StandardScaler()), ("b", LogisticRegression())],
    "transformer_list": lambda _: _STEPS,
    "transformers": lambda _: [(name, step, [i]) for i, (name, step) in enumerate(_STEPS)],
    "param_grid": lambda is_regressor: {"fit_intercept": [True, False]},
    "param_distributions": lambda is_regressor: {"fit_intercept": [True, False]},
    "dictionary": lambda _: np.eye(4),
    "n_estimators": lambda _: 5,
    "max_iter": lambda _: 10,
    "n_iter": lambda _: 2,
    "random_state": lambda _: 0,
}


def all_names() -> list[str]:
    """Return the names of all estimators; not each can be fitted here."""
    return sorted(_classes())


@cache
def _classes() -> dict[str, type[BaseEstimator]]:
    return dict(all_estimators())


@cache
def fitted(name: str) -> tuple[Any, Any] | None:
    """Return an estimator and rows for it; None where no recipe suits."""
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        tries = ((model, *recipe) for model in _made(_classes()[name]) for recipe in RECIPES)
        return next(filter(None, itertools.starmap(_fitted, tries)), None)


def _fitted(model: Any, rows: Any, target: Any) -> tuple[Any, Any] | None:
    try:
        model.fit(rows, target)
        answer(model, rows[:5])
    except Exception:  # the next recipe may suit
        return None
    return model, rows[:5]


def answer(model: Any, rows: Any) -> Any:
    """Ask a model what it is for, or return what it found in the rows that it was fitted on."""
    for name in ("predict", "transform", "score_samples", "kneighbors"):
        if hasattr(model, name):
            found = getattr(model, name)(rows)
            return found.toarray() if hasattr(found, "toarray") else found
    for name in ("labels_", "row_labels_", "embedding_", "covariance_", "x_weights_"):
        if hasattr(model, name):
            return getattr(model, name)
    raise AttributeError


def _made(kind: type[BaseEstimator]) -> Iterator[Any]:
    parameters = kind._get_param_names()
    for is_regressor in (False, True):
        given = {name: make(is_regressor) for name, make in _ARGUMENTS.items() if name in parameters}
        yield kind(**given)
