"""
Reads the compressed trees of H2O's GBM and DRF out of a MOJO. Runs while preparing; needs no Java.

Tested against the format of MOJO 1.20 to 1.40 (H2O 3.20 to 3.46): one byte string per tree, children behind their node,
the left one first.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.compilers.base import Declined

#: The column number of a tree that is one leaf.
_NO_COLUMN = 0xFFFF
#: How a node treats a missing value: the codes of its second part.
_MISSING_AGAINST_REST, _MISSING_LEFT, _LEFT = 1, 2, 4
#: Bits of a node's first byte: size or kind of the left child, kind of split, kind of the right child.
_LEFT_SIZE, _SPLIT_KIND, _LEFT_LEAF, _RIGHT_LEAF = 0x33, 0x0C, 0x30, 0xC0
_SHORT_SET = 8


@dataclass(slots=True)
class Split:
    """
    Hold one inner node.

    A number goes right from `threshold` on, a level where it is in `right`; a level outside `known` goes the way of
    missing values. With neither a threshold nor a set every value goes left. `leaves` are the first leaf below, the
    first one of the right side, and the one behind the last: leaves are numbered from left to right.
    """

    column: int
    missing_right: bool
    threshold: float | None = None
    known: range = range(0)
    right: frozenset[int] = frozenset()
    leaves: tuple[int, int, int] = (0, 0, 0)
    children: tuple["Split | None", "Split | None"] = (None, None)

    def goes_right(self, levels: int) -> npt.NDArray[np.bool_]:
        """Return the side of every level, and at the end of a missing value, for a split by levels."""
        sides = np.full(levels + 1, self.missing_right)
        if self.threshold is None and not self.known:
            sides[:levels] = False
            return sides
        for level in self.known:
            if level < levels:
                sides[level] = level in self.right
        return sides


@dataclass(slots=True)
class MojoTree:
    """Hold one tree: its root (None for a lone leaf), every split, and the values of its leaves from left to right."""

    root: Split | None
    leaves: list[float]
    splits: list[Split] = field(default_factory=list)


class _Cursor:
    """Read little-endian values one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, form: str) -> float:
        found = struct.unpack_from("<" + form, self._data, self.at)[0]
        self.at += struct.calcsize(form)
        return found  # type: ignore[no-any-return]

    def whole(self, form: str) -> int:
        return int(self.take(form))

    def skip(self, size: int) -> None:
        self.at += size

    def members(self, bits: int, first: int) -> frozenset[int]:
        start, size = self.at, (bits - 1) // 8 + 1
        self.skip(size)
        data = self._data[start : start + size]
        return frozenset(first + bit for bit in range(bits) if data[bit >> 3] >> (bit & 7) & 1)


def read_tree(data: bytes) -> MojoTree:
    """Return a tree; raises Declined where the bytes are not one."""
    tree = MojoTree(None, [])
    try:
        cursor = _Cursor(data)
        tree.root = _node(cursor, tree)
    except (struct.error, IndexError, RecursionError) as error:
        raise Declined(f"a tree of the MOJO cannot be read: {error}") from error
    if cursor.at != len(data):
        raise Declined(f"a tree of the MOJO has {len(data)} bytes, of which {cursor.at} were understood")
    return tree


def _node(cursor: _Cursor, tree: MojoTree) -> Split | None:
    kind = cursor.whole("B")
    column = cursor.whole("H")
    if column == _NO_COLUMN:
        tree.leaves.append(cursor.take("f"))
        return None
    split = _split(cursor, kind, column)
    tree.splits.append(split)
    first = len(tree.leaves)
    size = kind & _LEFT_SIZE
    if size == _LEFT_LEAF:
        left = None
        tree.leaves.append(cursor.take("f"))
    else:
        cursor.skip(size + 1)
        left = _node(cursor, tree)
    middle = len(tree.leaves)
    if kind & _RIGHT_LEAF == _RIGHT_LEAF:
        right = None
        tree.leaves.append(cursor.take("f"))
    else:
        right = _node(cursor, tree)
    split.leaves = (first, middle, len(tree.leaves))
    split.children = (left, right)
    return split


def _split(cursor: _Cursor, kind: int, column: int) -> Split:
    missing = cursor.whole("B")
    split = Split(column, missing not in (_MISSING_LEFT, _LEFT))
    if missing == _MISSING_AGAINST_REST:
        return split
    form = kind & _SPLIT_KIND
    if form == 0:
        split.threshold = cursor.take("f")
    elif form == _SHORT_SET:
        split.known, split.right = range(32), cursor.members(32, 0)
    else:
        first, bits = cursor.whole("H"), cursor.whole("I")
        split.known, split.right = range(first, first + bits), cursor.members(bits, first)
    return split


def walk(tree: MojoTree) -> Iterator[tuple[Split, tuple[tuple[Split, bool], ...]]]:
    """Yield every split with the way that leads to it: splits above, and whether it lies on their right side."""
    stack: list[tuple[Split, tuple[tuple[Split, bool], ...]]] = [] if tree.root is None else [(tree.root, ())]
    while stack:
        split, way = stack.pop()
        yield split, way
        for child, is_right in zip(split.children, (False, True), strict=True):
            if child is not None:
                stack.append((child, (*way, (split, is_right))))
