"""Repairs of nearest neighbours."""

from typing import Any, Final

import numpy as np
from sklearn.neighbors import BallTree, KDTree

from gateway.loaders.versions.repair import Attributes, Repair, Unrepairable


def _kept_rows(part: Any, found: Attributes) -> None:
    found.setdefault("n_samples_fit_", found["_fit_X"].shape[0])
    if type(part).__name__ == "RadiusNeighborsClassifier" and "outlier_label_" not in found:
        raise Unrepairable("its answer to rows without neighbours changed in 0.22")


def _search_tree(part: Any, found: Attributes) -> None:
    """Build the search tree again where its metric has a power: the power was kept where no later version looks."""
    if found["effective_metric_"] not in {"minkowski", "wminkowski", "p"} or found["_tree"] is None:
        return
    rows = found["_fit_X"]
    if not isinstance(rows, np.ndarray):
        raise Unrepairable("its search tree cannot be built again from what it kept")
    kind = KDTree if type(found["_tree"]).__name__.startswith("KDTree") else BallTree
    options = found["effective_metric_params_"]
    found["_tree"] = kind(rows, found["leaf_size"], metric=found["effective_metric_"], **options)


ROWS: Final = (
    Repair(("NeighborsBase",), "0.22", _kept_rows, "counted from the kept rows"),
    Repair(("NeighborsBase",), "1.9", _search_tree, "the same tree, built again from the kept rows"),
)
