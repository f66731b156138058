"""Serves a CatBoost object out of a pickle: the model in it, with the answers of its class."""

from dataclasses import replace
from typing import Any

from gateway.loaders.base import LoadOptions
from gateway.loaders.catboost import CatboostPredictor


def predictor_of(model: Any, options: LoadOptions) -> CatboostPredictor:
    """Return the predictor of CatBoostClassifier, CatBoostRegressor, CatBoostRanker or CatBoost."""
    predictor = CatboostPredictor(model)
    output = predictor.signature.output
    if type(model).__name__ == "CatBoost" and output.kind in {"classification", "multi_label"}:
        differs = "CatBoost.predict answers the raw values of the formula, this route labels"
    elif type(model).__name__ == "CatBoostRegressor":
        differs = ""
    else:
        differs = output.own_differs
    predictor.signature = replace(predictor.signature, output=replace(output, own_differs=differs))
    return predictor
