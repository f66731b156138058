"""Levels of XGBoost's categories that its file does not tell: the registry says them, and they are held against it."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost

from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions

DRAW = np.random.default_rng(8)
NAMES = ("Aachen", "Köln", "München", "Zürich", "東京")
ROWS = 200
FRAME = pd.DataFrame({"city": pd.Categorical(DRAW.choice(NAMES, ROWS), categories=NAMES), "x": DRAW.normal(size=ROWS)})
COLUMNS = [FRAME.city.to_numpy(object), FRAME.x.to_numpy()]


@pytest.fixture(scope="module")
def model() -> Any:
    """Return a regressor whose answers depend on a city."""
    found = xgboost.XGBRegressor(n_estimators=3, enable_categorical=True, n_jobs=1)
    return found.fit(FRAME, FRAME.city.cat.codes * 2 + FRAME.x)


def test_levels_outside_ascii_are_those_that_the_registry_says(model: Any, tmp_path: Path) -> None:
    """In the order of training they are exact; another order, or another name, contradicts what the file keeps."""
    path = tmp_path / "model.ubj"
    model.save_model(path)
    loader = get_loader("xgboost")
    with pytest.raises(LoadError, match="outside ASCII") as error:
        loader.load(path, LoadOptions())
    assert "inputs: {city: {enum: [...]}}" in str(error.value.hint)
    predictor = loader.load(path, LoadOptions(levels={"city": NAMES}))
    assert predictor.signature.inputs[0].enum == NAMES
    assert np.array_equal(predictor.predict(COLUMNS).values, model.predict(FRAME).astype(np.float64))
    for wrong in (NAMES[::-1], ("Aachen", "Köln", "Münster", "Zürich", "東京"), NAMES[:4]):
        with pytest.raises(LoadError, match="are not those of the file"):
            loader.load(path, LoadOptions(levels={"city": wrong}))


def test_a_pickled_wrapper_with_categories_serves(model: Any, tmp_path: Path) -> None:
    """What a data frame of training's categories is answered, with the levels of the file or of the registry."""
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(model))
    options = LoadOptions(allow_pickle=True, levels={"city": NAMES})
    predictor = get_loader("sklearn").load(path, options)
    assert np.array_equal(predictor.predict(COLUMNS).values, model.predict(FRAME).astype(np.float64))
    plain = FRAME.assign(city=FRAME.city.cat.rename_categories(list("abcde")))
    classes = xgboost.XGBClassifier(n_estimators=3, enable_categorical=True, n_jobs=1).fit(plain, FRAME.x > 0)
    path.write_bytes(pickle.dumps(classes))
    predictor = get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))
    answers = predictor.predict([plain.city.to_numpy(object), COLUMNS[1]])
    assert predictor.signature.output.own == "value"
    assert answers.values.tolist() == classes.predict(plain).astype(int).tolist()
    assert answers.probabilities is not None
    assert np.allclose(answers.probabilities, classes.predict_proba(plain), atol=1e-7)
