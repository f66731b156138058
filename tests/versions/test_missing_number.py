"""The number that a wrapper of XGBoost 1.0 to 1.5 took for a missing value is not read as a value."""

import json
from pathlib import Path

import numpy as np
import pytest
import xgboost

from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions


def written_by_a_wrapper(path: Path, missing: float) -> Path:
    """Write a booster with the note that XGBClassifier of those versions left in its files."""
    rows = np.arange(20.0).reshape(10, 2)
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(rows, label=[0, 1] * 5), 2)
    booster.set_attr(scikit_learn=json.dumps({"_estimator_type": "classifier", "missing": missing}))
    booster.save_model(path)
    return path


def test_a_number_that_stands_for_missing_is_refused_by_name(tmp_path: Path) -> None:
    """Its own wrapper answers otherwise to that number than the booster does."""
    path = written_by_a_wrapper(tmp_path / "model.json", -999.0)
    with pytest.raises(LoadError, match="missing=-999") as caught:
        get_loader("xgboost").load(path, LoadOptions())
    assert caught.value.code == "unsupported-model"


def test_nan_that_stands_for_missing_serves(tmp_path: Path) -> None:
    """It is what the booster takes for missing, too."""
    path = written_by_a_wrapper(tmp_path / "model.json", float("nan"))
    assert get_loader("xgboost").load(path, LoadOptions()).signature.output.labels == (0, 1)
