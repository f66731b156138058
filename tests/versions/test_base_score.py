"""
XGBoost files whose base score counted otherwise in their own version are refused by name; the neighbours serve.

The files of `boosters` were written by those versions: xgboost.train(max_depth=2, base_score=0.3 or none), three rounds
on RandomState(0).rand(60, 3); the expected answers are theirs.
"""

from pathlib import Path

import numpy as np
import pytest

from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions

BOOSTERS = Path(__file__).with_name("boosters")
ROWS = np.random.RandomState(0).rand(60, 3)[:3]


@pytest.mark.parametrize(
    ("name", "version"), [("poisson_linear_1.4.2.json", "1.4.2"), ("logitraw_1.2.1.json", "1.2.1")]
)
def test_what_would_answer_other_values_is_refused(name: str, version: str) -> None:
    """XGBoost 3.2 answered 10.06 where 1.4.2 did 2.24, and 1.83 where 1.2.1 did 1.33."""
    with pytest.raises(LoadError, match=f"written by XGBoost {version}: .* counts its base score otherwise") as caught:
        get_loader("xgboost").load(BOOSTERS / name, LoadOptions())
    assert caught.value.code == "wrong-version"
    assert caught.value.hint == "train it again with the XGBoost that is installed here"


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("poisson_linear_1.5.2.json", [2.2361812591552734, 2.103062152862549, 2.116774559020996]),
        ("logitraw_1.3.3.json", [1.5033612251281738, 1.5033612251281738, 1.5033612251281738]),
        ("squared_linear_1.0.2.json", [1.8246312141418457, 1.8250415325164795, 1.7081366777420044]),
    ],
)
def test_what_answers_alike_serves(name: str, answers: list[float]) -> None:
    """Neither later files nor objectives whose base score always counted as it is are refused."""
    predictor = get_loader("xgboost").load(BOOSTERS / name, LoadOptions())
    found = predictor.predict([np.ascontiguousarray(column) for column in ROWS.T]).values
    assert found.tolist() == pytest.approx(answers, rel=1e-5)
