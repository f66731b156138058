"""
Files of older XGBoost that the installed one reads and answers otherwise, refused by name.

Held against 18 objectives, gbtree and gblinear, with and without a base score, written and answered by 1.0 to 3.1:
everything else answered alike. What changed is how the base score counts.
"""

from collections.abc import Mapping
from typing import Any, Final

import xgboost

from gateway.errors import LoadError

#: Whose gblinear of before 1.5 was compared and answers alike; there the base score counts as it is.
_LINEAR_ALIKE: Final = frozenset(
    {
        "binary:hinge",
        "binary:logitraw",
        "multi:softmax",
        "multi:softprob",
        "rank:map",
        "rank:ndcg",
        "rank:pairwise",
        "reg:pseudohubererror",
        "reg:squarederror",
        "reg:squaredlogerror",
    }
)
_LINEAR_SINCE: Final = (1, 5)
_LOGITRAW_SINCE: Final = (1, 3)


def refuse_changed_meaning(found: Mapping[str, Any]) -> None:
    """Raise LoadError where a file, read as data, was written by a release whose answer the installed one changes."""
    learner, version = found["learner"], tuple(found.get("version", ()))
    objective, kind = str(learner["objective"]["name"]), str(learner["gradient_booster"]["name"])
    is_linear = kind == "gblinear" and version < _LINEAR_SINCE and objective not in _LINEAR_ALIKE
    if is_linear or (objective == "binary:logitraw" and version < _LOGITRAW_SINCE):
        written = ".".join(str(part) for part in version) or "an unknown release"
        raise LoadError(
            f"written by XGBoost {written}: XGBoost {xgboost.__version__} reads {kind} with {objective} of that "
            "release, but counts its base score otherwise and answers other values",
            code="wrong-version",
            hint="train it again with the XGBoost that is installed here",
        )
