"""
Names what in a text model of LightGBM points outside of it or does not fit: LightGBM follows all of that unchecked.

Knows the format since LightGBM 2.1 (`version=v2` to `v4`), nothing of predicting.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from gateway.errors import ArtifactError
from gateway.loaders.lightgbm_text import Array, TextModel, TextTree, Unreadable, parse

#: Formats that the installed LightGBM reads.
_FORMATS: Final = frozenset({"v2", "v3", "v4"})
#: Of `decision_type`: split by a set of categories; go left where the value is missing; what counts as missing.
BY_SET: Final = 1
_MISSING_LEFT: Final = 2
_MISSING_NAN: Final = 2
_MOST_DECISION: Final = BY_SET | _MISSING_LEFT | _MISSING_NAN << 2
#: Parts that an error names.
_SHOWN: Final = 5
#: Beyond these a file could make LightGBM take any amount of memory.
_MOST_OUTPUTS: Final = 100_000
_WORD_BITS: Final = 32


def read_text(path: Path) -> TextModel:
    """
    Return what a file holds.

    Raises ArtifactError: `broken-artifact` where it cannot be read, `missing-parts` where its parts do not fit.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise _refused(path.name, f"not a readable LightGBM model: {exc}", "broken-artifact") from exc
    return checked(text, path.name)


def checked(text: str, name: str) -> TextModel:
    """Return what a text model says once all of it is known to fit; raises as read_text does."""
    try:
        model = parse(text)
        faults = list(_faults(model))
    except Unreadable as exc:
        raise _refused(name, f"not a readable LightGBM model: {exc}", "broken-artifact") from exc
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise _refused(name, f"not a whole LightGBM model: {'; '.join(faults[:_SHOWN])}{more}", "missing-parts")
    return model


def _refused(name: str, what: str, code: str) -> ArtifactError:
    return ArtifactError(
        f"{name}: {what}",
        code=code,
        hint="write it again with booster.save_model('model.txt') where it was trained, and compare its sha256 after "
        "copying",
    )


def _faults(model: TextModel) -> Iterator[str]:
    version = model.header["version"]
    if version not in _FORMATS:
        yield f"its format is {version:.20}, known are {', '.join(sorted(_FORMATS))}"
    width = model.number("max_feature_idx") + 1
    classes = model.number("num_class")
    per_round = model.number("num_tree_per_iteration") if "num_tree_per_iteration" in model.header else classes
    _ = model.number("label_index")
    if not 1 <= classes <= _MOST_OUTPUTS or per_round != classes:
        yield f"num_class is {classes}, num_tree_per_iteration {per_round}"
        return
    for name in ("feature_names", "feature_infos", "monotone_constraints"):
        if name in model.header or name != "monotone_constraints":
            entries = model.header.get(name, "").split(" ")
            if len(entries) != width or "" in entries:
                yield f"{name} has {len(entries)} entries, max_feature_idx is {width - 1}"
    if len(set(model.names)) != len(model.names):
        yield "two columns have one name"
    yield from _objective(model.header.get("objective", ""), classes)
    if not model.trees or len(model.trees) % classes:
        yield f"{len(model.trees)} trees do not make rounds of {classes}"
    sizes = model.header.get("tree_sizes")
    if sizes is not None and len(sizes.split()) != len(model.trees):
        yield f"{len(sizes.split())} trees announced, {len(model.trees)} are there"
    for number, tree in enumerate(model.trees):
        fault = _tree(tree, width)
        if fault:
            yield f"tree {number}: {fault}"


def _objective(text: str, classes: int) -> Iterator[str]:
    """Check the number of classes: LightGBM writes that many answers into a table of `num_class`."""
    kind, *options = text.split(" ")
    if text != " ".join(text.split()):
        yield f"the objective {text!r:.30} has blanks where none belong"
    told = dict(option.partition(":")[::2] for option in options)
    if kind in {"multiclass", "multiclassova"}:
        if told.get("num_class") != str(classes):
            yield f"the objective has {told.get('num_class', 'no')} classes, num_class is {classes}"
    elif kind not in {"", "custom"} and classes != 1:
        yield f"the objective {kind:.30} has one output, num_class is {classes}"


def _tree(tree: TextTree, width: int) -> str:
    """Return what is wrong with one tree, "" for nothing."""
    leaves, inner = tree.leaves, tree.leaves - 1
    if leaves < 1 or tree.sets < 0:
        return f"num_leaves is {leaves}, num_cat {tree.sets}"
    wanted = {"leaf_value": leaves}
    if inner:
        wanted |= dict.fromkeys(("split_feature", "threshold", "left_child", "right_child"), inner)
        if "decision_type" in tree.tables:
            wanted["decision_type"] = inner
    short = next((name for name, size in wanted.items() if len(tree.table(name)) != size), None)
    if short is not None:
        return f"{short} has {len(tree.table(short))} entries, {wanted[short]} announced"
    if bool(np.isnan(tree.table("threshold")).any()):
        return "a threshold is no number"
    return _children(tree) or _columns(tree.table("split_feature"), width) or _sets(tree) or _linear(tree, width)


def _children(tree: TextTree) -> str:
    """Check that every node but the root has one way to it, from a node before it."""
    inner = tree.leaves - 1
    if not inner:
        return ""
    children = np.concatenate([tree.table("left_child"), tree.table("right_child")])
    parents = np.concatenate([np.arange(inner)] * 2)
    wanted = np.arange(-tree.leaves, inner)  # leaf i is written as -1 - i
    if not np.array_equal(np.sort(children), wanted[wanted != 0]):
        return "its nodes and leaves are not reached once each"
    nodes = children >= 0
    return "" if bool(np.all(children[nodes] > parents[nodes])) else "a node leads back"


def _columns(used: Array, width: int) -> str:
    inside = bool(np.all((used >= 0) & (used < width)))
    return "" if inside else f"it uses a column that is none of {width}"


def _sets(tree: TextTree) -> str:
    """Check the sets of categories of the nodes that split by one."""
    decision = tree.table("decision_type")
    if bool(np.any((decision < 0) | (decision > _MOST_DECISION))):
        return "a decision_type is unknown"
    by_set = (decision & BY_SET) != 0
    numbers = tree.table("threshold")[by_set] if len(by_set) else np.empty(0)
    if not tree.sets:
        return "it splits by sets of categories and has none" if len(numbers) else ""
    ends, words = tree.table("cat_boundaries"), tree.table("cat_threshold")
    if len(ends) != tree.sets + 1 or ends[0] != 0 or ends[-1] != len(words) or bool(np.any(np.diff(ends) < 0)):
        return f"cat_boundaries does not cut cat_threshold into {tree.sets} sets"
    if bool(np.any((words < 0) | (words >= 1 << _WORD_BITS))):
        return "a set of categories is no set of bits"
    whole = bool(np.all((numbers >= 0) & (numbers < tree.sets) & (numbers == np.floor(numbers))))
    return "" if whole else f"it splits by a set of categories that is none of {tree.sets}"


def _linear(tree: TextTree, width: int) -> str:
    if not tree.is_linear:
        return ""
    counts, used = tree.table("num_features"), tree.table("leaf_features")
    if len(tree.table("leaf_const")) != tree.leaves or len(counts) != tree.leaves or bool(np.any(counts < 0)):
        return "its linear leaves are not as many as its leaves"
    if len(used) != counts.sum() or len(tree.table("leaf_coeff")) != len(used):
        return f"its linear leaves have {len(used)} columns, {counts.sum()} announced"
    return _columns(used, width)
