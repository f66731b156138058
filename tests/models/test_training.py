"""Laws of the models that ship with the gateway: what their folders hold, and that the files agree with each other."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from xgboost import XGBClassifier

MODELS = Path(__file__).resolve().parents[2] / "models"
ARTIFACTS = {
    "sentiment": "model.skops",
    "diabetes": "model.ubj",
    "loan": "model.ubj",
    "earnings": "model.skops",
    "insurance": "model.ubj",
}
MAX_SIZE_BYTES = 2_000_000
# (model, figure, at least, at most): above the upper bound something leaked, or the card tells tales
GATES = [
    ("sentiment", "auc_10_fold", 0.90, 0.98),
    ("diabetes", "auc_5_fold", 0.80, 0.86),
    ("diabetes", "accuracy_5_fold", 0.72, 0.82),
    ("loan", "test_auc", 0.82, 0.92),
    ("earnings", "r2_5_fold", 0.64, 0.76),
    ("insurance", "test_auc", 0.82, 0.92),
]
PHRASES = {
    "that movie was boring": "Negative",
    "That was pretty entertaining": "Positive",
    "a gripping, beautifully acted film": "Positive",
    "one of the worst films I have ever seen": "Negative",
}


def read(name: str, file: str) -> Any:
    return json.loads((MODELS / name / file).read_text(encoding="utf-8"))


def golden(name: str) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    content = read(name, "golden.json")
    return pd.DataFrame(content["instances"]), content["predictions"]


def load_sklearn(name: str) -> Any:
    return skops.io.load(MODELS / name / "model.skops", trusted=["numpy.dtype"])


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_train", MODELS / name / "train.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ARTIFACTS)
def test_folder_is_complete(name: str) -> None:
    """Every model has script, artifact under 2 MB, golden rows, metrics and a card."""
    for file in ("train.py", "golden.json", "metrics.json", "README.md", ARTIFACTS[name]):
        assert (MODELS / name / file).is_file(), f"models/{name}/{file}"
    assert (MODELS / name / ARTIFACTS[name]).stat().st_size < MAX_SIZE_BYTES


@pytest.mark.parametrize("name", ARTIFACTS)
def test_golden_is_well_formed(name: str) -> None:
    """Golden rows share their fields; each has one prediction, its probabilities sum to 1 and hold its label."""
    content = read(name, "golden.json")
    assert content["version"] == 1
    assert 8 <= len(content["instances"]) <= 20
    assert len({tuple(row) for row in content["instances"]}) == 1
    for prediction in (row for _, row in zip(content["instances"], content["predictions"], strict=True)):
        if "value" in prediction:
            assert np.isfinite(prediction["value"])
            continue
        assert str(prediction["label"]) in prediction["probabilities"]
        assert sum(prediction["probabilities"].values()) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("name", "figure", "least", "most"), GATES)
def test_gates(name: str, figure: str, least: float, most: float) -> None:
    """What train.py measured lies between the published gate and the point where a leak is the likelier cause."""
    assert least <= read(name, "metrics.json")["figures"][figure] <= most


@pytest.mark.parametrize("name", ARTIFACTS)
def test_card_states_the_measured_figures(name: str) -> None:
    """Every figure of metrics.json stands in the model card, digit for digit."""
    card = (MODELS / name / "README.md").read_text(encoding="utf-8")
    for figure, value in read(name, "metrics.json")["figures"].items():
        assert str(value) in card, f"models/{name}/README.md lacks {figure} = {value}"


@pytest.mark.parametrize("name", ARTIFACTS)
def test_card_states_the_versions(name: str) -> None:
    """The model card names the library versions that made the artifact."""
    card = (MODELS / name / "README.md").read_text(encoding="utf-8")
    for package, version in read(name, "metrics.json")["versions"].items():
        assert f"{package} {version}" in card


def test_sentiment_golden() -> None:
    """The sentiment artifact answers its golden rows, the empty and the unknown text among them."""
    rows, expected = golden("sentiment")
    model = load_sklearn("sentiment")
    assert list(model.predict(rows["query"])) == [row["label"] for row in expected]
    wanted = [[row["probabilities"][label] for label in model.classes_] for row in expected]
    np.testing.assert_allclose(model.predict_proba(rows["query"]), wanted, rtol=1e-9)


def test_sentiment_phrases() -> None:
    """The phrases that the old service was sent get the label that a person would give."""
    assert dict(zip(PHRASES, load_sklearn("sentiment").predict(list(PHRASES)), strict=True)) == PHRASES


def test_sentiment_needs_no_trust() -> None:
    """The sentiment artifact holds no type beyond those that skops trusts by itself."""
    assert skops.io.get_untrusted_types(file=MODELS / "sentiment" / "model.skops") == []


def test_diabetes_golden() -> None:
    """The diabetes artifact names its eight columns and answers its golden rows, missing values included."""
    rows, expected = golden("diabetes")
    model = XGBClassifier()
    model.load_model(MODELS / "diabetes" / "model.ubj")
    assert model.get_booster().feature_names == list(rows.columns)
    assert [int(label) for label in model.predict(rows)] == [row["label"] for row in expected]
    wanted = [[row["probabilities"][label] for label in ("0", "1")] for row in expected]
    np.testing.assert_allclose(model.predict_proba(rows), wanted, atol=1e-6)


def test_earnings_golden() -> None:
    """The earnings artifact answers its golden rows; NaN, never None, is what a missing value is to it."""
    rows, expected = golden("earnings")
    model = load_sklearn("earnings")
    rows = rows.astype(object).where(rows.notna(), np.nan)
    rows = rows.astype(dict.fromkeys(("SAT_AVG_ALL", "tuition", "ADM_RATE_ALL"), float))
    assert list(model.feature_names_in_) == list(rows.columns)
    wanted = [row["value"] for row in expected]
    np.testing.assert_allclose(model.predict(rows), wanted, rtol=1e-9)
    one_by_one = [model.predict(rows.iloc[[i]])[0] for i in range(len(rows))]
    np.testing.assert_allclose(one_by_one, wanted, rtol=1e-9)


@pytest.mark.parametrize("name", ["loan", "insurance"])
def test_levels_are_inside_the_artifact(name: str) -> None:
    """A booster that was given raw texts answers its golden rows from texts, without a table of levels beside it."""
    rows, expected = golden(name)
    script = load_script(name)
    booster = xgboost.Booster(model_file=MODELS / name / "model.ubj")
    assert booster.feature_names == list(rows.columns)
    # The codes of these categories are others than in training: XGBoost turns them by the levels that the file holds.
    types = {"enum": "category", "numeric": float}
    coded = xgboost.DMatrix(
        rows.astype({column: types[script.TYPES[column]] for column in rows}), enable_categorical=True
    )
    wanted = [row["probabilities"]["1"] for row in expected]
    np.testing.assert_allclose(booster.predict(coded), wanted, atol=1e-6)
    assert [row["label"] for row in expected] == [int(p > 0.5) for p in wanted]


def test_loan_sample() -> None:
    """The published loan sample is approved, as it was by the old service."""
    _, expected = golden("loan")
    assert expected[0]["probabilities"]["1"] < read("loan", "metrics.json")["figures"]["threshold"]


def test_insurance_sample_is_raw() -> None:
    """The sample CSV has `id` and codes written as 28.0, like the original file; each is a level of the model."""
    text = pd.read_csv(MODELS / "insurance" / "sample.csv", dtype=str)
    rows, _ = golden("insurance")
    assert list(text.columns) == ["id", *rows.columns]
    assert len(text) == 20
    for name in ("Region_Code", "Policy_Sales_Channel"):
        assert all(value.endswith(".0") for value in text[name])


def test_diabetes_figures_come_out_again() -> None:
    """Five folds of the diabetes data, run now, give the figures of metrics.json."""
    script = load_script("diabetes")
    data = script.training.data_home() / "pima-indians-diabetes.csv"
    if not data.is_file():
        pytest.skip(f"no {data.name} in the data folder (set GATEWAY_DATA)")
    table = script.load(data.read_bytes())
    again = script.evaluate(table, *script.out_of_fold(table))
    assert again == pytest.approx(read("diabetes", "metrics.json")["figures"], abs=0.002)


@pytest.mark.parametrize("name", ["loan", "insurance"])
def test_synthetic_data_is_seeded(name: str) -> None:
    """The same seed draws the same rows, another seed draws others."""
    generate = load_script(name).generate
    first, again, other = generate(500, 1)[0], generate(500, 1)[0], generate(500, 2)[0]
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


@pytest.mark.parametrize("name", ["loan", "insurance"])
def test_held_out_rows_resemble_the_others(name: str) -> None:
    """Held-out rows have the answers' shares of all rows: a split seeded like the generator held out one age group."""
    script = load_script(name)
    table, probability, _ = script.load(None)
    test = script.held_out(len(table))
    assert probability[test].mean() == pytest.approx(probability[~test].mean(), abs=0.02)
