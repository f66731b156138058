"""
Lists the functions that a model may hold as values, and the attributes that may hold them.

They compute on arrays. None of them can be made to call another, to open a file or to look up a name.
"""

import sys
from functools import partial
from types import FunctionType
from typing import Any, Final

import numpy as np
from sklearn.utils.validation import check_array

#: Attribute -> functions that the library itself puts there, or expects there. FUNC: pure functions of arrays.
FUNC: Final = "func"
FUNCTION_SLOTS: Final[dict[str, frozenset[tuple[str, str]]]] = {
    "score_func": frozenset(
        ("sklearn.feature_selection." + module, name)
        for module, names in (
            ("_univariate_selection", "chi2 f_classif f_oneway f_regression r_regression"),
            ("_mutual_info", "mutual_info_classif mutual_info_regression"),
        )
        for name in names.split()
    ),
    "_kmeans_single": frozenset({("sklearn.cluster._kmeans", "_kmeans_single_lloyd")})
    | frozenset({("sklearn.cluster._kmeans", "_kmeans_single_elkan")}),
    "_lloyd_iter": frozenset(
        {
            ("sklearn.cluster._kmeans", "lloyd_iter_chunked_dense"),
            ("sklearn.cluster._kmeans", "lloyd_iter_chunked_sparse"),
            ("sklearn.cluster._k_means_lloyd", "lloyd_iter_chunked_dense"),
            ("sklearn.cluster._k_means_lloyd", "lloyd_iter_chunked_sparse"),
        }
    ),
    FUNC: frozenset({("numpy", "mean"), ("numpy", "median")}),
    "pooling_func": frozenset(("numpy", name) for name in ("max", "mean", "median", "min", "sum")),
    "_asarray": frozenset({("scipy._lib.array_api_compat.numpy._aliases", "asarray")}),
}
#: Methods of text that a vectorizer may be given to split or to clean it.
TEXT_METHODS: Final = frozenset({"casefold", "lower", "lstrip", "rstrip", "split", "splitlines", "strip", "upper"})
_TEXT_SLOTS: Final = frozenset({"analyzer", "preprocessor", "tokenizer"})

#: All of them.
FUNCTIONS: Final = frozenset().union(*FUNCTION_SLOTS.values())


def is_ufunc(found: Any) -> bool:
    """Say whether this is one of NumPy's or SciPy's own ufuncs, which compute and do nothing else."""
    if not isinstance(found, np.ufunc):
        return False
    homes = (np, sys.modules.get("scipy.special"))
    return any(home is not None and vars(home).get(found.__name__) is found for home in homes)


def is_in_place(value: Any, owner: type, attribute: str) -> bool:
    """Say whether a function is where the library puts it, or expects one of its kind."""
    slot = attribute.removesuffix("_").removeprefix("inverse_")
    pair = (_home(value), getattr(value, "__name__", "")) if _is_function(value) else ("", "")
    if slot == FUNC and owner.__name__ in {"FunctionTransformer", "TransformedTargetRegressor"}:
        return is_ufunc(value) or pair in FUNCTION_SLOTS[FUNC] or _is_check_array(value)
    if attribute in _TEXT_SLOTS and hasattr(owner, "build_tokenizer"):
        return any(value is vars(str)[name] for name in TEXT_METHODS)
    if owner.__name__ == "Booster" and attribute in {"handle", "_handle"}:
        return type(value).__name__ == "c_void_p"
    if attribute == "_object" and owner.__module__ == "catboost.core":
        return type(value).__name__ == "_CatBoost"
    if attribute == "_call" and owner.__name__ == "interp1d":
        return any(value is own for own in vars(owner).values())
    return pair in FUNCTION_SLOTS.get(attribute, ()) and attribute != FUNC


def _is_function(value: Any) -> bool:
    return type(value) is FunctionType or type(value).__name__ in {
        "_ArrayFunctionDispatcher",
        "cython_function_or_method",
    }


def _home(value: Any) -> str:
    return str(value.__module__)


def _is_check_array(value: Any) -> bool:
    """Say whether this is what HistGradientBoosting keeps for its plain columns."""
    return type(value) is partial and value.func is check_array and not value.args and not vars(value)
