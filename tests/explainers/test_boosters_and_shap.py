"""Boosters are explained as `shap` explains them: TreeExplainer with path-dependent perturbation."""

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explainers import tables
from explainers.law import explained
from extras import needs
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions

TRAINED = np.nan_to_num(tables.numbers(1, 300))
ASKED = np.nan_to_num(tables.numbers(2, 60))
TARGETS = tables.targets(TRAINED)


def model_of(library: str, target: str) -> Any:
    """Return a fitted model of one of the three libraries."""
    made = importlib.import_module(library)
    y = TARGETS[target] if target == "value" else TARGETS[target].astype(int)
    kind = "Regressor" if target == "value" else "Classifier"
    if library == "xgboost":
        return getattr(made, f"XGB{kind}")(n_estimators=8, max_depth=4, n_jobs=1).fit(TRAINED, y)
    if library == "lightgbm":
        return getattr(made, f"LGBM{kind}")(n_estimators=8, n_jobs=1, verbose=-1).fit(TRAINED, y)
    options = {"iterations": 8, "depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
    return getattr(made, f"CatBoost{kind}")(**options).fit(TRAINED, y)


def loaded(library: str, model: Any, folder: Path) -> Any:
    """Return the predictor of a model's own file."""
    path = folder / {"xgboost": "m.ubj", "lightgbm": "m.txt", "catboost": "m.cbm"}[library]
    (model.booster_ if library == "lightgbm" else model).save_model(str(path))
    return get_loader(library).load(path, LoadOptions())


@needs("shap")
@pytest.mark.parametrize("target", ["two", "value", pytest.param("three", marks=pytest.mark.slow)])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_parts_and_base_are_those_of_shap(library: str, target: str, tmp_path: Path) -> None:
    """Of the value, of the second of two labels, and of the predicted one of three."""
    pytest.importorskip(library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it draws in with matplotlib what that will deprecate
        shap = importlib.import_module("shap")
        model = model_of(library, target)
        peer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
        parts = np.asarray(peer.shap_values(ASKED, check_additivity=False))
    found = explained(library, loaded(library, model, tmp_path), tables.columns(ASKED))
    base = np.broadcast_to(np.ravel(peer.expected_value), (len(ASKED), np.size(peer.expected_value)))
    if target == "three":
        assert found.labels is not None
        rows = np.arange(len(ASKED))
        parts, base = parts[rows, :, found.labels], base[rows, found.labels]
    else:
        base = base[:, -1]
        parts = parts[:, :, 1] if parts.ndim == 3 else parts
    assert np.abs(found.contributions - parts).max() <= 1e-5 * np.abs(parts).max()
    assert np.abs(found.base - base).max() <= 1e-5 * max(np.abs(parts).max(), np.abs(base).max())
