"""A real training, in its own environment, leaves files, a run and a registered version that agree with each other."""

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from extras import TRAINING, needs_training
from models import training

pytestmark = needs_training
ROOT = Path(__file__).resolve().parents[2]
DATA = training.data_home() / "pima-indians-diabetes.csv"


def train(name: str, out: Path, *options: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a training script as `make train` does, with a store and a folder of its own."""
    settings = {"GATEWAY_MLFLOW_URI": f"sqlite:///{out}/store/mlflow.db", **settings}
    command = [str(TRAINING), "-m", f"models.{name}.train", "--out", str(out), *options]
    environ = os.environ | settings
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=900)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_file(), reason=f"no {DATA.name} in the data folder (set GATEWAY_DATA)")
def test_a_run_holds_what_is_served(tmp_path: Path) -> None:
    """Parameters, figures, hash, plots, golden rows and card are in the run; the alias names its version; twice alike."""
    first, again = tmp_path / "first", tmp_path / "again"
    for out in (first, again):
        done = train("diabetes", out, "--data", str(DATA))
        assert done.returncode == 0, done.stderr
    assert (first / "model.ubj").read_bytes() == (again / "model.ubj").read_bytes()
    assert (first / "plots" / "roc.svg").read_bytes() == (again / "plots" / "roc.svg").read_bytes()
    assert (first / "README.md").read_text() == (again / "README.md").read_text()
    metrics = json.loads((first / "metrics.json").read_text())
    with sqlite3.connect(first / "store" / "mlflow.db") as store:
        alias = store.execute("select name, alias, version from registered_model_aliases").fetchall()
        params = dict(store.execute("select key, value from params"))
        figures = dict(store.execute("select key, value from metrics"))
    assert alias == [("diabetes", "champion", 1)]
    assert params["data.sha256"] == metrics["data"]["sha256"]
    assert params["max_depth"] == "3"
    assert figures == pytest.approx(metrics["figures"])
    artifacts = first / "store" / "artifacts"
    (served,) = artifacts.glob("*/artifacts/served")
    for file in ("model.ubj", "golden.json", "metrics.json", "README.md"):
        assert (served / file).read_bytes() == (first / file).read_bytes()
    assert {path.stem for path in served.parent.glob("plots/*.svg")} == {"roc", "calibration", "confusion"}
    assert "mlflow" in json.loads((served.parent / "environment.json").read_text())["packages"]
    (logged,) = artifacts.glob("models/*/artifacts")
    assert (logged / "model.ubj").read_bytes() == (first / "model.ubj").read_bytes()


@pytest.mark.slow
def test_absent_data_and_an_absent_store_are_told(tmp_path: Path) -> None:
    """Before anything is trained: which file, which setting, and what to do."""
    absent = train("diabetes", tmp_path, GATEWAY_DATA=str(tmp_path / "nothing"))
    assert absent.returncode == 1
    assert "pima-indians-diabetes.csv: no such file" in absent.stderr
    assert "fix: pass --data PATH_OR_URL, or set GATEWAY_DATA" in absent.stderr
    closed = train("loan", tmp_path, GATEWAY_MLFLOW_URI="http://127.0.0.1:9")
    assert closed.returncode == 1
    assert "GATEWAY_MLFLOW_URI=http://127.0.0.1:9: the MLflow store cannot be used" in closed.stderr
    other = train("loan", tmp_path, "--target", "verdict")
    assert other.returncode == 2
    assert "--target verdict: the data of this folder has the target application_outcome" in other.stderr


@pytest.mark.slow
def test_the_search_makes_the_same_choice_twice(tmp_path: Path) -> None:
    """With AutoML: the same leaderboard and threshold, and the committed model's choice among what takes part."""
    found = []
    for out in (tmp_path / "first", tmp_path / "again"):
        done = train("loan", out, "--max-models", "1")
        assert done.returncode == 0, done.stderr
        found.append(json.loads((out / "metrics.json").read_text()))
    assert found[0] == found[1]
    committed = json.loads((ROOT / "models" / "loan" / "metrics.json").read_text())
    assert {row["family"] for row in found[0]["leaderboard"]} == {"xgboost", "lightgbm", "h2o"}
    assert found[0]["model"] == committed["model"]
    assert found[0]["figures"] == pytest.approx(committed["figures"], abs=0.002)
