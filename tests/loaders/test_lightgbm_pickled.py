"""Pickled boosters and wrappers of LightGBM and XGBoost: alone, in scikit-learn's parts, and made to harm."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gateway.errors import ArtifactError, LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions

ROWS = 150
DRAW = np.random.default_rng(4)
FRAME = pd.DataFrame(
    {
        "x": DRAW.normal(size=ROWS),
        "city": pd.Categorical(DRAW.choice(["Berlin", "München", "東京"], ROWS)),
        "k": DRAW.integers(0, 3, ROWS).astype(float),
    }
)
NUMBERS = FRAME[["x", "k"]]
LABELS = np.where(FRAME.x + FRAME.city.cat.codes > 1, "ja", "nein")


def model(**options: Any) -> lightgbm.LGBMClassifier:
    """Return an unfitted classifier that trains in a moment."""
    return lightgbm.LGBMClassifier(**{"n_estimators": 3, "min_child_samples": 2, "n_jobs": 1, "verbose": -1, **options})


def stopped() -> Any:
    """Return a classifier that knows a best round before its last."""
    found = model(n_estimators=60, learning_rate=0.6)
    stop: list[Any] = [lightgbm.early_stopping(2, verbose=False)]
    return found.fit(NUMBERS[:90], LABELS[:90], eval_set=[(NUMBERS[90:], LABELS[90:])], callbacks=stop)


def one_hot() -> Any:
    """Return a pipeline whose front codes the categories."""
    front = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    return make_pipeline(front, model()).fit(FRAME.astype({"city": object}), LABELS)


KINDS: dict[str, Callable[[], tuple[Any, pd.DataFrame]]] = {
    "wrapper": lambda: (model().fit(FRAME, LABELS), FRAME),
    "three classes": lambda: (model().fit(FRAME, DRAW.choice(["a", "b", "c"], ROWS)), FRAME),
    "boolean labels": lambda: (model().fit(NUMBERS, LABELS == "ja"), NUMBERS),
    "cross entropy": lambda: (model(objective="cross_entropy").fit(NUMBERS, LABELS == "ja"), NUMBERS),
    "regressor": lambda: (lightgbm.LGBMRegressor(n_estimators=3, n_jobs=1, verbose=-1).fit(FRAME, FRAME.x), FRAME),
    "pipeline of one": lambda: (make_pipeline(model()).fit(FRAME, LABELS), FRAME),
    "search": lambda: (GridSearchCV(model(), {"num_leaves": [4, 6]}, cv=2).fit(FRAME, LABELS), FRAME),
    "scaled": lambda: (make_pipeline(StandardScaler(), model()).fit(NUMBERS, LABELS), NUMBERS),
    "one-hot": lambda: (one_hot(), FRAME),
    "calibrated": lambda: (CalibratedClassifierCV(model(), cv=2).fit(NUMBERS, LABELS), NUMBERS),
    "stacked": lambda: (StackingClassifier([("a", model())], cv=2).fit(NUMBERS, LABELS), NUMBERS),
    "stopped": lambda: (stopped(), NUMBERS),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names", "ignore:The argument 'eval_set'")
def test_a_pickle_answers_as_the_model_in_it(kind: str, tmp_path: Path) -> None:
    """Labels and probabilities are those of the object that was pickled, called on a data frame."""
    found, rows = KINDS[kind]()
    joblib.dump(found, tmp_path / "model.joblib")
    predictor = get_loader("sklearn").load(tmp_path / "model.joblib", LoadOptions(allow_pickle=True))
    answers = predictor.predict([rows[name].to_numpy(object if name == "city" else None) for name in rows])
    output = predictor.signature.output
    if output.kind == "regression":
        assert np.array_equal(answers.values, found.predict(rows))
        return
    assert [output.labels[i] for i in answers.values] == found.predict(rows).tolist()
    assert answers.probabilities is not None
    assert np.array_equal(answers.probabilities, found.predict_proba(rows))


def test_categories_inside_of_other_parts_have_two_ways_in(tmp_path: Path) -> None:
    """Calibrated, its columns cannot be told; alone, or behind an encoder ("wrapper" and "one-hot" above), it serves."""
    path = tmp_path / "model.joblib"
    joblib.dump(CalibratedClassifierCV(model(), cv=2).fit(FRAME, LABELS), path)
    with pytest.raises(LoadError, match="takes pandas categories") as error:
        get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))
    assert "save the model of LightGBM alone, or put an encoder before it" in str(error.value.hint)


def test_a_pickled_booster_answers_as_its_file(tmp_path: Path) -> None:
    """Of LightGBM and of XGBoost alike: a booster in a pickle is the booster."""
    truth = (LABELS == "ja").astype(int)
    ours = lightgbm.train({"objective": "binary", "num_threads": 1, "verbose": -1}, lightgbm.Dataset(FRAME, truth), 3)
    theirs = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(NUMBERS, truth), 3)
    for booster, rows, expected in (
        (ours, FRAME, ours.predict(FRAME)),
        (theirs, NUMBERS, theirs.predict(xgboost.DMatrix(NUMBERS))),
    ):
        (tmp_path / "model.pkl").write_bytes(pickle.dumps(booster))
        predictor = get_loader("sklearn").load(tmp_path / "model.pkl", LoadOptions(allow_pickle=True))
        answers = predictor.predict([rows[name].to_numpy(object if name == "city" else None) for name in rows])
        assert predictor.signature.output.own == "probability"
        assert answers.probabilities is not None
        assert np.array_equal(answers.probabilities[:, 1], np.asarray(expected, dtype=np.float64))


@pytest.mark.parametrize(
    ("told", "changed"),
    [
        (b"num_leaves=3", b"num_leaves=9"),
        (b"max_feature_idx=1", b"max_feature_idx=0"),
        (b"num_class=1", b"num_class=9"),
    ],
)
def test_the_text_in_a_pickle_is_checked_before_lightgbm_reads_it(told: bytes, changed: bytes, tmp_path: Path) -> None:
    """A table of a pickled booster that does not fit is refused like one of a file."""
    booster = lightgbm.train({"num_leaves": 3, "num_threads": 1, "verbose": -1}, lightgbm.Dataset(NUMBERS, FRAME.x), 1)
    data = pickle.dumps(booster)
    assert told in data
    (tmp_path / "model.pkl").write_bytes(data.replace(told, changed, 1))
    with pytest.raises(ArtifactError, match=r"model\.pkl: .*LightGBM model"):
        get_loader("sklearn").load(tmp_path / "model.pkl", LoadOptions(allow_pickle=True))
