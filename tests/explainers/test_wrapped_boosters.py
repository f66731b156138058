"""Boosters as the last step of a pipeline, or as a wrapper in a pickle: explained as their files are, by field."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explainers import tables
from explainers.few import some
from explainers.law import explained
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions

xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")
pandas = pytest.importorskip("pandas")
compose = pytest.importorskip("sklearn.compose")
pipeline = pytest.importorskip("sklearn.pipeline")
preprocessing = pytest.importorskip("sklearn.preprocessing")

TRAINED = tables.numbers(1, 400)
ASKED = tables.numbers(2)
TARGETS = tables.targets(TRAINED)


def loaded(model: Any, folder: Path) -> Any:
    """Return the predictor of a pickle."""
    path = folder / "model.pkl"
    path.write_bytes(pickle.dumps(model))
    return get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))


@pytest.mark.parametrize("booster", some(("gbtree", "dart", "gblinear"), ("gbtree",)))
@pytest.mark.parametrize("target", ["two", "three"])
def test_xgboosts_classifier_by_its_own_contributions(booster: str, target: str, tmp_path: Path) -> None:
    """Labels of the wrapper, margins of its booster."""
    y = TARGETS[target].astype(int)
    model = xgboost.XGBClassifier(n_estimators=6, max_depth=3, n_jobs=1, booster=booster).fit(TRAINED, y)
    found = explained("sklearn", loaded(model, tmp_path), tables.columns(ASKED))
    own = model.get_booster().predict(xgboost.DMatrix(ASKED), pred_contribs=True, strict_shape=True).astype(float)
    wanted = own[:, 0] if target == "two" else own[np.arange(len(own)), found.labels]
    assert np.allclose(found.contributions, wanted[:, :-1], rtol=1e-6, atol=1e-6)


def test_an_early_stop_counts_in_a_wrapper(tmp_path: Path) -> None:
    """The wrapper answers by its best rounds, and so do the parts."""
    model = xgboost.XGBRegressor(n_estimators=60, n_jobs=1, early_stopping_rounds=3)
    model.fit(TRAINED, TARGETS["value"], eval_set=[(TRAINED, TARGETS["value"][::-1])], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    explained("sklearn", loaded(model, tmp_path), tables.columns(ASKED))


def test_a_missing_value_of_its_own(tmp_path: Path) -> None:
    """A wrapper for which -1 is missing reads it so in the explanation, too."""
    rows = np.nan_to_num(TRAINED, nan=-1.0)
    model = xgboost.XGBRegressor(n_estimators=6, n_jobs=1, missing=-1.0).fit(rows, TARGETS["value"])
    explained("sklearn", loaded(model, tmp_path), tables.columns(np.nan_to_num(ASKED, nan=-1.0)))


@pytest.mark.parametrize("last", ["xgboost", "lightgbm"])
def test_columns_of_a_pipeline_are_summed_back_to_fields(last: str, tmp_path: Path) -> None:
    """One-hot columns of a colour are the colour; scaled numbers are the numbers."""
    frame = pandas.DataFrame({"size": np.nan_to_num(TRAINED[:, 0]), "colour": tables.levels(1, 400)})
    y = ((frame["colour"] == "blue") * 2.0 + frame["size"] > 0.5).astype(int)
    options: dict[str, Any] = {"n_estimators": 8, "max_depth": 3}
    model = {
        "xgboost": lambda: xgboost.XGBClassifier(**options, n_jobs=1),
        "lightgbm": lambda: lightgbm.LGBMClassifier(**options, n_jobs=1, verbose=-1),
    }[last]()
    front = compose.make_column_transformer(
        (preprocessing.StandardScaler(), ["size"]),
        (preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["colour"]),
    )
    fitted = pipeline.make_pipeline(front, model).fit(frame, y)
    asked = [np.nan_to_num(ASKED[:, 0]), tables.levels(5)]
    found = explained("sklearn", loaded(fitted, tmp_path), asked)
    assert found.scale == "log-odds"
    assert found.contributions.shape == (1_000, 2)
    means = {level: found.contributions[asked[1] == level, 1].mean() for level in tables.LEVELS}
    assert max(means, key=lambda level: means[level]) == "blue"
