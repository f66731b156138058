"""
Names what in CatBoost's JSON does not fit: CatBoost reads all leaves as one table, and follows what points outside.

Knows trees and their splits, nothing of predicting; what the tables of categories hold CatBoost checks itself.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Node = Mapping[str, Any]
#: Deeper trees cannot be trained.
_DEEPEST: Final = 16
_FLOAT: Final = "FloatFeature"
#: Of single precision, as borders are written.
_NEAR: Final = 1e-5


class Unfit(Exception):
    """Say in one clause what of a model does not fit."""


def fault_of_trees(model: Node) -> str:
    """Say what of the trees does not fit each other or the columns, or nothing."""
    try:
        _check_trees(model)
    except KeyError as exc:
        return f"{exc.args[0]} is missing"
    except (Unfit, TypeError, AttributeError, ValueError, OverflowError) as exc:
        return str(exc)
    return ""


def _check_trees(model: Node) -> None:
    features = model["features_info"].get("float_features") or ()
    if len({feature["flat_feature_index"] for feature in features}) < len(features):
        raise Unfit("two columns stand in one place")
    if model.get("scale_and_bias", (1,))[0] is None:
        raise Unfit("its scale is no number")
    borders = list(_borders(features))
    outputs: set[float] = set()
    for number, tree in enumerate(model.get("oblivious_trees", ())):
        splits, values = tree.get("splits") or (), tree["leaf_values"]
        if len(splits) > _DEEPEST:
            raise Unfit(f"tree {number} has {len(splits)} splits, {_DEEPEST} at most are possible")
        _check_splits(splits, borders, number)
        _check_values(values, number)
        outputs.add(len(values) / 2 ** len(splits))
    for number, tree in enumerate(model.get("trees", ())):
        outputs.update(_leaf_sizes(tree, borders, number))
    if len(outputs) > 1 or any(count < 1 or count != int(count) for count in outputs):
        raise Unfit("its leaves are not as many as its splits make, or hold unlike numbers of values")


def _borders(features: Sequence[Node]) -> Iterator[tuple[int, float]]:
    """Yield feature and border of each split of a number, in the order in which splits are numbered."""
    for feature in features:
        yield from ((feature["feature_index"], border) for border in feature.get("borders") or ())


def _check_splits(splits: Sequence[Node], borders: Sequence[tuple[int, float]], number: int) -> None:
    for split in splits:
        index, is_float = split["split_index"], split.get("split_type", _FLOAT) == _FLOAT
        if type(index) is not int or index < 0 or (is_float and index >= len(borders)):
            raise Unfit(f"tree {number} splits by number {index!s:.20}, which is none of its columns")
        if not is_float and index < len(borders):
            raise Unfit(f"tree {number} splits a category by the border of a number")
        if is_float and not _is_same(split, *borders[index]):
            raise Unfit(f"tree {number} splits by a border that its column does not have")


def _is_same(split: Node, feature: int, border: float) -> bool:
    told = split.get("border", border)
    return split.get("float_feature_index", feature) == feature and math.isclose(
        told, border, rel_tol=_NEAR, abs_tol=_NEAR
    )


def _check_values(values: Sequence[Any], number: int) -> None:
    if not all(type(value) in (int, float) and math.isfinite(value) for value in values):
        raise Unfit(f"a leaf of tree {number} holds more than finite numbers")


def _leaf_sizes(tree: Node, borders: Sequence[tuple[int, float]], number: int) -> Iterator[int]:
    """Yield how many values each leaf of a tree without symmetry holds."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if "value" in node:
            values = node["value"] if isinstance(node["value"], list) else [node["value"]]
            _check_values(values, number)
            yield len(values)
        else:
            _check_splits([node["split"]], borders, number)
            waiting += [node["left"], node["right"]]
