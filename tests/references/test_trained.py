"""The store of a training, as models/tracking.py writes it, behind a running gateway."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xgboost

import extras
from references.test_served import reference_of
from serving import ROOT, make, until

pytestmark = extras.needs("mlflow")

REGISTRY = "version: 1\nroutes:\n  /diabetes:\n    artifact: mlflow:models:/diabetes@champion\n"
ROW = [1, 106, 70, 28, 135, 34.2, 0.142, 22]


def record(folder: Path, trees: int) -> float:
    """Record the first trees of the committed model, 0 for all, as its training would; return what XGBoost answers."""
    environ = os.environ | {"GATEWAY_MLFLOW_URI": f"sqlite:///{folder}/mlruns/mlflow.db", "PYTHONPATH": str(ROOT)}
    script = Path(__file__).with_name("record_trained.py")
    words = [sys.executable, str(script), str(folder / "out"), "diabetes", str(trees)]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    assert f"recorded in sqlite:///{folder}/mlruns/mlflow.db: diabetes version" in done.stdout
    booster = xgboost.Booster(model_file=folder / "out" / f"diabetes-{trees}" / "model.ubj")
    (answer,) = booster.predict(xgboost.DMatrix([ROW], feature_names=booster.feature_names))
    return float(answer)


@pytest.mark.slow
def test_the_champion_of_a_training_is_served_moved_rolled_back_and_outlives_its_store(
    tmp_path: Path, cache: Path
) -> None:
    """Plan shows the moved alias, reload takes it, rollback and undo work, and a kill -9 without the store serves again."""
    first = record(tmp_path, 0)
    server = make(tmp_path, cache, REGISTRY)

    def answer() -> float:
        names = xgboost.Booster(model_file=ROOT / "models" / "diabetes" / "model.ubj").feature_names or []
        return float(server.post("/diabetes", dict(zip(names, ROW, strict=True))).json["probabilities"]["1"])

    def serves(expected: float) -> bool:
        return all(np.isclose(answer(), expected, rtol=1e-6, atol=0) for _ in range(8))

    try:
        server.start().wait()
        assert serves(first)
        assert reference_of(server)["version"] == "1"
        generation = server.health()["generation"]
        second = record(tmp_path, 120)
        assert abs(first - second) > 1e-3
        assert serves(first)
        assert "version 1 -> version 2" in server.command("plan").stdout
        assert serves(first)
        assert server.command("reload").returncode == 0
        until(lambda: serves(second), 60, what="version 2")
        assert server.command("rollback", generation).returncode == 0
        until(lambda: serves(first), 60, what="version 1")
        promoted = server.command("promote", "mlflow:models:/diabetes/2", "--route", "/diabetes", timeout_s=300)
        assert (promoted.returncode, "served by 2 workers" in promoted.stdout) == (0, True), promoted.stderr
        assert 'artifact: "mlflow:models:/diabetes/2"' in server.registry.read_text()
        assert serves(second)
        shutil.rmtree(tmp_path / "mlruns")
        server.kill()
        server.start().wait()
        assert serves(second)
        assert reference_of(server)["version"] == "2"
        server.stop()
    finally:
        server.kill()
