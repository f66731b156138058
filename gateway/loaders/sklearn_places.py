"""
Names numbers in a fitted scikit-learn estimator that lead outside of the table they are places in.

Compiled code of scikit-learn and SciPy follows them unchecked: into memory of others, to answer from it or to write.
What stands in Python's hands only, NumPy checks itself.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np

Found = Mapping[str, Any]
#: Rows that models of one against the rest are asked for.
_ASKED: Final = 3


def misplaced(part: Any) -> Iterator[str]:
    """Yield a text for each number of an estimator that leads outside; raises KeyError where a part is absent."""
    check = next((_CHECKS[kind.__name__] for kind in type(part).__mro__ if kind.__name__ in _CHECKS), None)
    if check is not None:
        yield from check(vars(part))


def _words(found: Found) -> Iterator[str]:
    """Check the columns of words and names: each of 0, 1, 2 … once, a sparse table of that width is made of them."""
    columns = list(found["vocabulary_"].values())
    whole = all(isinstance(column, int | np.integer) for column in columns)
    if not whole or sorted(columns) != list(range(len(columns))):
        yield f"the columns of its {len(columns)} words are not 0 to {len(columns) - 1}, once each"


def _hashes(found: Found) -> Iterator[str]:
    width = found["n_features"]
    if not isinstance(width, int | np.integer) or width < 1:
        yield f"it makes {width!s:.20} columns of words, and divides by their number"


def _levels(found: Found) -> Iterator[str]:
    """Check the columns that one-hot encoding fills: as many per field as it has levels, groups and none dropped."""
    levels, told = found["categories_"], list(found["_n_features_outs"])
    count = len(levels)
    is_grouped = found.get("_infrequent_enabled") is True
    rare = found["_infrequent_indices"] if is_grouped else [None] * count
    groups = found["_default_to_infrequent_mappings"] if is_grouped else [None] * count
    dropped = found.get("_drop_idx_after_grouping")
    dropped = [None] * count if dropped is None else list(dropped)
    if {len(told), len(rare), len(groups), len(dropped)} != {count}:
        yield f"groups, dropped levels and widths are not those of {count} columns"
        return
    for number, (names, few, group, drop) in enumerate(zip(levels, rare, groups, dropped, strict=True)):
        width = len(names) if group is None else int(np.max(group, initial=-1)) + 1
        fits = (few is None) == (group is None) and (group is None or _are_groups(group, len(names), few))
        if not fits or (drop is not None and not 0 <= drop < width) or told[number] != width - (drop is not None):
            yield f"the levels of column {number} do not fill the {told[number]} columns that they are given"


def _are_groups(group: Any, levels: int, rare: Any) -> bool:
    return len(group) == levels and int(np.min(group)) >= 0 and 0 <= int(np.min(rare)) <= int(np.max(rare)) < levels


def _centers(found: Found) -> Iterator[str]:
    """Check that centers are as wide as the rows that they are compared with."""
    width = found["n_features_in_"]
    tables = [found["cluster_centers_"]]
    waiting = [found.get("_bisecting_tree")]
    while waiting:
        node = waiting.pop()
        if node is not None:
            tables.append(np.reshape(node.center, (1, -1)))
            waiting += [node.left, node.right]
    if any(np.ndim(table) != 2 or np.shape(table)[1] != width for table in tables):  # noqa: PLR2004 - rows by columns
        yield f"its centers are not {width} columns wide"


def _neighbours(found: Found) -> Iterator[str]:
    kept = found.get("_fit_X")
    if kept is not None and found["n_samples_fit_"] != kept.shape[0]:
        yield f"{kept.shape[0]} rows were kept, {found['n_samples_fit_']} announced"


def _vectors(found: Found) -> Iterator[str]:
    if np.any(np.asarray(found["_n_support"]) < 0):
        yield "a class has fewer than no support vectors"


def _rounds(found: Found) -> Iterator[str]:
    """Check that a round adds to as many sums as it has trees."""
    trees, told = np.shape(found["estimators_"])[-1], found.get("n_trees_per_iteration_")
    if told is not None and told != trees:
        yield f"{trees} trees in a round, {told} announced"


def _histograms(found: Found) -> Iterator[str]:
    """Check that trees split by levels only what is known as a column of levels."""
    mapper, width = found["_bin_mapper"], found["n_features_in_"]
    nodes = [table.nodes for round_ in found["_predictors"] for table in round_]
    used = {int(column) for one in nodes for column in one["feature_idx"][_by_level(one)]}
    known = np.asarray(getattr(mapper, "is_categorical_", None) if used else np.zeros(width), dtype=bool)
    if known.shape != (width,) or not all(0 <= column < width and known[column] for column in used):
        yield "a tree splits by levels what is no column of levels"


def _one_against_rest(found: Found) -> Iterator[str]:
    """Ask each model for rows of zeros: what answers more than one score a row writes behind the last row."""
    for number, member in enumerate(found["estimators_"]):
        last = member[-1] if hasattr(member, "steps") else member
        with contextlib.suppress(Exception):  # what refuses zeros is told by asking the whole
            rows = np.zeros((_ASKED, getattr(last, "n_features_in_", 1)))
            if np.size(_score(last, rows)) != _ASKED:
                yield f"its model {number} has several answers for a row"


def _score(member: Any, rows: Any) -> Any:
    """Return what is compared of a model, as scikit-learn finds it."""
    return member.decision_function(rows) if hasattr(member, "decision_function") else member.predict(rows)


def _by_level(nodes: Any) -> Any:
    return (nodes["is_leaf"] == 0) & (nodes["is_categorical"] != 0)


_CHECKS: Final[Mapping[str, Callable[[Found], Iterator[str]]]] = {
    "CountVectorizer": _words,
    "DictVectorizer": _words,
    "HashingVectorizer": _hashes,
    "FeatureHasher": _hashes,
    "OneHotEncoder": _levels,
    "_BaseKMeans": _centers,
    "NeighborsBase": _neighbours,
    "BaseLibSVM": _vectors,
    "OneVsRestClassifier": _one_against_rest,
    "BaseGradientBoosting": _rounds,
    "BaseHistGradientBoosting": _histograms,
}
