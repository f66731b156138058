"""
Serves LightGBM boosters and wrappers that a pickle holds as they are, without a step before them.

Reads the text model inside: its levels, its names and the labels of the wrapper count as in a file of LightGBM's own.
"""

from typing import Any

import lightgbm
import numpy as np

from gateway.loaders.base import LoadOptions
from gateway.loaders.lightgbm import LightgbmPredictor, ask_once
from gateway.loaders.lightgbm_contents import checked
from gateway.loaders.sklearn_outputs import to_json
from gateway.schema import Scalar


def predictor_of(found: Any, options: LoadOptions) -> LightgbmPredictor | None:
    """Return the predictor of a booster or a fitted wrapper; None for what scikit-learn has to be asked for."""
    booster = found if isinstance(found, lightgbm.Booster) else getattr(found, "_Booster", None)
    if not isinstance(booster, lightgbm.Booster):
        return None
    model = checked(booster.model_to_string(num_iteration=-1), "its LightGBM model")
    labels = _labels(found)
    if labels is not None and len(labels) != max(model.number("num_class"), 2):
        return None  # one class only: what its wrapper answers is no label
    best = getattr(booster, "best_iteration", None)
    rounds = best if isinstance(best, int) and best > 0 else -1
    predictor = LightgbmPredictor(model, options.levels, rounds=rounds, labels=labels or ())
    ask_once(predictor)
    return predictor


def _labels(found: Any) -> tuple[Scalar, ...] | None:
    """Return the labels of a classifier, None for everything else."""
    if not isinstance(found, lightgbm.LGBMClassifier):
        return None
    return tuple(to_json(value) for value in np.asarray(found.classes_))
