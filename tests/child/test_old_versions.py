"""Pipelines of scikit-learn 1.2 and 0.24, on the Pythons of their time, answer as they do in their own environment."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from child.child_servers import serving
from child.test_interpreters import FOUND
from gateway.schema import make_column

pytestmark = pytest.mark.slow

#: Python -> what is installed into its environment, and the version that then answers.
ENVIRONMENTS = {
    "3.9": (["scikit-learn==1.2.*", "numpy<1.24", "pandas<2"], "1.2."),
    "3.8": (["scikit-learn==0.24.*", "numpy<1.20", "pandas<1.4"], "0.24."),
}
TRAIN = """
import json, pickle, sys
import numpy as np, pandas as pd, sklearn
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

draw = np.random.RandomState(0)
frame = pd.DataFrame({"age": draw.uniform(18, 80, 300), "income": draw.normal(3e4, 9e3, 300),
    "region": draw.choice(["east", "north", "west"], 300), "unused": 1.0})
frame.loc[::7, "income"] = np.nan
label = np.where(frame.age > 50, "old", "young")
columns = ColumnTransformer([
    ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
    ("level", OneHotEncoder(handle_unknown="ignore"), ["region"])])
models = {"pipeline": make_pipeline(columns, LogisticRegression()).fit(frame, label),
    "forest": RandomForestClassifier(10, random_state=0).fit(frame[["age"]].values, label),
    "value": GradientBoostingRegressor(n_estimators=5).fit(frame[["age"]].values, frame.age * 2)}
rows = frame.head(40)
told = {"version": sklearn.__version__, "rows": [[None if x != x else x for x in row] for row in rows.values.tolist()]}
for name, model in models.items():
    with open(name + ".pkl", "wb") as file:
        pickle.dump(model, file)
    given = rows if name == "pipeline" else rows[["age"]].values
    told[name] = model.predict(given).tolist()
    if hasattr(model, "predict_proba"):
        told[name + ".probabilities"] = model.predict_proba(given).tolist()
json.dump(told, open("native.json", "w"))
"""


@pytest.fixture(scope="module", params=sorted(ENVIRONMENTS))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any]:
    """Return an environment's Python, a folder of pickles, and what the environment itself answers."""
    if request.param not in FOUND:
        pytest.skip(f"no Python {request.param} runs here")
    packages, version = ENVIRONMENTS[request.param]
    folder = tmp_path_factory.mktemp("old")
    python = folder / "venv" / "bin" / "python"
    for command in (
        [FOUND[request.param], "-m", "venv", str(folder / "venv")],
        [str(python), "-m", "pip", "install", "-q", *packages],
        [str(python), "-c", TRAIN],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode and "pip" in command:
            pytest.skip(f"not to be installed here: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr
    native = json.loads((folder / "native.json").read_text())
    assert native["version"].startswith(version)
    return python, folder, native


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
