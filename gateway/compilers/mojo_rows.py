"""
Rows that part a MOJO's compiled model from its original: both sides of every split, and a missing value, on the way to
it.

Runs while preparing. The way to a split is obeyed, so that each probe stands where the split decides.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.compilers.mojo_parts import Part, Parts
from gateway.compilers.mojo_trees import Split, walk
from gateway.schema import Column, Signature

#: Splits that are probed, spread over all trees.
MAX_PROBES = 2_500
#: Levels that are tried at each of them.
MAX_LEVELS = 6
#: Share of missing values off the way.
_HOLES = 0.05
_SEED = 13
Way = tuple[tuple[Split, bool], ...]


def probes(parts: Parts, signature: Signature, levels: Sequence[int]) -> list[list[Column]]:
    """Return one batch of rows as columns, levels by name; none where there are no trees."""
    draw = np.random.default_rng(_SEED)
    spots = [
        (model, split, way)
        for model in parts.models
        for sums in model.trees
        for tree in sums
        for split, way in walk(tree)
    ]
    if not spots:
        return []
    if len(spots) > MAX_PROBES:
        spots = [spots[at] for at in draw.choice(len(spots), MAX_PROBES, replace=False)]
    ranges = _ranges(spots, len(levels))
    rows = [row for spot in spots for row in _rows_at(spot, _base(ranges, levels, draw), levels, draw)]
    return [[_column(signature, at, [row[at] for row in rows]) for at in range(len(levels))]]


def _column(signature: Signature, at: int, values: list[float]) -> Column:
    field = signature.inputs[at]
    if field.type != "string":
        return np.array(values, dtype=np.float64)
    names: Any = field.enum or ()
    column = np.empty(len(values), dtype=object)
    column[:] = [value if value != value else names[int(value)] for value in values]  # noqa: PLR0124 - NaN
    return column


def _ranges(spots: Sequence[tuple[Part, Split, Way]], width: int) -> npt.NDArray[np.float64]:
    """Return the lowest and the highest threshold of each column."""
    found = np.array([[np.inf, -np.inf]] * width)
    for model, split, _ in spots:
        if split.threshold is not None and np.isfinite(split.threshold):
            at = found[model.columns[split.column]]
            at[:] = min(at[0], split.threshold), max(at[1], split.threshold)
    found[found[:, 0] > found[:, 1]] = (0.0, 1.0)
    return found


def _base(ranges: npt.NDArray[np.float64], levels: Sequence[int], draw: np.random.Generator) -> list[float]:
    """Return a plausible row, levels as numbers."""
    row = []
    for (low, high), count in zip(ranges.tolist(), levels, strict=True):
        if draw.random() < _HOLES:
            row.append(np.nan)
        elif count:
            row.append(float(draw.integers(count)))
        else:
            margin = 0.1 * (high - low) + 1e-3
            row.append(float(draw.uniform(low - margin, high + margin)))
    return row


def _rows_at(
    spot: tuple[Part, Split, Way], row: list[float], levels: Sequence[int], draw: np.random.Generator
) -> list[list[float]]:
    model, split, way = spot
    for above, is_right in way:
        _obey(row, model.columns[above.column], above, is_right, levels)
    column = model.columns[split.column]
    found = []
    for value in _sides(split, levels[column], draw):
        changed = row.copy()
        changed[column] = value
        found.append(changed)
    return found


def _obey(row: list[float], column: int, split: Split, is_right: bool, levels: Sequence[int]) -> None:
    """Change the value of a column, where need be, so that it takes the given side; the last demand on it wins."""
    value = row[column]
    if levels[column]:
        sides = split.goes_right(levels[column])
        here = levels[column] if value != value else int(value)  # noqa: PLR0124 - NaN
        fitting = np.flatnonzero(sides[:-1] == is_right)
        if sides[here] != is_right:
            row[column] = float(fitting[here % len(fitting)]) if len(fitting) else np.nan
    elif split.threshold is not None:
        goes_right = split.missing_right if value != value else value >= split.threshold  # noqa: PLR0124
        if goes_right != is_right:
            step = abs(split.threshold) * 0.01 + 1e-3
            row[column] = split.threshold + (step if is_right else -step)
    elif is_right == split.missing_right:
        row[column] = np.nan
    elif value != value:  # noqa: PLR0124 - NaN
        row[column] = 0.0


def _sides(split: Split, levels: int, draw: np.random.Generator) -> list[float]:
    """Return the values that a split tells apart: its threshold and its neighbours, or levels; and a missing one."""
    if split.threshold is not None:
        at = np.float32(split.threshold)
        below = [float(np.nextafter(at, np.float32(-np.inf))), float(np.nextafter(split.threshold, -np.inf))]
        return [float(at), *below, np.nan]
    chosen = draw.choice(levels, min(levels, MAX_LEVELS), replace=False) if levels else [0]
    return [*map(float, chosen), np.nan]
