"""Pipelines of scikit-learn 1.2 and 0.24, on the Pythons of their time, answer as they do in their own environment."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from child.child_servers import serving
from environments.built import built
from environments.old_pipelines import TRAIN
from gateway.schema import make_column

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["0.24", "1.2"])
def trained(
    request: pytest.FixtureRequest, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Any]:
    """Return an environment's Python, a folder of pickles, and what the environment itself answers."""
    environment = built(request.param, cache)
    folder = tmp_path_factory.mktemp("old")
    native = environment.run(TRAIN, folder)
    assert native["version"].startswith(f"{request.param}.")
    return environment.python, folder, native


def columns_of(rows: list[list[Any]], places: list[int]) -> list[Any]:
    """Return columns of the rows, where None is missing."""
    values = [[np.nan if row[i] is None else row[i] for row in rows] for i in places]
    return [make_column("string" if isinstance(one[0], str) else "number", one) for one in values]


def test_a_pipeline_of_an_old_version_answers_as_it_did(trained: tuple[Path, Path, Any]) -> None:
    """Names, levels, holes and labels are told by old estimators in older ways; labels and probabilities are equal."""
    python, folder, native = trained
    with serving(folder / "pipeline.pkl", python=python) as child:
        assert child.ready().status == 200, child.log.read_text()
        signature = child.signature()
        told = child.metadata()["parameters"]["versions"]
        found = child.predict(columns_of(native["rows"], [0, 1, 2]))
    assert told["scikit-learn"] == native["version"]
    assert [one.name for one in signature.inputs] == ["age", "income", "region"]
    assert [one.nullable for one in signature.inputs] == [True, True, False]
    assert signature.inputs[2].enum == ("east", "north", "west")
    assert signature.output.labels == ("old", "young")
    assert [signature.output.labels[code] for code in found.values] == native["pipeline"]
    assert found.probabilities is not None
    assert found.probabilities.tolist() == native["pipeline.probabilities"]


@pytest.mark.parametrize("name", ["forest", "value"])
def test_estimators_of_an_old_version_answer_as_they_did(trained: tuple[Path, Path, Any], name: str) -> None:
    """Without names of columns."""
    python, folder, native = trained
    with serving(folder / f"{name}.pkl", python=python) as child:
        assert child.ready().status == 200, child.log.read_text()
        output = child.signature().output
        found = child.predict(columns_of(native["rows"], [0]))
    values = [output.labels[code] for code in found.values] if output.labels else found.values.tolist()
    assert values == native[name]
    if output.probabilities:
        assert found.probabilities is not None
        assert found.probabilities.tolist() == native[f"{name}.probabilities"]
