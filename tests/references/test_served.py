"""Real gateways that serve models of an MLflow store, lose the store, and follow its aliases."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import extras
from references.stores import FileStore, lightgbm_folder
from serving import Gateway, make, running, until

pytestmark = extras.needs("mlflow")

ONE = "0a" * 16
NAMES = ["income", "age", "loan", "rooms"]
REGISTRY = "version: 1\nroutes:\n  /rent: {artifact: mlflow:models:/rent@champion}\n"


def value_of(server: Gateway) -> float:
    """Return what the route answers for one row."""
    return float(server.get("/rent", a=1.0).json["prediction"])


def reference_of(server: Gateway) -> dict[str, str]:
    """Return what /routes says of the store."""
    found: dict[str, str] = server.get("/routes").json["routes"][0]["reference"]
    return found


def test_a_model_of_the_store_is_served_and_outlives_it(tmp_path: Path, cache: Path) -> None:
    """The first start takes the alias; the store is deleted and the gateway killed: it serves again, and says so."""
    store = FileStore(tmp_path / "mlruns")
    store.log_model(ONE, lightgbm_folder(store.run(ONE) / "model", 2.0))
    store.version("rent", 1, ONE)
    store.alias("rent", "champion", 1)
    server = make(tmp_path, cache, REGISTRY)
    try:
        server.start().wait()
        first = value_of(server)
        facts = reference_of(server)
        assert (facts["artifact"], facts["version"]) == ("mlflow:models:/rent@champion", "1")
        assert facts["run_id"] == ONE
        shutil.rmtree(store.folder)
        server.kill()
        server.start().wait()
        assert value_of(server) == first
        kept = server.command("reload")
        assert kept.returncode == 0
        assert "there is no MLflow store at" in kept.stdout
        assert "(version 1)" in kept.stdout
        assert value_of(server) == first
        server.stop()
    finally:
        server.kill()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of MLflow's client in this process
def test_a_moved_alias_is_an_edit_of_its_own_where_it_is_watched(tmp_path: Path, cache: Path) -> None:
    """With GATEWAY_WATCH_ALIASES a move in a SQLite store is served within seconds; plan and history name both."""
    (tmp_path / "mlruns").mkdir()
    uri = f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    import mlflow

    client = mlflow.MlflowClient(uri, uri)
    client.create_registered_model("rent")
    for number, slope in enumerate((2.0, 5.0, 7.0), start=1):
        folder = lightgbm_folder(tmp_path / str(number), slope)
        client.create_model_version("rent", folder.as_uri())
    client.set_registered_model_alias("rent", "champion", "1")
    with running(tmp_path, cache, REGISTRY, watch_aliases="true") as server:
        first = value_of(server)
        client.set_registered_model_alias("rent", "champion", "2")
        until(lambda: value_of(server) != first, 120, what="the second version")
        assert reference_of(server)["version"] == "2"
        events = (server.home / "state" / "history.jsonl").read_text().splitlines()
        assert [json.loads(line)["source"] for line in events] == ["start", "alias moved"]
        client.set_registered_model_alias("rent", "champion", "3")
        assert "version 2 -> version 3" in server.command("plan").stdout


@pytest.mark.slow
def test_what_mlflow_logged_by_its_own_api_answers_as_mlflow_does(tmp_path: Path, cache: Path) -> None:
    """LightGBM and CatBoost in a SQLite store, each served by one line, answer what MLflow's flavour answers."""
    pytest.importorskip("catboost", reason="catboost is not installed here (catboost)")
    rng = np.random.default_rng(1)
    rows = [dict(zip(NAMES, map(float, row), strict=True)) for row in rng.normal(size=(200, 4)).round(3)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    (tmp_path / "mlruns").mkdir()
    script = Path(__file__).with_name("log_models.py")
    words = [sys.executable, str(script), f"sqlite:///{tmp_path}/mlruns/mlflow.db", str(tmp_path / "rows.json")]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    logged = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert logged.returncode == 0, logged.stderr
    expected = json.loads(logged.stdout)
    lines = [f"  /{name}: mlflow:models:/{name}@champion" for name in expected]
    with running(tmp_path, cache, "version: 1\nroutes:\n" + "\n".join(lines) + "\n") as server:
        shutil.rmtree(tmp_path / "mlruns")
        for name, told in expected.items():
            answered = server.post(f"/{name}", {"instances": rows}).json["predictions"]
            assert [one["prediction"] for one in answered] == told["labels"]
            np.testing.assert_allclose(
                [one["probabilities"]["yes"] for one in answered], told["yes"], rtol=0, atol=1e-9
            )
