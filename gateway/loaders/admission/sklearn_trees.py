"""
Walks the parts of an estimator: caps their threads, and checks the node tables that scikit-learn follows unchecked.

A crafted table would read foreign memory (github.com/scikit-learn/scikit-learn/pull/34558), and skops looks at types
only, not at contents.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from gateway.errors import ArtifactError

#: A bitset of 256 categories in 32-bit words.
_BITSET_WORDS = 8


def walk_parts(root: Any) -> Iterator[Any]:
    """Yield every estimator inside an estimator, itself included."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, BaseEstimator):
            yield item
            stack.extend(vars(item).values())
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, np.ndarray) and item.dtype == object:
            stack.extend(item.ravel().tolist())
        elif isinstance(item, list | tuple):
            stack.extend(item)
        elif type(item).__name__ == "_CalibratedClassifier":
            stack.extend(vars(item).values())


def cap_threads(estimator: Any) -> None:
    """Set n_jobs=1 everywhere: threads of a model would fight with those of the worker."""
    for part in walk_parts(estimator):
        if hasattr(part, "n_jobs"):
            part.n_jobs = 1
        if hasattr(part, "_n_threads"):  # of k-means: as many as the machine had that trained it
            part._n_threads = 1
        if type(part).__module__ == "xgboost.sklearn" and part.__sklearn_is_fitted__():
            part.get_booster().set_param({"nthread": 1})


def takes_categories(estimator: Any) -> str:
    """Return the library of a model inside that was fitted on pandas categories, "" where there is none."""
    for part in walk_parts(estimator):
        module = type(part).__module__
        if module not in {"lightgbm.sklearn", "xgboost.sklearn"} or not part.__sklearn_is_fitted__():
            continue
        if module == "lightgbm.sklearn" and part.booster_.pandas_categorical:
            return "LightGBM"
        if module == "xgboost.sklearn" and "c" in (part.get_booster().feature_types or ()):
            return "XGBoost"
    return ""


def check_trees(path: Path, estimator: Any) -> None:
    """Raise ArtifactError (`broken-artifact`) if a tree points outside its table, its features or back to itself."""
    for part in walk_parts(estimator):
        width = int(getattr(part, "n_features_in_", 0) or 0)
        tree: Any = getattr(part, "tree_", None)
        sound = True
        if type(tree).__name__ == "Tree":
            nodes = tree.__getstate__()["nodes"]
            leaf = nodes["left_child"] == -1
            sound = _is_sound(nodes["left_child"], nodes["right_child"], nodes["feature"], leaf, width)
            sound = sound and int(tree.n_features) == width
        for tables in getattr(part, "_predictors", None) or ():
            sound = sound and all(_is_sound_predictor(table, width) for table in tables)
        for child in _same_width(part):
            sound = sound and int(getattr(child, "n_features_in_", width)) == width
        if not sound:
            raise ArtifactError(
                f"{path.name}: a tree of {type(part).__name__} points outside its own table",
                code="broken-artifact",
                hint="the file was damaged or made to crash its reader; fetch it again from where it was trained",
            )


def _same_width(part: Any) -> list[Any]:
    """Return the trees that a forest or a boosting feeds with all of its columns."""
    homes = {kind.__module__ for kind in type(part).__mro__}
    if homes.isdisjoint({"sklearn.ensemble._forest", "sklearn.ensemble._gb"}):
        return []
    return list(np.asarray(getattr(part, "estimators_", []), dtype=object).ravel())


def _is_sound(
    left: npt.NDArray[Any], right: npt.NDArray[Any], feature: npt.NDArray[Any], leaf: npt.NDArray[Any], width: int
) -> bool:
    """Children come after their parents (no cycle) and inside the table; features inside the row."""
    count = len(left)
    inner = np.flatnonzero(~leaf)
    for children in (left, right):
        reached = children[inner].astype(np.int64)
        if not bool(np.all((reached > inner) & (reached < count))):
            return False
    used = feature[inner]
    return count > 0 and bool(np.all((used >= 0) & (used < width)))


def _is_sound_predictor(table: Any, width: int) -> bool:
    nodes = table.nodes
    leaf = nodes["is_leaf"] != 0
    by_category = ~leaf & (nodes["is_categorical"] != 0)
    bits = np.asarray(table.raw_left_cat_bitsets)
    if bits.shape[1:] != (_BITSET_WORDS,) or not bool(np.all(nodes["bitset_idx"][by_category] < len(bits))):
        return False
    # Columns are reordered before the trees when there are categorical ones; their number stays the same.
    return _is_sound(nodes["left"], nodes["right"], nodes["feature_idx"], leaf, width)
