"""
A secret is found nowhere but in the file that holds it: not in dumps, logs, metrics, answers or other files.

OWASP: API8
"""

import contextlib
import json
import signal
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

import serving
from gateway.security import api_key, key_changes
from serving import Answer, Connection, Gateway, processes_of, until
from torture.under_pm2 import managed

REGISTRY = """version: 1
routes:
  /m: m.stub
  /words: words.stub
  /broken: broken.stub
  /elsewhere:
    executor: {kind: upstream, url: "http://127.0.0.1:9", headers_from: upstream.yaml}
    inputs: {a: {type: number}}
"""
STUBS = {
    "m": {"inputs": ["a"]},
    "words": {"inputs": [{"name": "text", "type": "string"}]},
    "broken": {"inputs": ["a"], "raise": "the predict fails"},
}
PLANTED = "planted-0f6b9c"
PATHS = ("/health", "/health/ready", "/metrics", "/routes", "/openapi.json", "/docs", "/", "/console", "/console/m",
         "/console/m/batch", "/console/m/model", "/console/broken", "/v2/models/m", "/m/schema", "/nowhere")  # fmt: skip


class Planted:
    """Secrets of one gateway: what they are, and the files that may hold them."""

    def __init__(self, folder: Path, home: Path) -> None:
        for name, stub in STUBS.items():
            (folder / f"{name}.stub").write_text(json.dumps(stub))
        self.upstream = folder / "upstream.yaml"
        self.upstream.write_text(f"Authorization: Bearer {PLANTED}-upstream\n")
        self.upstream.chmod(0o600)
        self.key = key_changes.create(home / "keys.yaml", ["*"], datetime.now(UTC)).text
        self.wrong = api_key.new_text("aaaaaaaa")
        self.texts = [PLANTED, self.key.split("_")[2], self.wrong.split("_")[2]]

    def found_in(self, text: str) -> list[str]:
        """Return which of them a text holds."""
        return [one for one in self.texts if one in text]

    def leaks(self, *folders: Path) -> list[str]:
        """Return the files below folders that hold one of them, but for the one that a person wrote."""
        found = []
        for path in (one for folder in folders for one in folder.rglob("*")):
            with contextlib.suppress(OSError):
                if path.is_file() and path != self.upstream and self.found_in(path.read_bytes().decode("latin-1")):
                    found.append(str(path))
        return found

    def in_processes(self, home: Path) -> list[str]:
        """Return the processes of a gateway whose command line or environment holds one of them."""
        found = []
        for process in processes_of(home):
            with contextlib.suppress(psutil.Error):
                if self.found_in(json.dumps([process.cmdline(), process.environ()])):
                    found.append(" ".join(process.cmdline()))
        return found


def use(server: Gateway, planted: Planted, times: int) -> list[str]:
    """Send requests with right and wrong keys, values and faults; return the answers that hold a secret."""
    leaking = []
    connection = Connection(server.port)
    for number in range(times):
        key = planted.key if number % 5 else planted.wrong
        path, body = [("/m", {"a": 1}), ("/m", {"a": "x"}), ("/broken", {"a": 1}), ("/words", {"text": PLANTED})][
            number % 4
        ]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", "X-Session-Token": PLANTED}
        answer = connection.request("POST", path, json.dumps(body).encode(), headers)
        # A prediction may repeat what its caller asked; an error may not, where a key or a header was the secret.
        secret = planted.texts[1:] if path == "/words" else planted.texts
        if [one for one in secret if one in answer.body.decode() + str(answer.headers)]:
            leaking.append(f"{answer.status} {path}")
    connection.close()
    for path in PATHS:
        for accept in ("text/html", "application/json"):
            answer = server.get(path, {"Accept": accept, "X-API-Key": planted.key})
            if planted.found_in(answer.body.decode(errors="replace") + str(answer.headers)):
                leaking.append(f"{answer.status} {path}")
    return leaking


def test_a_secret_stays_in_its_file(tmp_path: Path, own_cache: Path) -> None:
    """After hundreds of requests, a crash and error pages no answer, file, process or log of a gateway holds a secret."""
    server = serving.make(tmp_path, own_cache, REGISTRY, workers=1, log_level="debug")
    planted = Planted(tmp_path, server.home)
    try:
        server.start()
        until(lambda: ready(server), serving.START_S, what="readiness")
        assert use(server, planted, 200) == []
        crash(server, planted)
        assert use(server, planted, 20) == []
        assert planted.in_processes(server.home) == []
        server.command("routes")
        server.stop()
    finally:
        server.kill()
    assert planted.leaks(tmp_path) == []


def ready(server: Gateway) -> bool:
    """Say whether a gateway may get traffic; it asks for keys, but not for that."""
    assert server.process is None or server.process.poll() is None, server.tail()
    try:
        return server.get("/health/ready").status == 200
    except OSError:
        return False


def asks(server: Gateway, planted: Planted, path: str) -> Answer:
    """Ask with the right key."""
    return server.get(path, {"X-API-Key": planted.key})


def crash(server: Gateway, planted: Planted) -> None:
    """Kill the worker, and wait until another one serves."""
    told = asks(server, planted, "/health").json
    for worker in told["workers"]:
        psutil.Process(worker["pid"]).send_signal(signal.SIGKILL)
    until(lambda: ready(server), what="the next worker")


@pytest.mark.slow
def test_pm2_keeps_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `pm2 save`, `pm2 jlist`, `pm2 env` nor a file of PM2 holds one, also of the shell that started it."""
    for name in ("MY_API_TOKEN", "AWS_SECRET_ACCESS_KEY", "DATABASE_PASSWORD", "GATEWAY_KEY"):
        monkeypatch.setenv(name, PLANTED)
    home = tmp_path / "home"
    home.mkdir()
    planted = Planted(tmp_path, home)
    (tmp_path / "registry.yaml").write_text(REGISTRY.partition("  /broken")[0])  # `make run` demands that all serve
    (tmp_path / "key").write_text(planted.key)
    (tmp_path / "key").chmod(0o600)
    with managed(home, tmp_path / "registry.yaml", workers=1, key_file=tmp_path / "key") as server:
        (tmp_path / "registry.yaml").write_text(REGISTRY)
        server.command("reload", "--force")
        until(lambda: asks(server, planted, "/console/broken").status == 200, what="the routes that fail")
        assert use(server, planted, 1_000) == []
        crash(server, planted)
        server.pm2("save")
        said = "".join(server.pm2(*words) for words in (["jlist"], ["env", "0"], ["env", "1"], ["show", "gateway"]))
        assert planted.found_in(said) == []
        assert planted.in_processes(home) == []
        assert planted.leaks(home) == []
