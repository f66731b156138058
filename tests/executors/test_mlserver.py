"""A real MLServer in an environment of its own, with a model of scikit-learn."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from environments.built import built
from gateway.artifacts.digests import Digests
from gateway.executors.upstream_client import client_of
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_route
from gateway.registry.load import load_registry
from gateway.schema import make_column
from serving import free_port

#: Trains in the environment of the server, and writes what it answers there.
TRAIN = """
import json, joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
rows, classes = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=500).fit(rows, classes)
joblib.dump(model, "model.joblib")
rows = rows[::10]
told = {"rows": rows.tolist(), "classes": model.predict(rows).tolist(), "chances": model.predict_proba(rows).tolist()}
open("told.json", "w").write(json.dumps(told))
"""
SETTINGS = {
    "name": "iris",
    "implementation": "mlserver_sklearn.SKLearnModel",
    "parameters": {"uri": "./model.joblib"},
    "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 4]}],
    "outputs": [
        {"name": "predict", "datatype": "INT64", "shape": [-1]},
        {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 3]},
    ],
}


@pytest.fixture(scope="module")
def served(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Return the folder of the model and the address of MLServer; skip where it cannot be installed."""
    environment = built("mlserver", cache)
    python, folder = environment.python, tmp_path_factory.mktemp("mlserver")
    subprocess.run([python, "-c", TRAIN], check=True, cwd=folder, timeout=120)
    port = free_port()
    (folder / "model-settings.json").write_text(json.dumps(SETTINGS))
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    (folder / "settings.json").write_text(json.dumps(settings | {"parallel_workers": 0}))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([python.parent / "mlserver", "start", folder], stdout=log, stderr=log)
    try:
        yield folder, f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.slow
def test_answers_of_mlserver(served: tuple[Path, str]) -> None:
    """Classes and probabilities are those of the model in its own environment."""
    folder, url = served
    (folder / "registry.yaml").write_text(
        f"version: 1\nroutes:\n  /iris:\n    executor: {{kind: upstream, url: '{url}'}}\n"
        "    inputs: {a: {}, b: {}, c: {}, d: {}}\n    outputs: {labels: [setosa, versicolor, virginica]}\n"
    )
    spec = load_registry(folder / "registry.yaml").routes[0]
    ends = time.monotonic() + 120
    while True:
        found = prepare_route(spec, folder / "cache", PrepareLimits(), Digests(folder / "digests.json"))
        if found.problem is None or time.monotonic() > ends:
            break
        time.sleep(1)
    assert found.problem is None, (folder / "log").read_text()
    assert found.remote is not None
    assert found.remote.tensors is not None
    told = json.loads((folder / "told.json").read_text())
    columns = [make_column("number", column) for column in zip(*told["rows"], strict=True)]
    answer = client_of(found.remote).predict(columns, found.remote.tensors, time.monotonic() + 20)
    assert list(answer.values) == told["classes"]
    assert answer.probabilities is not None
    np.testing.assert_allclose(answer.probabilities, told["chances"], rtol=1e-12, atol=1e-12)
