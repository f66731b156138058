"""
Lists the names that an artifact may use, found in the installed library by base class rather than written by hand.

Three kinds: classes of which the artifact holds instances, functions that are plain values of one attribute, and names
that training left behind, for which a Dropped stands in. Nothing here is called; constructors.py says how instances are
made.
"""

import importlib
import sys
from functools import lru_cache
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator

from gateway.loaders.admission.admitted_types import is_admitted
from gateway.loaders.admission.allowed_functions import FUNCTIONS, is_ufunc
from gateway.loaders.versions.gone import GONE
from gateway.loaders.versions.moved import current_name, is_of_a_library

#: Bases of what a fitted estimator consists of: losses, links, kernels, metrics, optimisers, search trees.
_BASES: Final = (
    ("sklearn.base", "BaseEstimator"),
    ("sklearn._loss.loss", "BaseLoss"),
    ("sklearn._loss.link", "BaseLink"),
    ("sklearn._loss._loss", "CyLossFunction"),
    ("sklearn._loss._loss", "CyHalfMultinomialLoss"),
    ("sklearn.gaussian_process.kernels", "Kernel"),
    ("sklearn.metrics._dist_metrics", "DistanceMetric"),
    ("sklearn.neighbors._ball_tree", "BinaryTree64"),
    ("sklearn.neighbors._ball_tree", "BinaryTree32"),
    ("sklearn.neighbors._kd_tree", "BinaryTree64"),
    ("sklearn.neighbors._kd_tree", "BinaryTree32"),
    ("sklearn.neural_network._stochastic_optimizers", "BaseOptimizer"),
)
#: Parts that have no base of their own.
_PARTS: Final = frozenset(
    {
        ("scipy.interpolate._bsplines", "BSpline"),
        ("scipy.interpolate._interpolate", "interp1d"),
        ("scipy.sparse._coo", "coo_array"),
        ("scipy.sparse._coo", "coo_matrix"),
        ("scipy.sparse._csc", "csc_array"),
        ("scipy.sparse._csc", "csc_matrix"),
        ("scipy.sparse._csr", "csr_array"),
        ("scipy.sparse._csr", "csr_matrix"),
        ("scipy.sparse._dia", "dia_array"),
        ("scipy.sparse._dia", "dia_matrix"),
        ("sklearn._loss.link", "Interval"),
        ("sklearn.calibration", "_CalibratedClassifier"),
        ("sklearn.cluster._birch", "_CFNode"),
        ("sklearn.cluster._birch", "_CFSubcluster"),
        ("sklearn.cluster._bisect_k_means", "_BisectingTree"),
        ("sklearn.compose._column_transformer", "make_column_selector"),
        ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"),
        ("sklearn.gaussian_process.kernels", "Hyperparameter"),
        ("sklearn.impute._iterative", "_ImputerTriplet"),
        ("sklearn.tree._tree", "Tree"),
        *(("catboost.core", f"CatBoost{kind}") for kind in ("", "Classifier", "Regressor", "Ranker")),
        ("lightgbm.basic", "Booster"),
        ("xgboost.core", "Booster"),
    }
)
#: Holds a callable where it cannot be seen.
_HIDING: Final = frozenset({"PyFuncDistance", "PyFuncDistance32", "PyFuncDistance64"})
#: Where no class of an estimator lives, although its module may define estimators.
_ELSEWHERE: Final = frozenset({"tests", "conftest", "externals", "datasets", "experimental", "inspection", "_mocking"})

#: Kept for training, or for people who look at a model; no prediction needs it.
_DROPPED_MODULES: Final = (
    "sklearn.metrics._classification",
    "sklearn.metrics._ranking",
    "sklearn.metrics._regression",
    "sklearn.metrics._scorer",
    "sklearn.metrics.cluster.",
    "sklearn.model_selection._split",
    "sklearn.utils._bunch",
    "sklearn.utils._metadata_requests",
)

_ABSTRACT: Final = (np.generic, np.number, np.integer, np.floating)
#: NumPy's types of scalars.
NUMPY_TYPES: Final[tuple[type, ...]] = (*dict.fromkeys(np.sctypeDict.values()), *_ABSTRACT)
#: Plain types: made where a file holds an instance, or values of an attribute that says a dtype.
VALUE_TYPES: Final[tuple[type, ...]] = (bool, int, float, str, object, *NUMPY_TYPES)


class ForbiddenGlobal(Exception):
    """Name the first global of an artifact that is not admitted."""


class UnknownGlobal(ForbiddenGlobal):
    """Name a global of a library that the installed version does not have: another version wrote the artifact."""


class Dropped:
    """
    Stand in for what training left behind, its class or function and each instance alike.

    It is made and filled without being what it says, and taken out when the model is walked.
    """

    __slots__ = ("is_made", "module", "name", "state")

    def __init__(self, module: str, name: str, *, is_made: bool = False) -> None:
        self.module, self.name, self.is_made = module, name, is_made
        self.state: object = None


def find(module: str, name: str) -> Any:
    """Return what an artifact names, or a Dropped; raises ForbiddenGlobal or UnknownGlobal, and ModuleNotFoundError."""
    module, name = current_name(module, name)
    if (module.startswith(_DROPPED_MODULES) and name.isidentifier()) or (module, name) in GONE:
        return Dropped(module, name)
    if not is_of_a_library(module) or not name.isidentifier() or not _ELSEWHERE.isdisjoint(module.split(".")):
        raise ForbiddenGlobal(f"{module}.{name}")
    found = _member(module, name)
    if is_part(found) or _is_function(module, name, found):
        return found
    raise ForbiddenGlobal(f"{module}.{name}")


def _member(module: str, name: str) -> Any:
    """Return a member of a library's module, without the module's own `__getattr__`."""
    try:
        members = vars(importlib.import_module(module))
    except ModuleNotFoundError as exc:
        if exc.name == module.partition(".")[0]:
            raise  # the library itself is absent
        raise UnknownGlobal(f"{module}.{name}") from exc
    if name not in members:
        raise UnknownGlobal(f"{module}.{name}")
    return members[name]


def _is_function(module: str, name: str, found: Any) -> bool:
    return (module, name) in FUNCTIONS or is_ufunc(found)


def is_part(found: Any) -> bool:
    """Say whether instances of a class may be in an artifact: the library's own, and those that a route admits."""
    return isinstance(found, type) and (_is_part(found) or is_admitted(found))


@lru_cache(maxsize=1024)
def _is_part(found: type) -> bool:
    if not is_of_a_library(found.__module__) or found.__name__ in _HIDING:
        return False
    if (
        sys.modules.get(found.__module__) is None
        or vars(sys.modules[found.__module__]).get(found.__name__) is not found
    ):
        return False
    return (found.__module__, found.__name__) in _PARTS or any(issubclass(found, base) for base in _loaded_bases())


def _loaded_bases() -> list[type]:
    """Return the bases whose modules are loaded: no class can have another one."""
    modules = ((sys.modules.get(module), name) for module, name in _BASES)
    return [vars(module)[name] for module, name in modules if module is not None and name in vars(module)]


def is_estimator(value: Any) -> bool:
    """Say whether a value is an estimator of the library, by its type alone."""
    return issubclass(type(value), BaseEstimator) and is_part(type(value))
