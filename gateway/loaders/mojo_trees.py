"""
Says whether the trees of a MOJO end: Java follows the sizes in them unchecked, also back to where it came from.

A tree is a row of nodes, each before what lies below it, left side first; a node says how long its left side is.
"""

import re
import struct
from collections.abc import Iterator
from typing import Final

#: Class and number; trees without a class, and what nodes weigh (`_aux`), are of another form.
_NAME: Final = re.compile(r"(?:^|/)trees/t\d+_\d+\.bin$")
#: The column number of a tree that is one leaf.
_NO_COLUMN: Final = 0xFFFF
#: Bits of a node's first byte: how many bytes the length of the left side takes, or that it is a leaf; the kind of
#: split; that the right side is a leaf.
_LEFT, _KIND, _RIGHT_LEAF = 0x33, 0x0C, 0xC0
_LEFT_LEAF: Final = 0x30
_LONGEST_SIZE: Final = 3
#: A missing value against the rest: there is no split.
_AGAINST_REST: Final = 1
_NUMBER, _SHORT_SET, _LONG_SET = 0x00, 0x08, 0x0C
_LEAF_BYTES: Final = 4
_HEAD: Final = struct.Struct("<BHB")
_SET: Final = struct.Struct("<HI")


def is_tree(name: str) -> bool:
    """Say whether a file of an archive is a tree of a forest: of isolation forests that are extended, it is none."""
    return _NAME.search(name) is not None


def is_whole(data: bytes) -> bool:
    """Say whether nodes follow each other to the last byte, and each left side is as long as it says."""
    if len(data) == _HEAD.size + _LEAF_BYTES - 1 and int.from_bytes(data[1:3], "little") == _NO_COLUMN:
        return True
    try:
        return all(end == told for end, told in _left_sides(data))
    except (struct.error, ValueError):
        return False


def _left_sides(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each left side ends and where it is told to, at last the end of the tree and of the data."""
    at = 0
    #: What waits for the end of the left side before it: where that should be, and whether the right side is a leaf.
    waiting: list[tuple[int, bool]] = []
    while True:
        kind, column, missing = _HEAD.unpack_from(data, at)
        if column == _NO_COLUMN:
            raise ValueError("a tree of one leaf inside of a tree")
        at += _HEAD.size
        if missing != _AGAINST_REST:
            at += _split_bytes(data, at, kind & _KIND)
        is_leaf, size = kind & _RIGHT_LEAF == _RIGHT_LEAF, kind & _LEFT
        if size <= _LONGEST_SIZE:
            told = int.from_bytes(data[at : at + size + 1], "little", signed=size == _LONGEST_SIZE)
            at += size + 1
            waiting.append((at + told, is_leaf))
            continue
        if size != _LEFT_LEAF:
            raise ValueError("a left side of no kind")
        at += _LEAF_BYTES
        while is_leaf:  # a right side ends: so do all left sides that it is the end of
            at += _LEAF_BYTES
            if not waiting:
                yield at, len(data)
                return
            told, is_leaf = waiting.pop()
            yield at, told


def _split_bytes(data: bytes, at: int, kind: int) -> int:
    if kind in (_NUMBER, _SHORT_SET):
        return 4
    if kind != _LONG_SET:
        raise ValueError("a split of no kind")
    bits: int = _SET.unpack_from(data, at)[1]
    return _SET.size + (bits + 7) // 8
