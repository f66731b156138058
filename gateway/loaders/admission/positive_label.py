"""
Replaces the scorer of a tuned threshold by its positive label, the only part that predicting reads.

TunedThresholdClassifierCV asks the scorer that it was tuned with. The scorer could be made to call anything, so it is
replaced by the label that it would name.
"""

import importlib
import inspect
from typing import Any, Final

from gateway.loaders.admission.allowed_names import Dropped, ForbiddenGlobal

#: The attribute that is asked.
ATTRIBUTE: Final = "_curve_scorer"
_KEY: Final = "pos_label"


class PositiveLabel:
    """Answer what the scorer of a tuned threshold would."""

    def __init__(self, label: Any) -> None:
        self.label = label

    def _get_pos_label(self) -> Any:
        return self.label


def label_of(module: str, function: str, keywords: Any) -> Any:
    """Return the positive class of a scorer: as it was given, else the default of scikit-learn's own metric."""
    if type(keywords) is not dict or not module.startswith("sklearn.metrics."):
        raise ForbiddenGlobal(f"a scorer of {module}.{function}")
    if _KEY in keywords:
        label = keywords[_KEY]
    else:
        found = vars(importlib.import_module(module)).get(function)
        known = inspect.signature(found).parameters if callable(found) else {}
        label = known[_KEY].default if _KEY in known else None
    label = label.item() if type(label).__module__ == "numpy" and hasattr(type(label), "item") else label
    if type(label) not in {str, int, float, bool, type(None)}:
        raise ForbiddenGlobal(f"a positive label that is a {type(label).__name__}")
    return label


def replaced(scorer: Any) -> PositiveLabel | None:
    """Return what stands for the scorer of an estimator that was read, or None where there is none to speak of."""
    if type(scorer) is dict and set(scorer) == {_KEY}:  # what skops_file.py leaves of one
        return PositiveLabel(scorer[_KEY])
    state = scorer.state if type(scorer) is Dropped else None
    metric = state.get("_score_func") if type(state) is dict else None
    if type(state) is dict and type(metric) is Dropped:
        return PositiveLabel(label_of(metric.module, metric.name, state.get("_kwargs")))
    return None
