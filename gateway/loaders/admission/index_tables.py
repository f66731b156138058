"""
Checks the tables of indices that native code follows unchecked: sparse matrices, search trees and splines.

A crafted index would read or write foreign memory. Decision trees have their own check (sklearn_trees.py), because
theirs needs the estimator around them.
"""

from typing import Any, Final, TypeGuard

import numpy as np
import numpy.typing as npt

_SEARCH_TREES: Final = frozenset({"sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"})
_SPLINES: Final = "scipy.interpolate._bsplines"
_PLANE: Final = 2


def table_fault(value: Any) -> str:
    """Say which table of a part points outside itself, or nothing; touches `__dict__` and compiled state only."""
    kind = type(value)
    if kind.__module__.startswith("scipy.sparse."):
        return "" if _is_sound_sparse(kind.__name__, vars(value)) else f"a {kind.__name__} that points outside itself"
    if kind.__module__ == _SPLINES and "extrapolate" in vars(value):
        return "" if _is_sound_spline(vars(value)) else f"a {kind.__name__} that points outside itself"
    if kind.__module__ in _SEARCH_TREES:
        return "" if _is_sound_search(value) else f"a {kind.__name__} that points outside itself"
    return ""


def _is_sound_sparse(kind: str, parts: dict[str, Any]) -> bool:
    shape, data = parts.get("_shape"), parts.get("data")
    if type(shape) is not tuple or not all(isinstance(n, int | np.integer) and n >= 0 for n in shape):
        return False
    if type(data) is not np.ndarray or data.dtype.hasobject:
        return False
    if kind.startswith("dia"):
        offsets = parts.get("offsets")
        return _is_indices(offsets) and data.ndim == len(shape) == _PLANE and len(data) == len(offsets)
    if kind.startswith("coo"):
        coords = parts.get("coords")
        if type(coords) is not tuple or len(coords) != len(shape):
            return False
        return all(_is_indices(c, n) and len(c) == len(data) for c, n in zip(coords, shape, strict=True))
    rows = shape if len(shape) == _PLANE else (1, *shape)
    return len(rows) == _PLANE and _is_sound_compressed(parts, rows[::-1] if kind.startswith("csc") else rows)


def _is_sound_compressed(parts: dict[str, Any], shape: tuple[int, ...]) -> bool:
    """Starts never fall and end inside the data; indices lie inside the other axis."""
    starts, indices = parts.get("indptr"), parts.get("indices")
    if not _is_indices(starts) or not _is_indices(indices, shape[1]) or len(starts) != shape[0] + 1:
        return False
    rising = bool(np.all(starts[1:] >= starts[:-1]))
    return rising and starts[0] == 0 and starts[-1] <= min(len(indices), len(parts["data"]))


def _is_sound_search(tree: Any) -> bool:
    try:
        rows, order, nodes, bounds, _, _, count, *_ = tree.__getstate__()
        leaf = nodes["is_leaf"] != 0
        starts, ends = nodes["idx_start"], nodes["idx_end"]
    except Exception:  # without a state: its views are of nothing
        return False
    last_child = 2 * np.flatnonzero(~leaf) + 2
    inside = (starts >= 0) & (starts <= ends) & (ends <= len(order))
    return (
        _is_indices(order, len(rows))
        and len(nodes) == count == bounds.shape[1]
        and bounds.shape[2] == rows.shape[1]
        and bool(np.all(inside))
        and (not last_child.size or int(last_child.max()) < len(nodes))
    )


def _is_sound_spline(parts: dict[str, Any]) -> bool:
    """Say whether knots are rising and finite, and coefficients as many as these and the degree ask for."""
    knots, weights = (parts.get(f"_{name}", parts.get(name)) for name in ("t", "c"))
    degree = parts.get("k")
    if type(knots) is not np.ndarray or type(weights) is not np.ndarray or not isinstance(degree, int | np.integer):
        return False
    if knots.dtype.kind != "f" or weights.dtype.kind not in "fc" or knots.ndim != 1 or not weights.ndim:
        return False
    wanted = len(knots) - degree - 1
    rising = bool(np.isfinite(knots).all() and np.all(knots[1:] >= knots[:-1]))
    return rising and bool(0 <= degree < wanted <= len(weights))


def _is_indices(found: Any, below: int | None = None) -> TypeGuard[npt.NDArray[Any]]:
    """Say whether this is a row of integers, all inside [0, below) where a bound is given."""
    if type(found) is not np.ndarray or found.dtype.kind not in "iu" or found.ndim != 1:
        return False
    return below is None or not found.size or (int(found.min()) >= 0 and int(found.max()) < below)
