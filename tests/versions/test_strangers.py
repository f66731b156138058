"""Artifacts of other versions with options that the sets of the page of the zoo do not have: exact, or refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import make_column

FOLDER = Path(__file__).parent / "strangers"


@pytest.mark.parametrize("name", ["minkowski_0.22.2", "calibrated_1.3.2"])
def test_it_answers_as_the_version_that_wrote_it(name: str) -> None:
    """Neighbours at a Minkowski distance without weights; probabilities made from scores of gradient boosting."""
    expected = json.loads((FOLDER / f"{name}.json").read_text())
    predictor = get_loader("sklearn").load(FOLDER / f"{name}.pkl", LoadOptions(allow_pickle=True))
    columns = [make_column("number", list(column)) for column in zip(*expected["rows"], strict=True)]
    found = predictor.predict(columns)
    assert [predictor.signature.output.labels[int(label)] for label in found.values] == expected["labels"]
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities, expected["probabilities"], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("greatest", "greatest absolute"),
        ("pair", "one of two classes with 0"),
        ("single", "training rows are float32"),
        ("ties", "several rows at one distance"),
    ],
)
def test_what_no_installed_class_answers_is_refused_with_the_reason(name: str, why: str) -> None:
    """Normalizer by the greatest value, pairs without scores, rows kept as float32, neighbours at one distance."""
    with pytest.raises(LoadError, match=why) as error:
        get_loader("sklearn").load(FOLDER / f"{name}_0.22.2.pkl", LoadOptions(allow_pickle=True))
    assert error.value.code == "wrong-version"
    assert "0.22.2" in error.value.message
