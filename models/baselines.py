"""
What H2O AutoML has to beat: XGBoost by randomised search and LightGBM, validated on the folds that it gets too.

Both take the raw columns: texts are pandas categories, whose levels the file of the model keeps, so that nothing has
to be prepared outside of what is served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.model_selection import ParameterSampler
from tqdm import tqdm
from xgboost import XGBClassifier

from models.selection import Candidate, splits, validated

SEARCHED = 10
THREADS = 1  # of a fit: sums in another order would move the last digits
AT_ONCE = 2  # fits, whose threads leave the interpreter's lock
#: Shallow and slow trees: with the defaults both overfit tables of this size.
XGBOOST_SPACE: Mapping[str, list[Any]] = {
    "n_estimators": [150, 300],
    "max_depth": [2, 3, 4, 6],
    "learning_rate": [0.03, 0.05, 0.1],
    "min_child_weight": [1, 5, 20],
    "subsample": [0.6, 0.8, 1.0],
    "colsample_bytree": [0.6, 0.8, 1.0],
    "reg_lambda": [1.0, 5.0],
}
LIGHTGBM: Mapping[str, Any] = {"n_estimators": 200, "num_leaves": 7, "learning_rate": 0.05, "min_child_samples": 20}


def as_categories(table: pd.DataFrame, levels: Mapping[str, list[str]]) -> pd.DataFrame:
    """Return the features with their texts as categories of these levels; what is none of them is missing."""
    return table.astype({name: pd.CategoricalDtype(known) for name, known in levels.items()})


def candidates(features: pd.DataFrame, truth: Any, folds: Any, *, name: str, seed: int) -> list[Candidate]:
    """Return every setting of XGBoost that the search drew, and LightGBM with one setting."""
    drawn = list(ParameterSampler(XGBOOST_SPACE, SEARCHED, random_state=seed))
    made = [
        _validate(f"XGBoost_{i}", "xgboost", _xgboost(p, seed), {**p, "seed": seed}) for i, p in enumerate(drawn, 1)
    ]
    made.append(_validate("LightGBM_1", "lightgbm", _lightgbm(seed), {**LIGHTGBM, "seed": seed}))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        validated_ones = pool.map(lambda one: one(features, truth, folds), made)
        return list(tqdm(validated_ones, total=len(made), desc=f"{name}: baselines", unit="model"))


def _xgboost(parameters: Mapping[str, Any], seed: int) -> Callable[[], Any]:
    return lambda: XGBClassifier(**parameters, enable_categorical=True, random_state=seed, n_jobs=THREADS)


def _lightgbm(seed: int) -> Callable[[], Any]:
    return lambda: LGBMClassifier(
        **LIGHTGBM, random_state=seed, n_jobs=THREADS, deterministic=True, force_row_wise=True, verbose=-1
    )


def _validate(
    name: str, family: str, build: Callable[[], Any], parameters: dict[str, Any]
) -> Callable[[pd.DataFrame, Any, Any], Candidate]:
    def validate(features: pd.DataFrame, truth: Any, folds: Any) -> Candidate:
        probability = np.empty(len(truth))
        for inside, outside in splits(folds):
            model = build().fit(features.iloc[inside], truth[inside])
            probability[outside] = model.predict_proba(features.iloc[outside])[:, 1]
        losses, auc = validated(truth, probability, folds)
        return Candidate(
            name=name,
            family=family,
            losses=losses,
            auc=auc,
            probability=probability,
            parameters=parameters,
            refit=lambda: build().fit(features, truth),
        )

    return validate
