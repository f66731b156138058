"""Explanations of LightGBM boosters: its own contributions, by field, on the scale of the objective."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explainers import tables
from explainers.few import some
from explainers.law import explained
from gateway.errors import NotExplainable
from gateway.explainers import explainer_for
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import make_column

lightgbm = pytest.importorskip("lightgbm")
pandas = pytest.importorskip("pandas")

TRAINED = tables.numbers(1, 400)
ASKED = tables.numbers(2)
TARGETS = tables.targets(TRAINED)
_BAGGING = {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}

#: Name -> parameters, target, scale.
OBJECTIVES: dict[str, tuple[dict[str, Any], str, str]] = {
    "binary": ({"objective": "binary"}, "two", "log-odds"),
    "binary-sigmoid": ({"objective": "binary", "sigmoid": 3.0}, "two", "log-odds"),
    "regression": ({}, "value", "value"),
    "root": ({"reg_sqrt": True}, "value", "margin"),
    "quantile": ({"objective": "quantile", "alpha": 0.2}, "value", "value"),
    "poisson": ({"objective": "poisson"}, "count", "log"),
    "gamma": ({"objective": "gamma"}, "count", "log"),
    "tweedie": ({"objective": "tweedie"}, "count", "log"),
    "shares": ({"objective": "cross_entropy"}, "share", "log-odds"),
    "intensities": ({"objective": "cross_entropy_lambda"}, "share", "margin"),
    "classes": ({"objective": "multiclass", "num_class": 3}, "three", "margin"),
    "one-against-all": ({"objective": "multiclassova", "num_class": 3}, "three", "margin"),
    "pair": ({"objective": "multiclass", "num_class": 2}, "two", "log-odds"),
    "dart": ({"objective": "binary", "boosting": "dart"}, "two", "log-odds"),
    "forest": (_BAGGING, "value", "value"),
    "forest-binary": ({**_BAGGING, "objective": "binary"}, "two", "log-odds"),
    "forest-classes": ({**_BAGGING, "objective": "multiclass", "num_class": 3}, "three", "margin"),
}


def trained(params: dict[str, Any], y: Any) -> Any:
    """Return a booster."""
    return lightgbm.train({"verbose": -1, "num_threads": 1, **params}, lightgbm.Dataset(TRAINED, y), 12)


def loaded(booster: Any, folder: Path) -> Any:
    """Return the predictor of a booster's file."""
    path = folder / "model.txt"
    booster.save_model(path)
    return get_loader("lightgbm").load(path, LoadOptions())


@pytest.mark.parametrize("name", some(OBJECTIVES, ("binary-sigmoid", "gamma", "pair", "forest-classes")))
def test_parts_are_lightgbms_own(name: str, tmp_path: Path) -> None:
    """1,000 random rows keep the law, and each contribution is what pred_contrib says of the explained class."""
    params, target, scale = OBJECTIVES[name]
    booster = trained(params, TARGETS[target])
    found = explained("lightgbm", loaded(booster, tmp_path), tables.columns(ASKED))
    assert found.scale == scale
    own = booster.predict(ASKED, pred_contrib=True)
    own = own.reshape(len(own), -1, 7)
    own = own / 12 if params.get("boosting") == "rf" else own * params.get("sigmoid", 1.0)
    if name == "pair":
        wanted = own[:, 1] - own[:, 0]
    elif found.labels is not None and own.shape[1] > 1:
        wanted = own[np.arange(len(own)), found.labels]
    else:
        wanted = own[:, 0]
    assert np.allclose(found.contributions, wanted[:, :-1], rtol=1e-12, atol=1e-12)
    assert np.allclose(found.base, wanted[:, -1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("is_pickled", [False, True])
def test_only_the_best_rounds_count(is_pickled: bool, tmp_path: Path) -> None:
    """A file holds the best rounds only, a pickle all of them and which were the best."""
    model = lightgbm.LGBMClassifier(n_estimators=60, n_jobs=1, verbose=-1)
    stop = lightgbm.early_stopping(3, verbose=False)
    model.fit(TRAINED, TARGETS["two"], eval_X=TRAINED, eval_y=TARGETS["two"][::-1], callbacks=[stop])
    best = model.best_iteration_
    assert best < 60
    if is_pickled:
        path = tmp_path / "model.pkl"
        path.write_bytes(pickle.dumps(model))
        predictor: Any = get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))
    else:
        predictor = loaded(model.booster_, tmp_path)
    found = explained("sklearn" if is_pickled else "lightgbm", predictor, tables.columns(ASKED))
    own = model.booster_.predict(ASKED, pred_contrib=True, num_iteration=best)
    assert np.allclose(found.contributions, own[:, :-1], rtol=1e-12, atol=1e-12)


def test_categories_are_one_field_each(tmp_path: Path) -> None:
    """Levels, a level that training never saw and a missing one: one contribution for the category."""
    frame = pandas.DataFrame(
        {"size": TRAINED[:, 0], "colour": pandas.Categorical(tables.levels(1, 400), tables.LEVELS)}
    )
    y = frame["colour"].isin(["blue", "ecru"]).to_numpy() * 2.0 + np.nan_to_num(TRAINED[:, 0])
    model = lightgbm.LGBMRegressor(n_estimators=15, n_jobs=1, verbose=-1).fit(frame, y)
    colours = tables.levels(3).tolist()
    colours[:4] = ["unheard of", float("nan"), "blue", "amber"]
    asked = [np.ascontiguousarray(ASKED[:, 0]), make_column("string", colours)]
    found = explained("lightgbm", loaded(model.booster_, tmp_path), asked)
    assert found.contributions[2, 1] > found.contributions[3, 1]


def test_leaves_with_linear_models_are_refused(tmp_path: Path) -> None:
    """LightGBM has no contributions for them; the hint says what to train without."""
    predictor = loaded(trained({"linear_tree": True}, TARGETS["value"]), tmp_path)
    with pytest.raises(NotExplainable, match="linear_tree") as caught:
        explainer_for("lightgbm", predictor, predictor.signature.output)
    assert "without linear_tree" in str(caught.value.hint)
