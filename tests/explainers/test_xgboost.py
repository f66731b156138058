"""Explanations of XGBoost boosters: its own contributions, by field, on the scale of the objective."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explainers import tables
from explainers.few import some
from explainers.law import explained
from gateway.errors import NotExplainable
from gateway.explainers import explainer_for
from gateway.explainers.xgboost import BoosterExplainer
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import make_column

xgboost = pytest.importorskip("xgboost")
pandas = pytest.importorskip("pandas")

TRAINED = tables.numbers(1, 400)
ASKED = tables.numbers(2)
TARGETS = tables.targets(TRAINED)

#: Name -> parameters, target, scale.
OBJECTIVES: dict[str, tuple[dict[str, Any], str, str]] = {
    "binary": ({"objective": "binary:logistic"}, "two", "log-odds"),
    "binary-base": ({"objective": "binary:logistic", "base_score": 0.8}, "two", "log-odds"),
    "regression": ({}, "value", "value"),
    "absolute": ({"objective": "reg:absoluteerror"}, "value", "value"),
    "quantile": ({"objective": "reg:quantileerror", "quantile_alpha": 0.3}, "value", "value"),
    "shares": ({"objective": "reg:logistic"}, "share", "log-odds"),
    "poisson": ({"objective": "count:poisson"}, "count", "log"),
    "gamma": ({"objective": "reg:gamma"}, "count", "log"),
    "tweedie": ({"objective": "reg:tweedie"}, "count", "log"),
    "cox": ({"objective": "survival:cox"}, "count", "log"),
    "classes": ({"objective": "multi:softprob", "num_class": 3}, "three", "margin"),
    "labels": ({"objective": "multi:softmax", "num_class": 3}, "three", "margin"),
    "pair": ({"objective": "multi:softprob", "num_class": 2}, "two", "log-odds"),
    "hinge": ({"objective": "binary:hinge"}, "two", "margin"),
    "dart": ({"booster": "dart", "rate_drop": 0.3, "objective": "binary:logistic"}, "two", "log-odds"),
    "linear": ({"booster": "gblinear", "objective": "binary:logistic"}, "two", "log-odds"),
    "forest": ({"num_parallel_tree": 4, "subsample": 0.7, "eta": 1.0}, "value", "value"),
}


def trained(params: dict[str, Any], y: Any, rounds: int = 12) -> Any:
    """Return a booster."""
    return xgboost.train({"nthread": 1, "max_depth": 5, **params}, xgboost.DMatrix(TRAINED, y), rounds)


def loaded(booster: Any, folder: Path) -> Any:
    """Return the predictor of a booster's file."""
    path = folder / "model.ubj"
    booster.save_model(path)
    return get_loader("xgboost").load(path, LoadOptions())


@pytest.mark.parametrize("name", some(OBJECTIVES, ("binary-base", "classes", "pair", "poisson", "dart", "linear")))
def test_parts_are_xgboosts_own(name: str, tmp_path: Path) -> None:
    """1,000 random rows keep the law, and each contribution is what pred_contribs says of the explained class."""
    params, target, scale = OBJECTIVES[name]
    booster = trained(params, TARGETS[target])
    predictor = loaded(booster, tmp_path)
    found = explained("xgboost", predictor, tables.columns(ASKED), predictor.signature.output)
    assert found.scale == scale
    own = booster.predict(xgboost.DMatrix(ASKED), pred_contribs=True, strict_shape=True).astype(float)
    if name == "pair":
        wanted = own[:, 1] - own[:, 0]
    elif found.labels is not None and own.shape[1] > 1:
        wanted = own[np.arange(len(own)), found.labels]
    else:
        wanted = own[:, 0]
    assert np.array_equal(found.contributions, wanted[:, :-1])
    assert np.array_equal(found.base, wanted[:, -1])


def test_the_positive_label_is_explained(tmp_path: Path) -> None:
    """Where the registry names the other label, every part has the other sign."""
    predictor = loaded(trained({"objective": "binary:logistic"}, TARGETS["two"]), tmp_path)
    output = predictor.signature.output
    one = explained("xgboost", predictor, tables.columns(ASKED), output)
    other = explained("xgboost", predictor, tables.columns(ASKED), replace(output, positive=0))
    assert one.labels is not None
    assert other.labels is not None
    assert {*one.labels.tolist()} == {1}
    assert {*other.labels.tolist()} == {0}
    assert np.array_equal(one.contributions, -other.contributions)


def test_only_the_best_rounds_count(tmp_path: Path) -> None:
    """After an early stop the later rounds are in no answer, and in no explanation."""
    data, noise = xgboost.DMatrix(TRAINED, TARGETS["two"]), xgboost.DMatrix(TRAINED, TARGETS["two"][::-1])
    params = {"objective": "binary:logistic", "nthread": 1}
    booster = xgboost.train(params, data, 40, evals=[(noise, "other")], early_stopping_rounds=5, verbose_eval=False)
    best = booster.best_iteration
    assert best + 1 < booster.num_boosted_rounds()
    found = explained("xgboost", loaded(booster, tmp_path), tables.columns(ASKED))
    own = booster.predict(xgboost.DMatrix(ASKED), pred_contribs=True, iteration_range=(0, best + 1))
    assert np.array_equal(found.contributions, own[:, :-1])


