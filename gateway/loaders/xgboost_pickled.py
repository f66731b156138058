"""
Serves XGBoost boosters that a pickle holds, and wrappers that were fitted on pandas categories.

Other wrappers are asked as scikit-learn's estimators are; these want a data frame with the very categories of training.
"""

import math
from dataclasses import replace
from typing import Any

import xgboost

from gateway.loaders.base import LoadOptions
from gateway.loaders.xgboost import XgboostPredictor, ask_once


def predictor_of(found: Any, options: LoadOptions) -> XgboostPredictor | None:
    """Return the predictor of a booster, or of a wrapper with categories; None for what scikit-learn's loader asks."""
    booster = found if isinstance(found, xgboost.Booster) else _with_categories(found)
    if booster is None:
        return None
    booster.set_param({"nthread": 1})
    predictor = XgboostPredictor(booster, options.levels)
    if booster is not found:
        output = predictor.signature.output
        wanted = "classification" if isinstance(found, xgboost.XGBClassifier) else "regression"
        if output.kind != wanted:
            return None
        predictor.signature = replace(predictor.signature, output=replace(output, own="value", own_differs=""))
    ask_once(predictor)
    return predictor


def _with_categories(found: Any) -> xgboost.Booster | None:
    if not isinstance(found, xgboost.XGBModel) or not found.__sklearn_is_fitted__():
        return None
    missing = found.missing
    if missing is not None and not (isinstance(missing, float) and math.isnan(missing)):
        return None
    if hasattr(found, "_labels"):
        return None  # before 1.6 it coded labels itself
    booster = found.get_booster()
    return booster if "c" in (booster.feature_types or ()) else None
