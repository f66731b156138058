"""Binary models that H2O itself has trained and saved: answers equal H2O's own, two of one id take turns, nothing stays."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.child.schema import make_column
from gateway.h2o_server.java_server import start_java
from gateway.h2o_server.models import ServedModels
from gateway.h2o_server.rest_client import H2oError, RestClient
from h2o_server.h2o_models import MODELS, ROWS, server_jar
from serving import until

pytestmark = pytest.mark.slow


class Served:
    """Hold the process and ask it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "s"
        (folder / "artifacts").mkdir()
        words = ["--jar", str(server_jar()), "--memory", str(2**29), "--artifacts", str(folder / "artifacts")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway.h2o_server", *words, "--socket", str(self.socket)],
            stdin=subprocess.PIPE, stderr=(folder / "log").open("wb"),
        )  # fmt: skip

    def add(self, path: Path, name: str) -> str:
        """Lay an artifact into the cache; any 64 hex digits name it."""
        sha256 = name.encode().hex().ljust(64, "0")[:64]
        folder = self.folder / "artifacts" / sha256
        if not folder.exists():
            folder.mkdir()
            (folder / "model").write_bytes(path.read_bytes())
        return sha256

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Send one request."""
        connection = http.client.HTTPConnection("x", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(60)
        connection.sock.connect(str(self.socket))
        connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        found = answer.status, json.loads(answer.read())
        connection.close()
        return found

    def predict(self, sha256: str, table: dict[str, list[Any]]) -> dict[str, Any]:
        """Predict the rows; return the outputs by name."""
        status, told = self.ask(f"/v2/models/{sha256}")
        assert status == 200, told
        inputs = [
            {"name": one["name"], "datatype": one["datatype"], "shape": [ROWS], "data": table[one["name"]]}
            for one in told["inputs"]
        ]
        status, answer = self.ask(f"/v2/models/{sha256}/infer", {"inputs": inputs})
        assert status == 200, answer
        return {one["name"]: one["data"] for one in answer["outputs"]}

    def java(self) -> int:
        """Return the pid of the Java server."""
        found = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return int(next(pid for path in found for pid in path.read_text().split()))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Start the process that stands before the Java server."""
    one = Served(tmp_path_factory.mktemp("h2o"))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(OSError):
            if one.ask("/v2/health/ready")[0] == 200:
                break
        time.sleep(0.2)
    yield one
    one.process.kill()
    one.process.wait()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_answers_are_those_of_h2o(
    name: str, served: Served, trained: dict[str, tuple[Path, Any]], table: dict[str, list[Any]]
) -> None:
    """Labels, probabilities and values are H2O's own to the last bit, missing values and odd levels included."""
    path, own = trained[name]
    sha256 = served.add(path, name)
    outputs = served.predict(sha256, table)
    if "probabilities" not in outputs:
        assert outputs["prediction"] == [float(row[0]) for row in own[1:]]
        return
    labels = served.ask(f"/v2/models/{sha256}")[1]["parameters"]["signature"]["output"]["labels"]
    assert [labels[code] for code in outputs["prediction"]] == [row[0] for row in own[1:]]
    assert outputs["probabilities"] == [float(value) for row in own[1:] for value in row[1:]]


def test_two_models_of_one_id_answer_as_themselves(
    served: Served, trained: dict[str, tuple[Path, Any]], table: dict[str, list[Any]]
) -> None:
    """The server holds one of them at a time; whoever asks gets the answers of the own one, ten times in turn."""
    own = {name: [float(row[0]) for row in trained[name][1][1:]] for name in ("first", "second")}
    assert own["first"] != own["second"]
    for _ in range(10):
        for name, values in own.items():
            assert served.predict(served.add(trained[name][0], name), table)["prediction"] == values


def test_model_of_another_release_is_refused_by_name(served: Served, trained: dict[str, tuple[Path, Any]]) -> None:
    """The release stands in the file: the server is not asked to read what it cannot."""
    old = trained["linear"][0].with_name("old")
    old.write_bytes(trained["linear"][0].read_bytes().replace(b"3.46.0.11", b"3.46.0.10", 1))
    status, told = served.ask(f"/v2/models/{served.add(old, 'old')}")
    assert (status, told["code"]) == (503, "wrong-version")
    assert "written by H2O 3.46.0.10, and the server is 3.46.0.11" in told["error"]


def test_nobody_without_its_password_is_answered(served: Served) -> None:
    """The Java server listens on loopback, where every user of the machine could ask it."""
    command = Path(f"/proc/{served.java()}/cmdline").read_bytes().split(b"\0")
    port = int(command[command.index(b"-port") + 1])
    scratch = Path(command[command.index(b"-ice_root") + 1].decode())
    assert (scratch / "login.properties").stat().st_mode & 0o077 == 0
    status = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    status.request("GET", "/3/Frames")
    assert status.getresponse().status == 401, "whoever has no password is refused"


def _is_up(client: RestClient) -> bool:
    with suppress(OSError, H2oError):
        return bool(client.version())
    return False


def _keys(client: RestClient) -> int:
    """Return how many keys the server holds: models, frames, and files that were sent."""
    session = client._ask("POST", "/4/sessions")["session_key"]
    return int(client._ask("POST", "/99/Rapids", {"ast": "(ls)", "session_id": session})["num_rows"])


def test_predictions_leave_no_key(
    tmp_path: Path, trained: dict[str, tuple[Path, Any]], table: dict[str, list[Any]]
) -> None:
    """After 2,000 batches the server holds what it held before the first: its memory does not grow with requests."""
    java = start_java(server_jar(), 2**29, tmp_path)
    try:
        client = RestClient(java.port, java.password)
        until(lambda: _is_up(client), 120, what="the H2O server")
        model = ServedModels(client, client.version()).load(trained["binomial"][0], "0" * 64)
        few = [make_column(one.type, table[one.name][:2]) for one in model.signature.inputs]
        model.predict(few)
        before = _keys(client)
        for _ in range(int(os.environ.get("H2O_REQUESTS", "2000"))):
            model.predict(few)
        assert _keys(client) == before
        client._send_file("/3/PostFile", "stray", b"1")
        assert _keys(client) == before + 1, "what is left is counted"
    finally:
        java.end()


def test_java_server_that_is_killed_ends_the_process(served: Served) -> None:
    """Whoever supervises it starts both anew; the Java server never outlives it, either."""
    os.kill(served.java(), signal.SIGKILL)
    assert served.process.wait(30) == 1
    assert b"the H2O server ended with -9" in (served.folder / "log").read_bytes()
