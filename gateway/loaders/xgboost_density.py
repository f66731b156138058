"""
Tells from the trees of an XGBoost model whether it was trained on a dense or on a sparse table.

To XGBoost a cell that a sparse table does not hold is missing, a zero of a dense one is a number. Training without a
missing value leaves one default direction in all nodes; with missing values it chooses one per node.
"""

import json
from typing import Any, Final

#: Where all present values go one way, the histogram method splits at twice the greatest of them and this much more.
_BEYOND: Final = 1e-5
_CLOSE: Final = 2e-6
#: So many splits without one that parts what is missing are no accident; fewer may be.
_TELLING: Final = 5


def is_trained_on_dense(booster: Any, *, is_of_words: bool) -> bool:
    """
    Say whether no node of any tree saw a missing value.

    `is_of_words`: its features are counts or shares of words.
    """
    found = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    trees = found.get("gbtree", found).get("model", {}).get("trees", ())
    nodes = [node for tree in trees for node in _nodes(tree)]
    directions = {bool(is_left) for is_left, _ in nodes}
    thresholds = {value for _, value in nodes}
    if len(directions) != 1 or any(_parts_missing(value, is_of_words=is_of_words) for value in thresholds):
        return False
    return len(thresholds) >= _TELLING or any((2 * value).is_integer() for value in thresholds)


def _nodes(tree: Any) -> list[tuple[int, float]]:
    """Return the default direction and the threshold of each inner node."""
    ends = zip(tree["left_children"], tree["default_left"], tree["split_conditions"], strict=True)
    return [(is_left, value) for child, is_left, value in ends if child != -1]


def _parts_missing(threshold: float, *, is_of_words: bool) -> bool:
    """Say whether a threshold lies at an end of flags, counts or shares, so that it parts only what is missing."""
    half = (threshold - _BEYOND) / 2
    if abs(threshold) < _BEYOND or (half >= 1 and abs(half - round(half)) < _CLOSE):
        return True
    # No share of words is above one, and between counts it is half ones that are tried.
    return is_of_words and threshold > 1 and not (2 * threshold).is_integer()
