"""
Names what an XGBoost file says it holds and does not, and what points outside of it: XGBoost follows both unchecked.

Knows the parts of the formats since 1.0, nothing of predicting. The order of checks matters: tables are indexed only
once their lengths are known.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gateway.errors import ArtifactError
from gateway.loaders import plain_json, ubjson

Model = Mapping[str, Any]
#: Tables with one entry per node.
_PER_NODE: Final = (
    *("left_children", "right_children", "parents", "split_indices", "split_conditions", "default_left"),
    *("loss_changes", "sum_hessian"),
)
#: Since this release a model keeps the levels of its columns, or an empty table of them.
_CATS_SINCE: Final = (3, 1)
#: Beyond it float32 skips whole numbers, so that XGBoost admits no such category.
_MOST_CATEGORIES: Final = 2**24
#: Of `split_type`.
_BY_CATEGORY: Final = 1
#: Parts that an error names.
_SHOWN: Final = 5


def check_contents(path: Path) -> Model:
    """
    Return what the file holds.

    Raises ArtifactError: `broken-artifact` where the file cannot be read, `missing-parts` where its parts differ.
    """
    try:
        found = _read(path.read_bytes())
        faults = list(_faults(found["learner"], tuple(found.get("version", ()))))
    except KeyError as exc:
        faults = [f"{exc.args[0]} is missing"]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
        raise _refused(path, f"not a readable XGBoost model: {exc}", "broken-artifact") from exc
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise _refused(path, f"not a whole XGBoost model: {'; '.join(faults[:_SHOWN])}{more}", "missing-parts")
    return found


def _refused(path: Path, what: str, code: str) -> ArtifactError:
    return ArtifactError(
        f"{path.name}: {what}",
        code=code,
        hint="write it again with save_model('model.ubj') where it was trained, and compare its sha256 after copying",
    )


def _read(data: bytes) -> Model:
    """Tell the formats apart: a name in UBJSON begins with the type of its length, in JSON with a quote."""
    is_json = data.lstrip()[1:].lstrip()[:1] == b'"'
    found = plain_json.decode(data) if is_json else ubjson.decode(data)
    if not isinstance(found, dict):
        raise TypeError("it holds no object")
    return found


def _faults(learner: Model, version: tuple[Any, ...]) -> Iterator[str]:
    told = learner["learner_model_param"]
    width, classes, targets = (int(told.get(name, 0)) for name in ("num_feature", "num_class", "num_target"))
    groups = max(classes, targets, 1)
    if min(int(told["num_feature"]), classes, targets) < 0:
        yield f"num_feature, num_class and num_target are {width}, {classes} and {targets}"
        return
    scores = np.atleast_1d(np.asarray(json.loads(told["base_score"]), dtype=np.float64))
    if len(scores) not in {1, groups} or not np.isfinite(scores).all():
        yield f"base_score is {told['base_score']!s:.40}, {groups} announced"
    for name in ("feature_names", "feature_types"):
        found = learner.get(name, ())
        if len(found) not in {0, width}:
            yield f"{name} has {len(found)} entries, num_feature is {width}"
    _ = learner["objective"]["name"]
    booster = learner["gradient_booster"]
    if booster["name"] == "gblinear":
        yield from _linear(booster["model"], width, groups)
        return
    model = (booster["gbtree"] if booster["name"] == "dart" else booster)["model"]
    types = learner.get("feature_types", ())
    kinds = np.asarray([kind == "c" for kind in types]) if len(types) == width else None
    if "cats" not in model and version >= _CATS_SINCE:
        yield "cats is missing"
    yield from _forest(model, width, groups, kinds)
    if booster["name"] == "dart" and len(booster["weight_drop"]) != len(model["trees"]):
        yield f"weight_drop has {len(booster['weight_drop'])} entries, {len(model['trees'])} trees are there"


def _linear(model: Model, width: int, groups: int) -> Iterator[str]:
    if len(model["weights"]) != (width + 1) * groups:
        yield f"weights has {len(model['weights'])} entries, {(width + 1) * groups} announced"


def _forest(model: Model, width: int, groups: int, by_level: npt.NDArray[np.bool_] | None) -> Iterator[str]:
    trees, parameters = model["trees"], model["gbtree_model_param"]
    count, parallel = int(parameters["num_trees"]), int(parameters.get("num_parallel_tree", 1))
    if count != len(trees):
        yield f"{count} trees announced, {len(trees)} are there"
    owner = _whole(model["tree_info"])
    # A tree of vectors belongs to no group.
    is_vector = any(int(tree["tree_param"].get("size_leaf_vector", 0)) > 1 for tree in trees)
    outputs = 1 if is_vector else groups
    if len(owner) != len(trees) or bool(np.any((owner < 0) | (owner >= outputs))):
        yield f"tree_info does not give each of {len(trees)} trees one of {outputs} outputs"
    elif len(set(np.bincount(owner, minlength=outputs).tolist())) > 1:
        yield f"the {outputs} outputs have unequal numbers of trees"
    rounds = _whole(model.get("iteration_indptr", [0, len(trees)]))
    if len(rounds) == 0:
        raise ValueError("iteration_indptr is empty")
    if rounds[0] != 0 or rounds[-1] != len(trees) or bool(np.any(np.diff(rounds) < 0)) or parallel < 1:
        yield f"iteration_indptr does not cut {len(trees)} trees into rounds"
    yield from _categories(model.get("cats") or {}, width)
    for number, tree in enumerate(trees):
        # XGBoost puts each tree where its id says.
        fault = _tree(tree, width, groups, by_level) if tree.get("id", number) == number else f"its id is {tree['id']}"
        if fault:
            yield f"tree {number}: {fault}"


def _tree(tree: Model, width: int, groups: int, by_level: npt.NDArray[np.bool_] | None) -> str:
    """Return what is wrong with one tree, "" for nothing."""
    size = int(tree["tree_param"]["num_nodes"])
    short = [name for name in _PER_NODE if len(tree[name]) != size]
    if short or size < 1:
        return f"{', '.join(short) or 'num_nodes'}: {size} nodes announced, {len(tree[(*short, 'parents')[0]])} there"
    if int(tree["tree_param"].get("num_feature", width)) != width:
        return f"made for {tree['tree_param']['num_feature']} columns, the model has {width}"
    left, right, parents = (_whole(tree[name]) for name in _PER_NODE[:3])
    inner, leaves = np.flatnonzero(left != -1), np.flatnonzero(left == -1)
    # A leaf with a vector keeps in place of its right child which vector that is.
    slots = right[leaves]
    wanted = np.arange(len(leaves)) if "leaf_weights" in tree else np.full(len(leaves), -1)
    if not np.array_equal(np.sort(slots), wanted):
        return "a leaf has a child, or the values of another leaf"
    for children in (left[inner], right[inner]):
        # Each child names its parent, and the root has none: no two ways lead to a node, and none leads back.
        if bool(np.any((children <= 0) | (children >= size))) or bool(np.any(parents[children] != inner)):
            return "children and parents do not fit"
    if bool(np.any(left[inner] == right[inner])) or 0 <= parents[0] < size:
        return "children and parents do not fit"
    used = _whole(tree["split_indices"])[inner]
    if bool(np.any((used < 0) | (used >= width))):
        return f"it splits by a column that is none of {width}"
    return _leaves(tree, len(leaves), size, groups) or _node_categories(tree, inner, used, by_level)


def _leaves(tree: Model, leaves: int, size: int, groups: int) -> str:
    vector = int(tree["tree_param"].get("size_leaf_vector", 0))
    if vector not in {0, 1, groups}:
        return f"its leaves hold {vector} values, the model has {groups} outputs"
    # Since 3.1 leaves stand apart; before, each node has a vector.
    name, wanted = ("leaf_weights", leaves * vector) if "leaf_weights" in tree else ("base_weights", size * vector)
    found = len(tree.get(name, ()))
    if vector > 1 and found != wanted:
        return f"its leaves hold {found} values, {wanted} announced"
    return ""


def _node_categories(
    tree: Model, inner: npt.NDArray[Any], used: npt.NDArray[Any], by_level: npt.NDArray[np.bool_] | None
) -> str:
    """Check the sets of categories of the nodes that split by one, and that these are columns of levels."""
    kinds, size = _whole(tree.get("split_type", ())), len(tree["parents"])
    if len(kinds) not in {0, size}:
        return f"split_type has {len(kinds)} entries, {size} nodes are there"
    values = _whole(tree.get("categories", ()))
    nodes, starts, sizes = (
        _whole(tree.get(name, ())) for name in ("categories_nodes", "categories_segments", "categories_sizes")
    )
    fits = len(nodes) == len(starts) == len(sizes) and bool(np.all((values >= 0) & (values < _MOST_CATEGORIES)))
    fits = fits and bool(np.all((starts >= 0) & (sizes >= 0) & (starts + sizes <= len(values))))
    is_set = kinds[inner] == _BY_CATEGORY if len(kinds) else np.zeros(len(inner), dtype=bool)
    wanted = inner[is_set]
    if by_level is not None and bool(np.any(by_level[used] != is_set)):
        return "it splits a column of levels by a number, or one of numbers by levels"
    return "" if fits and set(nodes.tolist()) == set(wanted.tolist()) else "its categories do not fit its nodes"


def _categories(stored: Model, width: int) -> Iterator[str]:
    """Check the levels that a model keeps: text as bytes with offsets, numbers as they are."""
    tables = stored.get("enc") or ()
    if len(tables) not in {0, width}:
        yield f"{len(tables)} lists of categories, num_feature is {width}"
    ends = _whole(stored.get("feature_segments"))
    counts = []
    for number, one in enumerate(tables):
        values, offsets = one["values"], _whole(one.get("offsets"))
        if len(offsets) and len(values) and (min(values) < -128 or max(values) > 255):  # noqa: PLR2004 - bytes of a text
            yield f"the categories of column {number} are no text"
        counts.append(max(len(offsets) - 1, 0) if len(offsets) else len(values))
        if len(offsets) and (offsets[0] != 0 or offsets[-1] != len(values) or bool(np.any(np.diff(offsets) < 0))):
            yield f"the categories of column {number} do not fit their offsets"
    if len(ends) and tables and np.diff(ends).tolist() != counts:
        yield "feature_segments does not fit the categories"


def _whole(values: Any) -> npt.NDArray[np.int64]:
    """Return a table of whole numbers, None counting as empty; raises ValueError or TypeError for anything else."""
    found = np.asarray(() if values is None else values)
    if found.size == 0:
        return np.empty(0, dtype=np.int64)
    if found.ndim != 1 or found.dtype.kind not in "iub":
        raise ValueError("a table of whole numbers holds something else")
    return found.astype(np.int64)
