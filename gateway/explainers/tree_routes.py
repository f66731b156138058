"""Finds which edges of trees a row passes. Pure numpy."""

import numpy as np
import numpy.typing as npt

from gateway.explainers.tree_levels import Flags, Floats, Levels


def cases(levels: Levels, columns: Floats, *, strict: bool) -> npt.NDArray[np.intp]:
    """
    Return for every edge and row (edges, rows) how the row stands to the feature of the edge.

    0: it fails an edge of that feature further up; 1: it fails this one; 2: it passes all of them. `columns` are
    (features, rows). `strict` sends a row left below the threshold only, not at it.
    """
    passes = np.ones((levels.edges + 1, columns.shape[1]), dtype=np.bool_)
    left = _goes_left(levels, columns, strict=strict)
    passes[:-1:2] = left
    np.logical_not(left, out=passes[1:-1:2])
    for chain in levels.chains:
        passes[chain] = passes.take(chain, axis=0) & passes.take(levels.before[chain], axis=0)
    case = passes[:-1].view(np.uint8) + passes.take(levels.before, axis=0).view(np.uint8)
    return case + (3 * np.arange(levels.edges))[:, None]


def _goes_left(levels: Levels, columns: Floats, *, strict: bool) -> Flags:
    values = columns.take(levels.feature, axis=0)
    threshold = levels.threshold[:, None]
    left: Flags = values < threshold if strict else values <= threshold
    missing = np.isnan(columns)
    if missing.any():
        left |= missing.take(levels.feature, axis=0) & levels.nan_left[:, None]
    for held in levels.categories:
        left[held.nodes] = _is_member(held.table, columns[held.feature], levels.nan_left[held.nodes])
    return left


def _is_member(table: Flags, values: Floats, otherwise: Flags) -> Flags:
    """Return whether each code goes left at each node (nodes, rows); fractions are cut off as libraries cut them."""
    known = (values >= 0) & (values < table.shape[1])
    codes = np.where(known, values, 0).astype(np.intp)
    return np.where(known, table[:, codes], otherwise[:, None])
