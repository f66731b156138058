"""
Lowers the trees of a MOJO to leaf masks: one table of bits for a whole forest. Runs while preparing.

A column has a row for each value that its splits can tell apart; columns of few values share rows.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.compilers.base import Declined
from gateway.compilers.mojo_parts import Part
from gateway.compilers.mojo_trees import MojoTree, Split
from gateway.runtimes.arrays import Words
from gateway.runtimes.leaf_masks import WORD_BITS, MaskGroup, Masks

Numbers: TypeAlias = npt.NDArray[np.float64]
#: The trees of one sum, with the model that they belong to.
Trees: TypeAlias = Sequence[tuple[Part, Sequence[MojoTree]]]

#: Bytes of the masks; beyond it they leave the caches of the processor, and workers grow.
MAX_TABLE = 64 * 1024 * 1024
#: Rows of the table that columns of few values may share: more of them save less than they take of the cache.
MAX_GROUP = 600
_WORD_BYTES = 8
_ALL = 2**WORD_BITS - 1


@dataclass(frozen=True, slots=True)
class _Spot:
    """Place one tree: its model and the words that its leaves take."""

    model: Part
    tree: MojoTree
    words: slice


def masks_of(trees: Trees, thresholds: Sequence[Numbers], levels: Sequence[int]) -> Masks:
    """Return the masks of a forest; raises Declined where they would be too large."""
    if min(len(sums) for _, sums in trees) == 0:
        raise Declined("a class of the MOJO has no trees")
    sizes = _sizes(trees, thresholds, levels)
    words = sum(_words_of(tree) for _, sums in trees for tree in sums)
    grouped = _affordable(sizes, words)
    masks = {column: np.full((size, words), _ALL, dtype=np.uint64) for column, size in sizes.items()}
    leaves = np.zeros((words, WORD_BITS + 1))
    for spot in _spots(trees):
        _fill_leaves(leaves[spot.words], spot.tree.leaves)
        _fill_masks(masks, spot, thresholds, levels)
    return Masks(_joined(grouped, masks), leaves, _starts(trees), _mask_groups(grouped, sizes))


def _sizes(trees: Trees, thresholds: Sequence[Numbers], levels: Sequence[int]) -> dict[int, int]:
    """Return, for each column that a split looks at, how many values it can take, missing included."""
    used = {model.columns[split.column] for model, sums in trees for tree in sums for split in tree.splits} or {0}
    return {column: (levels[column] or len(thresholds[column]) + 1) + 1 for column in used}


def _words_of(tree: MojoTree) -> int:
    return -(-len(tree.leaves) // WORD_BITS)


def _affordable(sizes: Mapping[int, int], words: int) -> list[list[int]]:
    """Return the groups of columns, of one each where shared rows would take too much; raises Declined."""
    grouped = _groups(sizes)
    if sum(math.prod(sizes[column] for column in group) for group in grouped) * words * _WORD_BYTES > MAX_TABLE:
        grouped = [[column] for column in sizes]
    if sum(sizes.values()) * words * _WORD_BYTES > MAX_TABLE:
        raise Declined(f"the trees need a table of more than {MAX_TABLE >> 20} MB")
    return grouped


def _spots(trees: Trees) -> Iterator[_Spot]:
    word = 0
    for model, sums in trees:
        for tree in sums:
            count = _words_of(tree)
            yield _Spot(model, tree, slice(word, word + count))
            word += count


def _starts(trees: Trees) -> npt.NDArray[np.int64]:
    """Return the first word of each sum."""
    counts = [sum(map(_words_of, sums)) for _, sums in trees]
    return np.cumsum([0, *counts[:-1]], dtype=np.int64)


def _fill_masks(masks: Mapping[int, Words], spot: _Spot, thresholds: Sequence[Numbers], levels: Sequence[int]) -> None:
    """Leave of the words of a tree the bits of its leaves, and of these, for each value, those that it can reach."""
    here, tree = spot.words, spot.tree
    masks[min(masks)][:, here] &= _mask(0, len(tree.leaves), here.stop - here.start)
    for split in tree.splits:
        column = spot.model.columns[split.column]
        _rule_out(masks[column][:, here], split, thresholds[column], levels[column])


def _joined(grouped: Sequence[Sequence[int]], masks: Mapping[int, Words]) -> Words:
    """Return the table: a row for each combination of values of a group of columns."""
    tables = []
    for first, *others in grouped:
        table = masks[first]
        for column in others:
            table = (table[:, None] & masks[column][None]).reshape(-1, table.shape[1])
        tables.append(table)
    return np.concatenate(tables)


def _mask_groups(grouped: Sequence[list[int]], sizes: Mapping[int, int]) -> list[MaskGroup]:
    groups, offset = [], 0
    for group in grouped:
        own = [sizes[column] for column in group]
        groups.append(MaskGroup(group, own, offset))
        offset += math.prod(own)
    return groups


def _groups(sizes: Mapping[int, int]) -> list[list[int]]:
    """Put columns of few values together, so that one row of the table rules out for all of them."""
    groups: list[list[int]] = []
    product = MAX_GROUP + 1
    for column in sorted(sizes, key=lambda one: (sizes[one], one)):
        if product * sizes[column] <= MAX_GROUP:
            groups[-1].append(column)
            product *= sizes[column]
        else:
            groups.append([column])
            product = sizes[column]
    return groups


def _fill_leaves(place: npt.NDArray[np.float64], leaves: Sequence[float]) -> None:
    for number, value in enumerate(leaves):
        place[number // WORD_BITS, number % WORD_BITS] = value


def _mask(first: int, last: int, words: int) -> npt.NDArray[np.uint64]:
    """Return words with the bits from `first` to `last` (exclusive) set."""
    bits = (1 << last) - (1 << first)
    return np.array([bits >> (WORD_BITS * word) & (2**WORD_BITS - 1) for word in range(words)], dtype=np.uint64)


def _rule_out(rows: npt.NDArray[np.uint64], split: Split, thresholds: npt.NDArray[np.float64], levels: int) -> None:
    """Clear, for every value of a column, the leaves on the side of a split that the value does not take."""
    if levels:
        right = split.goes_right(levels)
    else:
        right = np.zeros(len(rows), dtype=np.bool_)
        if split.threshold is not None:
            # The row number counts the thresholds that the value has reached.
            right[int(np.searchsorted(thresholds, split.threshold)) + 1 :] = True
        elif split.known:
            raise Declined("a tree asks a number for its level")
        right[-1] = split.missing_right
    first, middle, last = split.leaves
    words = rows.shape[1]
    rows[right] &= ~_mask(first, middle, words)
    rows[~right] &= ~_mask(middle, last, words)
