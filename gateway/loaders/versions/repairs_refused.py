"""Parts of other versions whose answers no installed class gives, and which no attribute can bring back."""

from typing import Any, Final

import numpy as np
from scipy import sparse

from gateway.loaders.versions.repair import Attributes, Repair, Unrepairable

_PAIR: Final = 2


def _greatest_value(part: Any, found: Attributes) -> None:
    if found["norm"] == "max":
        raise Unrepairable("it divides by the greatest value, and later versions by the greatest absolute one")


def _threshold_of_pairs(part: Any, found: Attributes) -> None:
    scored = all(hasattr(member, "decision_function") for member in found["estimators_"])
    if len(found["classes_"]) == _PAIR and not scored:
        raise Unrepairable("it compares the probability of one of two classes with 0, and later versions with 0.5")


def _rounded_rows(part: Any, found: Attributes) -> None:
    if getattr(found["X_train_"], "dtype", None) == np.float32:
        raise Unrepairable("its training rows are float32, which NumPy 1 scaled as float32 and NumPy 2 does not")


def _equal_distances(part: Any, found: Attributes) -> None:
    """Refuse whole numbers in sparse rows: they are sorted whole, and rows at one distance come in NumPy's order."""
    rows = found["_fit_X"]
    if sparse.issparse(rows) and np.all(rows.data == np.floor(rows.data)):
        _sparse_rows(part, found)


def _sparse_rows(part: Any, found: Attributes) -> None:
    if found["_fit_method"] == "brute" and sparse.issparse(found["_fit_X"]):
        raise Unrepairable("which of several rows at one distance are neighbours depends on its NumPy")


ROWS: Final = (
    Repair(("Normalizer",), "0.24", _greatest_value, "refused: signs"),
    Repair(("OneVsOneClassifier",), "1.1", _threshold_of_pairs, "refused: another threshold"),
    Repair(("GaussianProcessRegressor", "GaussianProcessClassifier"), "1.9", _rounded_rows, "refused: rounding"),
    Repair(("NeighborsBase",), "1.3", _sparse_rows, "refused: ties"),
    Repair(("NeighborsBase",), "1.9", _equal_distances, "refused: ties"),
)
