"""
Decision trees of any library as one plain form, and all edges of many trees in one numbering, level by level.

Pure numpy. The two edges of a node stand side by side, left before right, behind all edges of the levels above.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Tree:
    """
    Hold one tree as arrays over its nodes, the root first; `left` of a leaf is below 0.

    A row goes left where its value is at most the threshold (or below it, as the forest says), and where the value is
    NaN and `nan_left` is set. `cover` is how many training rows, or how much of their weight, reached a node. `values`
    (nodes, outputs) count at leaves only. `codes` has an entry for each node that asks for a category: whether code 0,
    1, … goes left; any other code goes as NaN does.
    """

    left: npt.NDArray[Any]
    right: npt.NDArray[Any]
    feature: npt.NDArray[Any]
    threshold: Floats
    nan_left: Flags
    cover: Floats
    values: Floats
    codes: Mapping[int, Flags] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Level:
    """Say where the edges of one level stand, and which edge stands above each pair of them (-1: none)."""

    start: int
    stop: int
    above: Places


@dataclass(frozen=True, slots=True)
class Categories:
    """Hold the nodes that ask for a category of one feature: which codes (nodes, codes) go left."""

    feature: int
    nodes: Places
    table: Flags


@dataclass(frozen=True, slots=True)
class Levels:
    """
    Hold the edges of trees; arrays over their nodes have half as many entries, in the same order.

    `above` is the edge next above, -1 at a root. `ratio` is the share of the training rows at a node that take the
    edge, `share` the product of the ratios of the edge and of all edges of its feature above it. `before` is the next
    of these, `edges` where there is none. `chains` are the edges that have one, no edge together with the one before
    it. `scale` (edges, outputs) is the value of the leaf that an edge leads to, 1 for others.
    `deeper` are the levels below the first. `sorted_features` are an order of the nodes by feature, where in it each
    feature starts, and the features.
    """

    feature: Places
    threshold: Floats
    nan_left: Flags
    categories: tuple[Categories, ...]
    above: Places
    before: Places
    chains: tuple[Places, ...]
    ratio: Floats
    share: Floats
    deeper: tuple[Level, ...]
    leaves: Places
    scale: Floats
    sorted_features: tuple[Places, Places, Places]

    @property
    def edges(self) -> int:
        """Return how many edges there are."""
        return len(self.share)


@dataclass(slots=True)
class Pool:
    """Hold the nodes of all trees in one numbering."""

    roots: Places
    left: Places
    right: Places
    feature: Places
    threshold: Floats
    nan_left: Flags
    cover: Floats
    values: Floats
    codes: dict[int, Flags]


def pool(trees: Sequence[Tree]) -> Pool:
    """Put trees behind each other."""
    sizes = [len(tree.left) for tree in trees]
    starts = np.cumsum([0, *sizes])[:-1].astype(np.intp)
    shift = np.repeat(starts, sizes)

    def joined(name: str, kind: Any) -> Any:
        return np.concatenate([getattr(tree, name) for tree in trees]).astype(kind, copy=False)

    left, right = joined("left", np.intp), joined("right", np.intp)
    return Pool(
        roots=starts,
        left=np.where(left < 0, -1, left + shift),
        right=np.where(left < 0, -1, right + shift),
        feature=joined("feature", np.intp),
        threshold=joined("threshold", np.float64),
        nan_left=joined("nan_left", np.bool_),
        cover=joined("cover", np.float64),
        values=joined("values", np.float64),
        codes={
            int(start) + node: table
            for start, tree in zip(starts, trees, strict=True)
            for node, table in tree.codes.items()
        },
    )


def levels_of(nodes: Pool, roots: Places) -> Levels:
    """Return the edges of the trees with these roots, none of which is a lone leaf."""
    source, to, above, deeper = _numbered(nodes, roots)
    edges = len(to)
    feature = nodes.feature[source]
    before = _before(above, feature.repeat(2))
    cover = nodes.cover[source].repeat(2)
    # Rows of weight 0 tell nothing: half of none of them goes either way.
    ratio = np.divide(nodes.cover[to], cover, out=np.full(edges, 0.5), where=cover > 0)
    share, rank = np.ones(edges + 1), np.full(edges + 1, -1)
    for start, stop in ((level.start, level.stop) for level in deeper):
        share[start:stop] = ratio[start:stop] * share[before[start:stop]]
        rank[start:stop] = rank[before[start:stop]] + 1
    leaves = np.flatnonzero(nodes.left[to] < 0)
    return Levels(
        feature=feature,
        threshold=nodes.threshold[source],
        nan_left=nodes.nan_left[source],
        categories=_categories(nodes.codes, source, feature),
        above=above,
        before=before,
        chains=tuple(np.flatnonzero(rank[:edges] == number) for number in range(1, int(rank.max()) + 1)),
        ratio=ratio,
        share=share[:edges],
        deeper=deeper[1:],
        leaves=leaves,
        scale=np.where(nodes.left[to, None] < 0, nodes.values[to], 1.0),
        sorted_features=_sorted(feature),
    )


def _sorted(feature: Places) -> tuple[Places, Places, Places]:
    order = np.argsort(feature, kind="stable")
    features, starts = np.unique(feature[order], return_index=True)
    return order, starts, features


def _numbered(nodes: Pool, roots: Places) -> tuple[Places, Places, Places, tuple[Level, ...]]:
    """Return the nodes that edges leave, those that they lead to, the edge above each (-1: none), and the levels."""
    inner, up = roots, np.full(len(roots), -1, dtype=np.intp)
    sources, ends, aboves, levels = [], [], [], []
    start = 0
    while len(inner):
        pairs = np.stack([nodes.left[inner], nodes.right[inner]], axis=1).reshape(-1)
        sources.append(inner)
        ends.append(pairs)
        aboves.append(up.repeat(2))
        levels.append(Level(start, start + len(pairs), up))
        onward = np.flatnonzero(nodes.left[pairs] >= 0)
        inner, up = pairs[onward], start + onward
        start += len(pairs)
    return np.concatenate(sources), np.concatenate(ends), np.concatenate(aboves), tuple(levels)


def _before(above: Places, feature: Places) -> Places:
    """Return for each edge the next one above it that asks for the same feature; the number of edges for none."""
    found = above.copy()
    open_ = np.flatnonzero(found >= 0)
    while len(open_):
        open_ = open_[feature[found[open_]] != feature[open_]]
        found[open_] = above[found[open_]]
        open_ = open_[found[open_] >= 0]
    return np.where(found < 0, len(above), found)


def _categories(codes: Mapping[int, Flags], source: Places, feature: Places) -> tuple[Categories, ...]:
    """Group the nodes that ask for a category by their feature and the width of their tables."""
    if not codes:
        return ()
    groups: dict[tuple[int, int], list[tuple[int, Flags]]] = {}
    for place in np.flatnonzero(np.isin(source, list(codes))).tolist():
        table = codes[int(source[place])]
        groups.setdefault((int(feature[place]), len(table)), []).append((place, table))
    return tuple(
        Categories(
            number, np.array([place for place, _ in held], dtype=np.intp), np.array([table for _, table in held])
        )
        for (number, _), held in groups.items()
    )


def path_lengths(nodes: Pool) -> tuple[Places, Floats]:
    """Return for each tree the most features on one of its paths, and the mean (outputs) over its training rows."""
    lengths = np.zeros(len(nodes.roots), dtype=np.intp)
    means = nodes.values[nodes.roots].copy()
    grown = np.flatnonzero(nodes.left[nodes.roots] >= 0)
    if not len(grown):
        return lengths, means
    levels = levels_of(nodes, nodes.roots[grown])
    count, reached = (levels.before == levels.edges).astype(np.intp), levels.ratio.copy()
    owner = np.empty(levels.edges, dtype=np.intp)
    owner[: levels.deeper[0].start if levels.deeper else levels.edges] = grown.repeat(2)
    for level in levels.deeper:
        here = slice(level.start, level.stop)
        count[here] += count[level.above].repeat(2)
        reached[here] *= reached[level.above].repeat(2)
        owner[here] = owner[level.above].repeat(2)
    np.maximum.at(lengths, owner, count)
    means[grown] = 0
    np.add.at(means, owner[levels.leaves], levels.scale[levels.leaves] * reached[levels.leaves, None])
    return lengths, means
