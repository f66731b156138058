"""Knows since which version classes of scikit-learn take missing values: older instances never learned what to do."""

from typing import Any, Final

from gateway.loaders.versions.repair import WRITTEN_BY, minor_of

#: Class -> the first version whose instances answer rows with missing values (asked of each version's own artifacts).
_SINCE: Final = {
    **dict.fromkeys(
        ("DecisionTreeClassifier", "DecisionTreeRegressor", "BaggingClassifier", "BaggingRegressor"), "1.3"
    ),
    **dict.fromkeys(("RandomForestClassifier", "RandomForestRegressor"), "1.4"),
    **dict.fromkeys(
        ("ExtraTreeClassifier", "ExtraTreeRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor"), "1.6"
    ),
    **dict.fromkeys(("IsolationForest", "RandomTreesEmbedding"), "1.6"),
    **dict.fromkeys(("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"), "0.22"),
}


def refused_missing(part: Any) -> bool:
    """Say whether the version that wrote a repaired part refused missing values, where the installed one takes them."""
    written_by = vars(part).get(WRITTEN_BY)
    since = _SINCE.get(type(part).__name__)
    return written_by is not None and since is not None and minor_of(written_by) < minor_of(since)
