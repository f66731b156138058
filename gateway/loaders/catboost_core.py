"""
Names what in CatBoost's binary format does not fit: CatBoost follows indices and sizes of its trees unchecked.

Knows the places of trees and columns in the core of a file, and which parts follow it; nothing of predicting. CatBoost
checks by itself that tables and vectors lie within the core, not what their numbers say.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from gateway.loaders.catboost_counts import fault_of_counts
from gateway.loaders.flat_tables import Array, Outside, Table, root_of

#: Before the core: the mark, and how long it is.
HEADER_BYTES: Final = 8
#: Deeper symmetric trees cannot be trained.
_DEEPEST: Final = 16
_MOST_OUTPUTS: Final = 100_000
#: Places of the fields in their tables, in the order of CatBoost's schema.
_TREES: Final = 1
_PARTS: Final = 3
_DIMENSION, _SPLITS, _SIZES, _STARTS = 0, 1, 2, 3
_CATEGORIES, _FLOATS, _ONE_HOTS, _CTRS = 4, 5, 6, 7
_LEAVES, _WEIGHTS, _STEPS, _LEAF_OF_NODE, _TEXTS, _ESTIMATED, _EMBEDDINGS = 8, 9, 10, 11, 12, 13, 18
_INDEX_OF: Final = {_FLOATS: (1, 2), _CATEGORIES: (0, 1), _TEXTS: (0, 1), _EMBEDDINGS: (0, 1)}
#: What the first part behind the core is called where it holds what categories count; texts have one of their own.
_COUNTS: Final = "static_provider_v1"
#: Features whose borders or values trees ask about, in the order in which questions are numbered.
_ASKED: Final = ((_FLOATS, 3), (_ESTIMATED, 3), (_ONE_HOTS, 1), (_CTRS, 1))


def fault_of_core(data: bytes) -> str:
    """Say what of the trees of a whole file does not fit each other or the columns, or nothing."""
    end = HEADER_BYTES + int.from_bytes(data[4:HEADER_BYTES], "little")
    try:
        root = root_of(data[HEADER_BYTES:end])
        trees = root.table(_TREES)
        if trees is None:
            return "it has no trees"
        fault = next(_faults(trees), "")
        if not fault and (trees.count(_CTRS) or _COUNTS in root.texts(_PARTS)):
            fault = fault_of_counts(data[end:] if root.texts(_PARTS)[:1] == [_COUNTS] else b"", trees.tables(_CTRS))
    except Outside as exc:
        return str(exc)
    return fault


def _faults(trees: Table) -> Iterator[str]:
    outputs = trees.number(_DIMENSION, "<i", 0)
    if not 1 <= outputs <= _MOST_OUTPUTS:
        yield f"it has {outputs} outputs"
    yield from _columns(trees)
    splits, sizes, starts = (trees.vector(field, "<i4") for field in (_SPLITS, _SIZES, _STARTS))
    if len(starts) != len(sizes) or bool(np.any(sizes < 0)):
        yield f"{len(sizes)} sizes of trees, {len(starts)} places"
    ends = np.cumsum(sizes)
    if not np.array_equal(starts, ends - sizes) or (ends[-1] if len(ends) else 0) != len(splits):
        yield "its trees do not lie one behind the other"
    questions = sum(one.count(field) for kind, field in _ASKED for one in trees.tables(kind))
    if bool(np.any((splits < 0) | (splits >= max(questions, 1)))):
        number = int(splits[(splits < 0) | (splits >= max(questions, 1))][0])
        yield f"a tree splits by number {number}, which is none of its {questions}"
    steps = trees.vector(_STEPS, "<u2", 2).reshape(-1, 2)
    leaves = trees.count(_LEAVES)
    # To CatBoost either part makes trees of nodes.
    is_of_nodes = len(steps) or trees.count(_LEAF_OF_NODE)
    yield from _nodes(trees, steps, sizes, outputs) if is_of_nodes else _levels(sizes, outputs, leaves, questions)
    weights = trees.count(_WEIGHTS)
    if weights not in (0, leaves // outputs):
        yield f"it has {weights} weights of {leaves // outputs} leaves"


def _columns(trees: Table) -> Iterator[str]:
    """Check that columns stand in places of their own."""
    places = []
    for kind, (of_kind, of_all) in _INDEX_OF.items():
        found = trees.tables(kind)
        own = [one.number(of_kind, "<i", -1) for one in found]
        if own != sorted(set(own)) or any(one < 0 for one in own):
            yield "two columns stand in one place"
        places += [one.number(of_all, "<i", -1) for one in found]
    if len(set(places)) < len(places) or any(one < 0 for one in places):
        yield "two columns stand in one place"


def _levels(sizes: Array, outputs: int, leaves: int, questions: int) -> Iterator[str]:
    """Check trees that ask one question on each level."""
    if bool(np.any(sizes > _DEEPEST)):
        yield f"a tree has {int(sizes.max())} splits, {_DEEPEST} at most are possible"
        return
    if not questions and bool(np.any(sizes > 0)):
        yield "its trees split by nothing"
    wanted = int(np.sum(1 << sizes)) * outputs
    if wanted != leaves:
        yield f"its trees have {wanted} values of leaves, {leaves} are there"


def _nodes(trees: Table, steps: Array, sizes: Array, outputs: int) -> Iterator[str]:
    """Check trees of nodes: each leads on within its tree, or to values that are there."""
    leaf_of_node = trees.vector(_LEAF_OF_NODE, "<u4")
    if len(steps) != sizes.sum() or len(leaf_of_node) != len(steps):
        yield f"it has {len(steps)} nodes, {int(sizes.sum())} announced, {len(leaf_of_node)} with a leaf or none"
        return
    ends = np.repeat(np.cumsum(sizes), sizes)
    if bool(np.any(np.arange(len(steps))[:, None] + steps >= ends[:, None])):
        yield "a node leads out of its tree"
    values = leaf_of_node[(steps == 0).any(axis=1)]
    if bool(np.any((values + outputs > trees.count(_LEAVES)) | (values % outputs != 0))):
        yield "a leaf has values that are not there"
