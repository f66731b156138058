"""CatBoost's JSON whose parts do not fit each other: CatBoost answers something, or ends the process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.errors import GatewayError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions

catboost = pytest.importorskip("catboost", reason="catboost is not installed here (catboost)")

HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "a leaf too few": lambda told: told["oblivious_trees"][0]["leaf_values"].pop(),
    "leaves of another tree": lambda told: told["oblivious_trees"][0]["leaf_values"].extend([1e9] * 12),
    "a leaf without a number": lambda told: told["oblivious_trees"][0]["leaf_values"].__setitem__(0, None),
    "a split outside": lambda told: told["oblivious_trees"][0]["splits"][0].update(split_index=9_999),
    "a split below zero": lambda told: told["oblivious_trees"][0]["splits"][0].update(split_index=-1),
    "another border": lambda told: told["oblivious_trees"][0]["splits"][0].update(border=123.4),
    "more splits than can be": lambda told: told["oblivious_trees"][0].update(
        splits=told["oblivious_trees"][0]["splits"] * 20
    ),
    "two columns in one place": lambda told: told["features_info"]["float_features"][1].update(flat_feature_index=0),
    "classes without names": lambda told: told["model_info"]["class_params"].update(class_names=["x", "y"]),
    "names without classes": lambda told: told["model_info"]["class_params"].update(
        class_names=list("abcdefg"), class_to_label=list(range(7))
    ),
    "a class outside": lambda told: told["model_info"]["class_params"].update(class_to_label=[0, 1, 99]),
    "one name twice": lambda told: told["model_info"]["class_params"].update(class_names=["x", "y", "y"]),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return CatBoost's JSON of a model of three classes."""
    rows = np.random.default_rng(7).normal(size=(90, 2))
    model = catboost.CatBoostClassifier(
        iterations=3, depth=2, thread_count=1, verbose=False, allow_writing_files=False, random_seed=7
    )
    model.fit(rows, np.array(["x", "y", "z"])[np.digitize(rows[:, 0], [-0.5, 0.5])])
    path = tmp_path_factory.mktemp("catboost") / "model.json"
    model.save_model(str(path), format="json")
    return path.read_bytes()


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_does_not_fit_is_refused_by_name(kind: str, written: bytes, tmp_path: Path) -> None:
    """Each is an error with the file's name, before CatBoost is asked for an answer."""
    told = json.loads(written)
    HOSTILE[kind](told)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(told))
    with pytest.raises(GatewayError) as error:
        get_loader("catboost").load(path, LoadOptions())
    assert error.value.code in {"broken-artifact", "missing-parts"}
    assert path.name in error.value.message


def test_a_class_that_training_did_not_meet_is_served(tmp_path: Path) -> None:
    """Its name is among the labels and its probability is 0, as CatBoost answers."""
    rows = np.random.default_rng(7).normal(size=(90, 2))
    model = catboost.CatBoostClassifier(
        iterations=3,
        depth=2,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
        class_names=["x", "y", "z", "w"],
    )
    model.fit(rows, np.array(["x", "y", "z"])[np.digitize(rows[:, 0], [-0.5, 0.5])])
    path = tmp_path / "model.cbm"
    model.save_model(str(path))
    predictor = get_loader("catboost").load(path, LoadOptions())
    assert predictor.signature.output.labels == ("x", "y", "z", "w")
    found = predictor.predict(list(rows.T)).probabilities
    assert found is not None
    assert np.array_equal(found, model.predict_proba(rows))
