"""Contributions of trees are the Shapley values of the game in which an unknown feature follows the training rows."""

import itertools
import math
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from gateway.explainers import tree_shap
from gateway.explainers.tree_levels import Tree
from gateway.explainers.tree_shap import TreeShap

FEATURES = 5
Floats = npt.NDArray[np.float64]


def grown(draw: np.random.Generator, *, depth: int, features: int = FEATURES, outputs: int = 1) -> Tree:
    """Return a tree with random splits, the same feature several times on a path, categories, and missing ways."""
    left, right, feature, threshold, cover, codes = [-1], [-1], [0], [0.0], [100.0], {}
    open_ = [(0, 0)]
    while open_:
        node, level = open_.pop()
        if level == depth or draw.random() < 0.15:
            continue
        left[node], right[node] = len(left), len(left) + 1
        feature[node], threshold[node] = int(draw.integers(features)), float(draw.integers(-2, 3))
        share = float(draw.choice([0.0, 0.25, 0.5, 0.9]))
        if draw.random() < 0.2:
            codes[node] = draw.random(3) < 0.5
        for part in (share, 1 - share):
            left.append(-1)
            right.append(-1)
            feature.append(0)
            threshold.append(0.0)
            cover.append(cover[node] * part)
            open_.append((len(left) - 1, level + 1))
    return Tree(
        np.array(left),
        np.array(right),
        np.array(feature),
        np.array(threshold),
        draw.random(len(left)) < 0.5,
        np.array(cover),
        draw.normal(size=(len(left), outputs)),
        codes,
    )


def goes_left(tree: Tree, node: int, value: float, *, strict: bool) -> bool:
    """Say where one value goes at one node, as the description of Tree has it."""
    if node in tree.codes:
        table = tree.codes[node]
        known = not math.isnan(value) and 0 <= value < len(table)
        return bool(table[int(value)] if known else tree.nan_left[node])
    if math.isnan(value):
        return bool(tree.nan_left[node])
    return bool(value < tree.threshold[node] if strict else value <= tree.threshold[node])


def played(tree: Tree, row: Floats, known: frozenset[int], *, strict: bool, node: int = 0) -> Floats:
    """Return the answer where only some features are known: the mean by cover at all other nodes."""
    left, right = int(tree.left[node]), int(tree.right[node])
    if left < 0:
        return np.asarray(tree.values[node])
    feature = int(tree.feature[node])
    if feature in known:
        side = left if goes_left(tree, node, row[feature], strict=strict) else right
        return played(tree, row, known, strict=strict, node=side)
    share = tree.cover[left] / tree.cover[node] if tree.cover[node] else 0.5
    return share * played(tree, row, known, strict=strict, node=left) + (1 - share) * played(
        tree, row, known, strict=strict, node=right
    )


def shapley(trees: Sequence[Tree], row: Floats, *, strict: bool) -> Floats:
    """Return (features, outputs) by the definition: the mean over all orders of what a feature adds."""
    count = len(row)
    found = np.zeros((count, trees[0].values.shape[1]))
    sets = [frozenset(known) for size in range(count + 1) for known in itertools.combinations(range(count), size)]
    worth = {known: sum(played(tree, row, known, strict=strict) for tree in trees) for known in sets}
    for known in sets:
        for feature in set(range(count)) - known:
            weight = math.factorial(len(known)) * math.factorial(count - len(known) - 1) / math.factorial(count)
            found[feature] += weight * (worth[known | {feature}] - worth[known])
    return found


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_contributions_are_shapley_values(seed: int, strict: bool) -> None:
    """Equal to the definition over all subsets: ties, missing values, categories, weights of 0, lone leaves."""
    draw = np.random.default_rng(seed)
    trees = [grown(draw, depth=depth, outputs=2) for depth in (0, 1, 3, 6)]
    rows = draw.integers(-3, 4, size=(8, FEATURES)).astype(np.float64)
    rows[draw.random(rows.shape) < 0.2] = np.nan
    shap = TreeShap(trees, FEATURES, strict=strict)
    expected = np.array([shapley(trees, row, strict=strict) for row in rows])
    for output in (0, 1):
        np.testing.assert_allclose(shap.contributions(rows, output), expected[:, :, output], rtol=0, atol=1e-12)
        np.testing.assert_allclose(
            shap.base[output], sum(played(tree, rows[0], frozenset(), strict=strict)[output] for tree in trees)
        )


def test_long_paths_stay_exact() -> None:
    """Paths over 40 features, which need 20 points, add up to the answer of the tree as exactly as short ones."""
    draw = np.random.default_rng(7)
    size, depth = 40, 40
    feature = np.repeat(draw.permutation(size), 2)
    left = np.full(2 * depth + 1, -1)
    left[: 2 * depth : 2] = np.arange(1, 2 * depth, 2)  # a chain: the left child is a leaf, the right one goes on
    right = np.where(left < 0, -1, left + 1)
    cover = np.ones(2 * depth + 1)
    cover[0::2] = 1.5 ** -np.arange(depth + 1)
    cover[1::2] = cover[0:-1:2] - cover[2::2]
    values = draw.normal(size=(2 * depth + 1, 1)) * 1e3
    tree = Tree(left, right, np.append(feature, 0), np.zeros(2 * depth + 1), left > 0, cover, values)
    rows = draw.normal(size=(200, size)) + 1.5
    found = TreeShap([tree], size)
    answers = [played(tree, row, frozenset(range(size)), strict=False)[0] for row in rows]
    np.testing.assert_allclose(found.base[0] + found.contributions(rows).sum(axis=1), answers, rtol=1e-12, atol=1e-9)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees and rows that are cut into many blocks, with tables that are not kept, explain as in one piece."""
    draw = np.random.default_rng(8)
    trees = [grown(draw, depth=5) for _ in range(30)]
    rows = draw.normal(size=(50, FEATURES))
    whole = TreeShap(trees, FEATURES).contributions(rows)
    for name in ("_TREES", "_ROWS", "_KEPT"):
        monkeypatch.setattr(tree_shap, name, 100)
    np.testing.assert_allclose(TreeShap(trees, FEATURES).contributions(rows), whole, rtol=1e-12, atol=1e-14)
    assert TreeShap(trees, FEATURES).contributions(rows[:0]).shape == (0, FEATURES)


def test_threads_share_one_object() -> None:
    """Several threads that ask at once get what one of them gets alone."""
    draw = np.random.default_rng(9)
    shap = TreeShap([grown(draw, depth=6) for _ in range(20)], FEATURES)
    rows = draw.normal(size=(40, FEATURES))
    alone = shap.contributions(rows)
    found: list[Floats] = []
    threads = [threading.Thread(target=lambda: found.append(shap.contributions(rows))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(one, alone) for one in found)