def test_categories_are_one_field_each(tmp_path: Path) -> None:
    """Levels, a level that training never saw and a missing one: one contribution for the category."""
    frame = pandas.DataFrame(
        {"size": TRAINED[:, 0], "colour": pandas.Categorical(tables.levels(1, 400), tables.LEVELS)}
    )
    y = frame["colour"].isin(["blue", "ecru"]).to_numpy() * 2.0 + np.nan_to_num(TRAINED[:, 0])
    model = xgboost.XGBRegressor(n_estimators=15, enable_categorical=True, max_cat_to_onehot=2, n_jobs=1).fit(frame, y)
    predictor = loaded(model.get_booster(), tmp_path)
    colours = tables.levels(3).tolist()
    colours[:4] = ["unheard of", float("nan"), "blue", "amber"]
    found = explained("xgboost", predictor, [np.ascontiguousarray(ASKED[:, 0]), make_column("string", colours)])
    assert found.contributions.shape == (1_000, 2)
    assert found.contributions[2, 1] > found.contributions[3, 1]


def test_a_ranking_is_explained_on_its_scores(tmp_path: Path) -> None:
    """A score is a sum as it is."""
    data = xgboost.DMatrix(TRAINED, TARGETS["two"], qid=np.repeat(np.arange(40), 10))
    booster = xgboost.train({"objective": "rank:ndcg", "nthread": 1}, data, 8)
    assert explained("xgboost", loaded(booster, tmp_path), tables.columns(ASKED)).scale == "value"


def test_an_mlflow_folder_is_explained_as_its_file_is(tmp_path: Path) -> None:
    """The flavour names the file in it; the parts are those of the booster."""
    booster = trained({"objective": "binary:logistic"}, TARGETS["two"])
    folder = tmp_path / "bundle"
    folder.mkdir()
    booster.save_model(folder / "model.ubj")
    (folder / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: mlflow.xgboost\n    data: model.ubj\n"
        "  xgboost:\n    data: model.ubj\n    model_format: ubj\n    xgb_version: 3.2.0\n"
    )
    predictor = get_loader("xgboost").load(folder, LoadOptions())
    own = booster.predict(xgboost.DMatrix(ASKED), pred_contribs=True)
    assert np.array_equal(explained("xgboost", predictor, tables.columns(ASKED)).contributions, own[:, :-1])


def test_infinite_numbers_are_explained_as_they_are_answered(tmp_path: Path) -> None:
    """What is beyond float32 is answered, so it is explained."""
    predictor = loaded(trained({}, TARGETS["value"]), tmp_path)
    rows = ASKED[:8].copy()
    rows[:4, 0], rows[4:, 1] = 1e300, -1e300
    with np.errstate(over="ignore"):
        explained("xgboost", predictor, tables.columns(rows))


@pytest.mark.parametrize("name", ["booster", "wrapper-with-categories"])
def test_pickles_are_explained_as_files_are(name: str, tmp_path: Path) -> None:
    """A pickled booster is a booster."""
    booster = trained({"objective": "binary:logistic"}, TARGETS["two"])
    asked = tables.columns(ASKED)
    held = booster
    if name != "booster":
        colours = pandas.Categorical(tables.levels(1, 400), tables.LEVELS)
        frame = pandas.DataFrame({"size": TRAINED[:, 0], "colour": colours})
        held = xgboost.XGBClassifier(n_estimators=5, enable_categorical=True, n_jobs=1).fit(frame, TARGETS["two"])
        asked = [asked[0], tables.levels(3)]
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(held))
    predictor = get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))
    assert explained("sklearn", predictor, asked).scale == "log-odds"


def test_leaves_with_a_value_for_every_label_are_refused(tmp_path: Path) -> None:
    """XGBoost has no contributions for them; the reason names the parameter, the hint the value to train with."""
    params = {"objective": "multi:softprob", "num_class": 3, "multi_strategy": "multi_output_tree"}
    predictor = loaded(trained({**params, "tree_method": "hist"}, TARGETS["three"]), tmp_path)
    with pytest.raises(NotExplainable, match="multi_output_tree") as caught:
        explainer_for("xgboost", predictor, predictor.signature.output)
    assert "one_output_per_tree" in str(caught.value.hint)


@pytest.mark.parametrize("name", some([name for name in OBJECTIVES if name != "linear"], ("classes", "dart")))
def test_float64_is_the_same_explanation(name: str, tmp_path: Path) -> None:
    """Trees read out of the file and added up in float64: XGBoost's contributions, without their rounding."""
    params, target, _ = OBJECTIVES[name]
    predictor = loaded(trained(params, TARGETS[target]), tmp_path)
    explainer = BoosterExplainer(predictor._booster, predictor._trees)
    for output in range(explainer.outputs):
        found, base = explainer.in_float64(ASKED, output)
        own, own_base = explainer.contributions(ASKED, output)
        parts = np.abs(own).sum(axis=1) + np.abs(own_base)
        assert (np.abs(found - own).max(axis=1) / parts).max() <= 3e-6
        assert (np.abs(found.sum(axis=1) + base - explainer.margins(ASKED)[:, output]) / parts).max() <= 2e-6


def test_deep_trees_keep_the_law(tmp_path: Path) -> None:
    """Paths of thirty nodes: float32 loses the digits that an explanation has to have, float64 keeps them."""
    predictor = loaded(trained({"max_depth": 60, "min_child_weight": 0, "eta": 0.2}, TARGETS["value"]), tmp_path)
    explained("xgboost", predictor, tables.columns(ASKED[:60]))
