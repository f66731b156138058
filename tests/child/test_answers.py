"""A model that runs in an environment of its own has the signature and the answers that it has in this process."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import msgspec
import numpy as np
import pytest
import xgboost

from child.child_servers import loaded_here, serving
from gateway.child.schema import Model, as_json
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import Column, Predictions, Signature, make_column
from loaders import cases, fitted

SERVED = [name for name in cases.BUILDERS if not name.startswith(("h2o", "onnx", "stub"))]


def here(loader: str, path: Path, options: LoadOptions | None = None) -> Any:
    """Return the predictor of this process."""
    return get_loader(loader).load(path, options or LoadOptions(allow_pickle=True))


def told(model: Model) -> Signature:
    """Return a signature of the child's as the gateway reads it."""
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(as_json(model.signature))), Signature)


def assert_equal(one: Any, other: Predictions) -> None:
    """Compare values and probabilities without tolerance."""
    assert np.array_equal(one.values, other.values, equal_nan=np.asarray(other.values).dtype.kind == "f")
    assert (one.probabilities is None) == (other.probabilities is None)
    if other.probabilities is not None:
        assert np.array_equal(one.probabilities, other.probabilities)


@pytest.mark.parametrize("name", SERVED)
def test_signature_and_answers_are_those_of_the_loader(name: str, tmp_path: Path) -> None:
    """One artifact under both: the same names, types, categories, labels and figures."""
    case = cases.BUILDERS[name](tmp_path)
    local, model = here(case.loader, case.path, case.options), loaded_here(case.path, entry=case.options.entry)
    assert told(model) == local.signature
    assert_equal(model.predict(case.columns), local.predict(case.columns))


@pytest.mark.parametrize(
    "name", ["LogisticRegression", "IsolationForest", "KMeans", "MultiOutputRegressor", "DictVectorizer"]
)
def test_estimators_of_each_kind_are_asked_as_here(name: str, tmp_path: Path) -> None:
    """Classes, outliers, clusters and several outputs; what is refused here is refused there."""
    assert differences(name, tmp_path) == ""


@pytest.mark.slow
def test_every_estimator_is_asked_as_here(tmp_path: Path) -> None:
    """All of the installed scikit-learn."""
    found = {name: differences(name, tmp_path) for name in fitted.all_names()}
    assert {name: text for name, text in found.items() if text} == {}


def differences(name: str, folder: Path) -> str:
    """Say where an estimator's signature or answers differ."""
    found = fitted.fitted(name)
    if found is None:
        return ""
    path = folder / f"{name}.pkl"
    path.write_bytes(pickle.dumps(found[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _differences(_or_none(here, "sklearn", path), _or_none(loaded_here, path))


def _differences(local: Any, model: Any) -> str:
    if local is None or model is None:
        return "" if local is model else f"here {local}, there {model}"
    if told(model) != local.signature:
        return f"here {local.signature}, there {told(model)}"
    columns = plausible(local.signature)
    assert_equal(model.predict(columns), local.predict(columns))
    return ""


def _or_none(make: Any, *arguments: Any) -> Any:
    try:
        return make(*arguments)
    except Exception:
        return None


def plausible(signature: Signature) -> list[Column]:
    """Return five rows that fit a signature."""
    draw = np.random.default_rng(0).uniform(0.1, 1.0, 5).tolist()
    texts = {"string": "good film"}
    return [
        make_column(one.column_type, [one.enum[0] if one.enum else texts.get(one.type, value) for value in draw])
        for one in signature.inputs
    ]


def test_pickled_boosters_and_wrappers_are_those_of_the_loader(tmp_path: Path) -> None:
    """Categories, best rounds and labels of LightGBM's and XGBoost's own objects."""
    frame, _, value = cases.people()
    frame = frame[["age", "region"]].assign(region=frame.region.astype("category"))
    labels = np.where(value > 5_000, "high", "low")
    models = {
        "booster.pkl": xgboost.train({}, xgboost.DMatrix(frame, value, enable_categorical=True), 3),
        "classifier.joblib": lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(frame, labels),
        "regressor.pkl": xgboost.XGBRegressor(n_estimators=3, enable_categorical=True).fit(frame, value),
    }
    for name, found in models.items():
        joblib.dump(found, tmp_path / name)
        local, model = here("sklearn", tmp_path / name), loaded_here(tmp_path / name)
        assert told(model) == local.signature
        columns = [make_column("number", [30.0, np.nan]), make_column("string", ["west", np.nan])]
        assert_equal(model.predict(columns), local.predict(columns))


def test_answers_over_the_wire_are_those_of_the_loader(tmp_path: Path) -> None:
    """Numbers, texts, levels and holes go to another process and come back unchanged, in both forms of a tensor."""
    case = cases.BUILDERS["sklearn-frame"](tmp_path)
    local = here(case.loader, case.path)
    with serving(case.path) as child:
        assert child.ready().status == 200
        assert child.signature() == local.signature
        expected = local.predict(case.columns)
        assert_equal(child.predict(case.columns, binary=True), expected)
        assert_equal(child.predict(case.columns, binary=False), expected)
