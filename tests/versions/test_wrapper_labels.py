"""
The labels that XGBClassifier of 1.0 to 1.5 coded and noted in its files are answered, or the file is refused by name.

The files of `wrappers` were written by those versions: XGBClassifier(n_estimators=3, max_depth=2).save_model, fitted on
RandomState(0).rand(60, 3) with labels made of its first column; the expected answers are what they printed.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import Predictions, Predictor, Scalar

WRAPPERS = Path(__file__).with_name("wrappers")
ROWS = np.random.RandomState(0).rand(60, 3)[:5]


def loaded(path: Path) -> Predictor:
    """Load a file as a route does."""
    return get_loader("xgboost").load(path, LoadOptions())


def asked(predictor: Predictor) -> Predictions:
    """Ask for the first rows of the training data."""
    return predictor.predict([np.ascontiguousarray(column) for column in ROWS.T])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("int_1.0.2.json", [2, 2, 1, 1, 2]),
        ("bool_1.2.1.json", [True, True, False, False, True]),
        ("three_1.2.1.json", [6, 6, 6, 6, 6]),
        ("text_1.5.2.json", ["good", "good", "bad", "bad", "good"]),
    ],
)
def test_the_labels_of_the_wrapper_are_answered(name: str, expected: list[Scalar]) -> None:
    """Type included; and the wrapper's own answer is the label, also where the note does not say "classifier"."""
    predictor = loaded(WRAPPERS / name)
    output = predictor.signature.output
    found = [output.labels[int(code)] for code in asked(predictor).values]
    assert found == expected
    assert [type(one) for one in found] == [type(one) for one in expected]
    assert output.own == "value"
    assert output.positive in {None, output.labels[1]}


def test_labels_that_the_booster_does_not_tell_are_refused_and_the_fix_works(tmp_path: Path) -> None:
    """With count:poisson the wrapper answered 1 and 2, the booster a rate; done as told, the file serves that."""
    with pytest.raises(LoadError, match="answers labels") as caught:
        loaded(WRAPPERS / "poisson_1.0.2.json")
    assert caught.value.code == "unsupported-model"
    assert "b.set_attr(scikit_learn=None)" in str(caught.value.hint)
    booster = xgboost.Booster(model_file=WRAPPERS / "poisson_1.0.2.json")
    booster.set_attr(scikit_learn=None)
    booster.save_model(tmp_path / "model.ubj")
    # What XGBoost 1.0.2 answered to the first row: predict_proba's second column was the rate.
    assert float(asked(loaded(tmp_path / "model.ubj")).values[0]) == pytest.approx(0.6968137621879578, abs=1e-6)


@pytest.mark.parametrize("coded", [[5], [1, 2, 3], [None, "a"], [1, "a"], [[1], [2]], "ab", [float("nan"), 1.0]])
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, coded: Any) -> None:
    """One class, more than the booster has, and what no answer could say exactly."""
    document = json.loads((WRAPPERS / "int_1.0.2.json").read_text())
    attributes = document["learner"]["attributes"]
    attributes["scikit_learn"] = json.dumps({**json.loads(attributes["scikit_learn"]), "_le": {"classes_": coded}})
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    with pytest.raises(LoadError, match="the XGBClassifier that saved it") as caught:
        loaded(path)
    assert caught.value.code == "unsupported-model"


def test_later_wrappers_answer_codes_whatever_they_note(tmp_path: Path) -> None:
    """From 1.6 on predict answers 0 and 1, and the note has no encoder; a margin does not pass for its answer."""
    labels = (ROWS[:, 0] > np.median(ROWS[:, 0])).astype(float)
    for objective, kind in (("binary:logistic", "classification"), ("binary:logitraw", "regression")):
        booster = xgboost.train({"objective": objective}, xgboost.DMatrix(ROWS, label=labels), 2)
        note = {"_estimator_type": "classifier", "classes_": [0.0, 1.0], "n_classes_": 2}
        booster.set_attr(scikit_learn=json.dumps(note))
        booster.save_model(tmp_path / "model.ubj")
        output = loaded(tmp_path / "model.ubj").signature.output
        assert output.kind == kind
        assert output.labels == ((0, 1) if kind == "classification" else ())
        assert bool(output.own_differs) == (kind == "regression")
