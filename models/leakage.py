"""
Finds columns that tell the answer: a copy of the target among the features, in training rows or in test rows.

A model that was given one looks perfect and is worthless; one that only the test split has makes its figures worthless.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score
from sklearn.tree import DecisionTreeClassifier

#: A column that alone sorts this share of both classes is a copy; the most telling honest column here sorts 0.78.
COPY = 0.98
_LEAVES = 8


def copies(features: pd.DataFrame, truth: Any) -> dict[str, float]:
    """Return column -> share of both classes that it sorts alone, for those that tell the answer."""
    told = {str(name): _sorted_by(features[name], truth) for name in features}
    return {name: round(share, 4) for name, share in told.items() if share >= COPY}


def refuse_copies(features: pd.DataFrame, truth: Any, rows: str) -> None:
    """Exit with a word if a column tells the answer; `rows` says of which rows."""
    if found := copies(features, truth):
        told = ", ".join(f"{name} ({share:.1%} of both classes right by it alone)" for name, share in found.items())
        raise SystemExit(
            f"leakage in the {rows}: {told}; expected columns that are known before the answer is\n"
            "fix: take the column out of the data, or correct the step that filled it"
        )


def _sorted_by(column: pd.Series[Any], truth: Any) -> float:
    """Return the balanced accuracy of a small tree on this column alone, gaps as a value of their own."""
    codes, _ = pd.factorize(column)
    numbers = np.column_stack([pd.to_numeric(column, errors="coerce").fillna(-1e12), codes])
    tree = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, class_weight="balanced", random_state=0).fit(numbers, truth)
    return float(balanced_accuracy_score(truth, tree.predict(numbers)))
