"""A gateway with binary H2O models: its answers, what is refused by name, and a server that is killed."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

import serving
from h2o_server.h2o_models import FEATURES, server_jar
from process.model_server_rig import Load
from serving import Gateway, until

pytestmark = pytest.mark.slow
START_S = 900.0
REGISTRY = """version: 1
defaults: {executor: {kind: h2o_server, memory: 512MiB}, timeout_s: 600}
routes:
  /bought: {artifact: bought}
  /value: {artifact: value}
  /old: {artifact: old}
  /mojo: {artifact: mojo.zip}
"""
BESIDE = """version: 1
routes:
  /value: {artifact: value, executor: {kind: h2o_server, memory: 512MiB}, timeout_s: 3}
  /here: {artifact: here.stub}
"""


@pytest.fixture
def serve(tmp_path: Path, cache: Path) -> Iterator[Callable[[Path], Gateway]]:
    """Return a function that serves a registry; a busy machine takes a minute to start Java for each model."""
    with ExitStack() as stack:

        def start(registry: Path) -> Gateway:
            (tmp_path / "home").mkdir()
            server = serving.make(tmp_path / "home", cache, registry, workers=1, GATEWAY_PREPARE_TIMEOUT_S=300)
            stack.callback(server.kill)
            return server.start().wait(START_S)

        yield start


def _rows(table: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(FEATURES, row, strict=True)) for row in zip(*(table[name] for name in FEATURES), strict=True)]


def _java(gateway: Gateway) -> int:
    """Return the pid of the one Java server below a gateway."""
    assert gateway.process is not None
    below = psutil.Process(gateway.process.pid).children(recursive=True)
    alive = [one for one in below if one.status() != psutil.STATUS_ZOMBIE]
    (pid,) = [int(one.pid) for one in alive if "-jar" in one.cmdline()]
    return pid


def test_binary_models_behind_a_gateway(
    tmp_path: Path,
    serve: Callable[[Path], Gateway],
    trained: dict[str, tuple[Path, Any]],
    table: dict[str, list[Any]],
) -> None:
    """Two routes share one server and answer as H2O does; it comes back when it is killed, and ends with the gateway."""
    server_jar()
    shutil.copyfile(trained["binomial"][0], tmp_path / "bought")
    shutil.copyfile(trained["regression"][0], tmp_path / "value")
    (tmp_path / "old").write_bytes(trained["linear"][0].read_bytes().replace(b"3.46.0.11", b"3.46.0.10", 1))
    (tmp_path / "mojo.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "registry.yaml").write_text(REGISTRY)
    served = serve(tmp_path / "registry.yaml")
    rows = _rows(table)

    found = served.post("/bought", rows).json["predictions"]
    own = trained["binomial"][1][1:]
    assert [one["prediction"] for one in found] == [row[0] for row in own]
    assert [list(one["probabilities"].values()) for one in found] == [[float(row[1]), float(row[2])] for row in own]
    answer = served.post("/value", rows)
    assert answer.status == 200, answer.body
    found = answer.json["predictions"]
    assert [one["prediction"] for one in found] == [float(row[0]) for row in trained["regression"][1][1:]]

    old = served.post("/old", rows[:1])
    assert (old.status, old.json["type"]) == (503, "urn:gateway:error:wrong-version")
    assert "jar: h2o.jar" in old.body.decode()
    assert served.post("/mojo", rows[:1]).json["type"] == "urn:gateway:error:no-h2o-binary"

    java = _java(served)
    os.kill(java, signal.SIGKILL)
    body, kind = json.dumps(rows[:1]).encode(), {"Content-Type": "application/json"}
    answer = served.connect(START_S).request("POST", "/value", body, kind)
    assert answer.status == 200, answer.body  # a call waits for the next server within its deadline
    assert _java(served) != java
    java = _java(served)
    served.stop()
    assert until(lambda: not psutil.pid_exists(java)), "the Java server ends with the gateway"


def test_kill_9_of_the_server_under_load_of_another_route(
    tmp_path: Path, serve: Callable[[Path], Gateway], trained: dict[str, tuple[Path, Any]], table: dict[str, list[Any]]
) -> None:
    """The other route loses no request; that of the server answers 503 with the reason, and comes back by itself."""
    server_jar()
    shutil.copyfile(trained["regression"][0], tmp_path / "value")
    (tmp_path / "here.stub").write_text('{"inputs": ["a"]}')
    (tmp_path / "registry.yaml").write_text(BESIDE)
    served = serve(tmp_path / "registry.yaml")
    row = _rows(table)[0]
    until(lambda: served.post("/value", row).status == 200, START_S, what="an answer within its deadline")
    told = served.health()["routes"]["/value"]["executor"]
    with Load(served, "/here") as load:
        until(lambda: sum(load.seen.values()) > 50, what="load")
        # Both the Java server and the process before it: the next one starts from nothing.
        for pid in (_java(served), *told["pids"]):
            os.kill(pid, signal.SIGKILL)
        refused = served.post("/value", row)
        assert (refused.status, refused.json["type"]) == (503, "urn:gateway:error:executor-unavailable")
        assert "retry-after" in refused.headers
        until(lambda: served.post("/value", row).status == 200, START_S, what="the next server")
        assert served.health()["routes"]["/value"]["executor"]["breaker"] == "closed"
        asked = sum(load.seen.values())
        until(lambda: sum(load.seen.values()) > asked + 50, what="load after it")
    assert load.failed == []
    after = served.health()["routes"]["/value"]["executor"]
    assert (after["restarts"], after["state"]) == (told["restarts"] + 1, "ready")
    assert set(after["pids"]).isdisjoint(told["pids"])
