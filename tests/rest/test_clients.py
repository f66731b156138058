"""Real clients of other servers: what they send, recorded, is answered; and (slow) they themselves are satisfied."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rest.record import mask
from serving import Answer, Gateway

HERE = Path(__file__).parent
RECORDED = sorted((HERE / "recorded").glob("*.json"))
#: Client -> what its virtualenv holds; the versions with which the payloads were recorded.
PACKAGES = {
    "triton": ["tritonclient[http]==2.73.0"],
    "kserve": ["kserve==0.21.0"],
    # MLServer 1.7.1 does not know the text columns of pandas 3.
    "mlserver": ["mlserver==1.7.1", "pandas<3"],
    # Its client looks for scipy without asking whether it is there.
    "mlflow": ["mlflow-skinny==3.17.2", "pandas>=2", "scipy>=1.10"],
}


def exchanges() -> list[Any]:
    """Return every recorded exchange with the name of its client."""
    found = []
    for path in RECORDED:
        for index, exchange in enumerate(json.loads(path.read_text())):
            found.append(pytest.param(exchange, id=f"{path.stem}-{index}-{exchange['path']}"))
    return found


def replay(server: Gateway, exchange: dict[str, Any]) -> Answer:
    """Send a recorded request again, byte for byte."""
    body = base64.b64decode(exchange["body_base64"]) if "body_base64" in exchange else exchange.get("body", "").encode()
    headers = {name: value for name, value in exchange["headers"].items() if name != "accept-encoding"}
    return server.request(exchange["method"], exchange["path"], body or None, headers)


@pytest.mark.parametrize("exchange", exchanges())
def test_recorded_requests_are_answered(five: Gateway, exchange: dict[str, Any]) -> None:
    """A request of a real client gets the status, media type and shape of answer that satisfied the client."""
    answer = replay(five, exchange)
    expected = exchange["answer"]
    assert (answer.status, answer.headers["content-type"]) == (expected["status"], expected["type"])
    length = int(answer.headers.get("inference-header-content-length", len(answer.body)))
    if "json" in expected:
        assert mask(json.loads(answer.body[:length])) == expected["json"]


@pytest.mark.slow
@pytest.mark.parametrize("client", PACKAGES)
def test_real_clients_are_satisfied(five: Gateway, client: str, tmp_path: Path) -> None:
    """Each client, installed in a virtualenv of its own, gets from the gateway what its user asked for."""
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=300)
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *PACKAGES[client]], capture_output=True, text=True, check=False
    )
    if installed.returncode and not os.environ.get("CI"):
        pytest.skip(f"{client} cannot be installed here: {installed.stderr[-300:]}")
    assert installed.returncode == 0, installed.stderr
    done = subprocess.run(
        [python, HERE / "clients" / f"with_{client}.py", f"http://127.0.0.1:{five.port}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    EXPECTED[client](json.loads(done.stdout))


def expect_triton(said: dict[str, Any]) -> None:
    """Triton's client reads metadata, binary and JSON tensors, and errors."""
    assert said["live"] and said["ready"] and said["model_ready"] and not said["unknown_ready"]
    assert said["matrix_True"] == said["matrix_False"]
    assert said["matrix_True"]["id"] == "41"
    assert said["matrix_True"]["labels"] == ["no", "yes"]
    assert said["texts"] == ["Negative", "Positive"]
    assert said["loan"]["label"] == "declined"
    assert "there is no model 'none'" in said["no_such_model"]
    assert "8 columns are expected" in said["wrong_width"]
    assert "refused" in said["no_load"]


def expect_kserve(said: dict[str, Any]) -> None:
    """KServe's client reads binary and JSON tensors, and errors."""
    assert said["live"] and said["ready"] and said["model_ready"]
    assert said["matrix_True"] == said["matrix_False"]
    assert said["texts"] == ["Negative", "Positive"]
    assert "there is no model 'none'" in said["no_such_model"]


def expect_mlserver(said: dict[str, Any]) -> None:
    """MLServer's codecs turn a data frame into a request and the answer into a data frame."""
    assert said["frame"]["prediction"] == ["declined", "approved"]
    assert sorted(said["frame"]) == ["prediction", "probabilities.approved", "probabilities.declined"]
    assert said["rows"] == [["no", "yes"]]
    assert said["texts"] == {"id": "7", "labels": ["Negative", "Positive"]}


def expect_mlflow(said: dict[str, Any]) -> None:
    """MLflow's client scores frames (with NaN), arrays, lists and JSON, and shows faults."""
    assert said["frame"] == ["no", "yes"]
    assert said["texts"] == ["Negative", "Positive"]
    assert said["records"] == said["columns"] == ["declined"]
    assert said["instances"] == ["declined", "declined"]
    assert said["params"] == ["no", "yes"]
    assert "BAD_REQUEST" in said["fault"]


EXPECTED = {"triton": expect_triton, "kserve": expect_kserve, "mlserver": expect_mlserver, "mlflow": expect_mlflow}
