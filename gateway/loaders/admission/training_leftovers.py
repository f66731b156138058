"""
Removes from an estimator the leftovers of training that no prediction reads, because they may hold functions.

Scorers, results of a search, splitters. Of a tuned threshold's scorer its positive label stays (positive_label.py).
"""

from typing import Any, Final

from gateway.loaders.admission import positive_label
from gateway.loaders.admission.allowed_names import Dropped
from gateway.loaders.versions.gone import OF_GONE

#: Attributes that only training reads.
TRAINING: Final = frozenset(
    {
        "best_params_", "cv", "cv_", "cv_results_", "named_estimators_", "param_distributions", "param_grid", "scorer_",
        "scorers_", "scoring", "_checked_cv_orig", "_scorer", positive_label.ATTRIBUTE,
    }
)  # fmt: skip
#: What routes keywords to the steps of a fit.
ROUTING: Final = "_metadata_request"


def take_out_training(attributes: dict[str, Any]) -> None:
    """Empty the attributes of one estimator that only training reads, unless they are plain numbers or texts."""
    attributes.pop(ROUTING, None)
    for name in TRAINING.intersection(attributes):
        if name == positive_label.ATTRIBUTE:
            attributes[name] = positive_label.replaced(attributes[name])
        elif type(attributes[name]) not in {int, float, str, bool, type(None)}:
            attributes[name] = None
    for name in OF_GONE.intersection(attributes):
        if type(attributes[name]) is Dropped:
            attributes[name] = None
