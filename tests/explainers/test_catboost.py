"""Explanations of CatBoost models: its own SHAP values, by field, on the scale of the loss function."""

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

catboost = pytest.importorskip("catboost")

TRAINED = tables.numbers(1, 400)
ASKED = tables.numbers(2)
TARGETS = tables.targets(TRAINED)

#: Name -> loss function, target, scale.
LOSSES: dict[str, tuple[str, str, str]] = {
    "binary": ("Logloss", "two", "log-odds"),
    "shares": ("CrossEntropy", "share", "log-odds"),
    "focal": ("Focal:focal_alpha=0.3;focal_gamma=2", "two", "log-odds"),
    "regression": ("RMSE", "value", "value"),
    "quantile": ("Quantile:alpha=0.2", "value", "value"),
    "poisson": ("Poisson", "count", "log"),
    "tweedie": ("Tweedie:variance_power=1.5", "count", "log"),
    "classes": ("MultiClass", "three", "margin"),
    "one-against-all": ("MultiClassOneVsAll", "three", "margin"),
    "pair": ("MultiClass", "two", "log-odds"),
}


def trained(loss: str, y: Any, x: Any = TRAINED, **more: Any) -> Any:
    """Return a model."""
    options = {"iterations": 15, "verbose": 0, "allow_writing_files": False, "thread_count": 1, "depth": 4}
    y = y.astype(int) if loss.startswith("MultiClass") else y
    return catboost.CatBoost({**options, "loss_function": loss, **more}).fit(x, y)


def loaded(model: Any, folder: Path, suffix: str = ".cbm") -> Any:
    """Return the predictor of a model's file."""
    path = folder / f"model{suffix}"
    model.save_model(str(path), format="json" if suffix == ".json" else "cbm")
    return get_loader("catboost").load(path, LoadOptions())


@pytest.mark.parametrize("name", some(LOSSES, ("binary", "poisson", "classes", "pair")))
def test_parts_are_catboosts_own(name: str, tmp_path: Path) -> None:
    """1,000 random rows keep the law, and each contribution is the SHAP value of the explained class."""
    loss, target, scale = LOSSES[name]
    model = trained(loss, TARGETS[target])
    found = explained("catboost", loaded(model, tmp_path), tables.columns(ASKED))
    assert found.scale == scale
    own = model.get_feature_importance(catboost.Pool(ASKED.astype(np.float32)), type="ShapValues", thread_count=1)
    own = own.reshape(len(own), -1, 7)
    if name == "pair":
        wanted = own[:, 1] - own[:, 0]
    elif found.labels is not None and own.shape[1] > 1:
        wanted = own[np.arange(len(own)), found.labels]
    else:
        wanted = own[:, 0]
    assert np.allclose(found.contributions, wanted[:, :-1], rtol=1e-9, atol=1e-9)
    assert np.allclose(found.base, wanted[:, -1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("how", some((".cbm", ".json", ".pkl"), (".cbm",)))
def test_categories_and_texts_are_one_field_each(how: str, tmp_path: Path) -> None:
    """Statistics of categories, combined ones too, and words of a text count for the columns they are made of."""
    table = np.empty((400, 4), dtype=object)
    table[:, 0], table[:, 1], table[:, 2] = TRAINED[:, 0], tables.levels(1, 400), tables.levels(2, 400)
    table[:, 3] = [f"{a} and {b}" for a, b in zip(tables.levels(3, 400), tables.levels(4, 400), strict=True)]
    y = (table[:, 1] == table[:, 2]) * 3.0 + np.nan_to_num(TRAINED[:, 0])
    texts = [] if how == ".json" else [3]
    pool = catboost.Pool(table[:, : 4 if texts else 3], (y > 1).astype(int), cat_features=[1, 2], text_features=texts)
    model = catboost.CatBoostClassifier(
        iterations=15, verbose=0, allow_writing_files=False, thread_count=1, one_hot_max_size=2
    ).fit(pool)
    asked = [np.ascontiguousarray(ASKED[:, 0]), tables.levels(5), tables.levels(6), tables.levels(7)]
    asked[1][0] = "unheard of"
    if how == ".pkl":
        path = tmp_path / "model.pkl"
        path.write_bytes(pickle.dumps(model))
        predictor: Any = get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))
    else:
        predictor = loaded(model, tmp_path, how)
    found = explained("sklearn" if how == ".pkl" else "catboost", predictor, asked[: 4 if texts else 3])
    assert (np.abs(found.contributions[:, 1:3]).max(axis=0) > 0).all()


@pytest.mark.parametrize("grow", some(("Depthwise", "Lossguide"), ("Lossguide",)))
@pytest.mark.parametrize("name", some(("regression", "binary", "classes", "pair"), ("regression", "classes")))
def test_trees_that_are_not_symmetric_keep_the_law(grow: str, name: str, tmp_path: Path) -> None:
    """CatBoost's SHAP values of such trees do not add up to its answers; TreeSHAP over its leaves does."""
    loss, target, scale = LOSSES[name]
    predictor = loaded(trained(loss, TARGETS[target], grow_policy=grow), tmp_path)
    assert explained("catboost", predictor, tables.columns(ASKED)).scale == scale


def test_categories_in_trees_that_are_not_symmetric_are_refused(tmp_path: Path) -> None:
    """The reason says what stands in the way, the hint what to train with."""
    table = np.empty((400, 2), dtype=object)
    table[:, 0], table[:, 1] = TRAINED[:, 0], tables.levels(1, 400)
    pool = catboost.Pool(table, (table[:, 1] == "blue") * 1.0, cat_features=[1])
    model = catboost.CatBoostRegressor(
        iterations=5, verbose=0, allow_writing_files=False, thread_count=1, grow_policy="Lossguide"
    ).fit(pool)
    predictor = loaded(model, tmp_path)
    with pytest.raises(NotExplainable, match="not symmetric") as caught:
        explainer_for("catboost", predictor, predictor.signature.output)
    assert "SymmetricTree" in str(caught.value.hint)
