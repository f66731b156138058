"""Processes come, go and die without a lost answer, and none is left behind."""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import serving
from serving import ROOT, Gateway, gone, until

from .clients import Crowd, Wire, get

SLOW = {"inputs": ["a"], "sleep_s": 1.0}
QUICK = {"inputs": ["a"]}
#: Longer than any stop takes, however busy the machine.
KEEPALIVE_S = 120


@pytest.fixture
def registry(tmp_path: Path) -> str:
    """Return a registry with a quick and a slow route."""
    (tmp_path / "slow.stub").write_text(json.dumps(SLOW))
    (tmp_path / "quick.stub").write_text(json.dumps(QUICK))
    return (
        f"version: 1\nroutes:\n  /quick: {{artifact: {tmp_path}/quick.stub}}\n"
        f"  /slow: {{artifact: {tmp_path}/slow.stub}}\n"
    )


def in_flight(server: Gateway, path: str) -> int:
    """Return how many predicts of a route are running, over all workers."""
    return int(server.health()["routes"][path]["in_flight"])


@pytest.mark.parametrize("sign", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_stop_lets_requests_finish(gateway: Callable[..., Gateway], registry: str, sign: int) -> None:
    """SIGTERM, and SIGINT which PM2 sends: what is in flight is answered, then every process is gone."""
    server = gateway(registry)
    answers: list[tuple[int, bytes]] = []

    def ask(number: int, over: threading.Event) -> None:
        wire = Wire(server.port)
        answers.append(wire.exchange(get(f"/slow?a={number}")))
        wire.close()

    with Crowd(ask, 4) as crowd:
        until(lambda: in_flight(server, "/slow") >= 2, what="a running predict")
        os.kill(server.pid, sign)
        crowd.join()
    assert sorted(answers) == [(200, b'{"prediction":%d.0}' % number) for number in range(4)]
    assert server.process is not None
    assert server.process.wait(timeout=15) == 0
    until(lambda: not serving.processes_of(server.home), 10, what="the end of every process")


def test_stop_does_not_wait_for_idle_connections(gateway: Callable[..., Gateway], registry: str) -> None:
    """Connections that are kept open but silent are cut after a short while, long before the keep-alive time."""
    server = gateway(registry, keepalive_s=KEEPALIVE_S)
    idle = [Wire(server.port) for _ in range(8)]
    for wire in idle:
        assert wire.exchange(get("/quick?a=1"))[0] == 200
    os.kill(server.pid, signal.SIGTERM)
    assert server.process is not None
    server.process.wait(timeout=KEEPALIVE_S / 2)
    for wire in idle:
        wire.close()


def test_request_on_an_idle_connection_while_stopping(gateway: Callable[..., Gateway], registry: str) -> None:
    """A client that had its connection open is still answered when it asks right after the stop."""
    server = gateway(registry)
    kept = server.connect()
    assert kept.request("GET", "/quick?a=1").status == 200
    os.kill(server.pid, signal.SIGTERM)
    time.sleep(0.5)
    assert kept.request("GET", "/quick?a=2").body == b'{"prediction":2.0}'
    kept.close()


def test_killed_worker_is_missed_by_nobody(gateway: Callable[..., Gateway], registry: str) -> None:
    """After SIGKILL of a worker every new request is answered by its siblings, and a new worker comes."""
    server = gateway(registry)
    old = server.workers()
    os.kill(old[0], signal.SIGKILL)
    for number in range(50):
        assert server.get("/quick", a=number).status == 200
    until(lambda: len(set(server.workers()) - set(old)) == 1, what="a new worker")
    assert old[1] in server.workers(), "the other one goes on"
    assert server.wait().get("/health").json["status"] == "ok"


def test_route_that_kills_its_worker(gateway: Callable[..., Gateway], registry: str, tmp_path: Path) -> None:
    """A predict that crashes the process costs its own caller an answer; everyone else is served on."""
    (tmp_path / "deadly.py").write_text(
        "import os, signal\n\n"
        "def predict(a: float):\n    if a == 666: os.kill(os.getpid(), signal.SIGSEGV)\n    return a\n"
    )
    server = gateway(f"{registry}  /deadly: {{artifact: '{tmp_path}/deadly.py:predict'}}\n")
    assert server.get("/deadly", a=1).status == 200
    wire = Wire(server.port)
    with pytest.raises(ConnectionError):
        wire.exchange(get("/deadly?a=666"))
    wire.close()
    for number in range(20):
        assert server.get("/quick", a=number).status == 200
    until(lambda: len(server.wait().workers()) == 2, what="a new worker")
    told = until(lambda: server.events("worker died"), what="the log line")
    assert told[0]["predicting"] == ["deadly"]


def test_killed_arbiter_leaves_no_orphan(gateway: Callable[..., Gateway], registry: str) -> None:
    """Kill -9 of the arbiter: its workers notice, finish what they have, and are gone after a few seconds."""
    server = gateway(registry)
    workers = server.workers()
    wire = Wire(server.port)
    answers: list[tuple[int, bytes]] = []
    with Crowd(lambda number, over: answers.append(wire.exchange(get("/slow?a=7"))), 1) as crowd:
        until(lambda: in_flight(server, "/slow") == 1, what="a running predict")
        os.kill(server.pid, signal.SIGKILL)
        crowd.join()
    assert answers == [(200, b'{"prediction":7.0}')]
    until(lambda: all(gone(pid) for pid in workers), 10, what="the end of the workers")
    wire.close()


@pytest.mark.slow
def test_sixth_model(gateway: Callable[..., Gateway], registry: str, tmp_path: Path) -> None:
    """A model trained elsewhere is added by one command, keeps the registry's comments, and answers after a restart."""
    draw = np.random.default_rng(1)
    rows = pd.DataFrame({"height": draw.normal(170, 10, 200), "weight": draw.normal(70, 12, 200)})
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        rows, np.where(rows.weight > 70, "heavy", "light")
    )
    skops.io.dump(model, tmp_path / "scale.skops")
    server = gateway(registry + "  # a comment of the owner\n", watch="false", workers=1)
    assert server.get("/scale", height=170, weight=95).status == 404
    added = server.command("add", tmp_path / "scale.skops", "--route", "/scale", "--registry", server.registry)
    assert added.returncode == 0, added.stderr
    assert "# a comment of the owner" in server.registry.read_text()
    server.stop()
    server.start().wait()
    assert server.get("/scale", height=170, weight=95).json["prediction"] == "heavy"
    assert server.post("/scale", {"height": 170, "weight": 45}).json["prediction"] == "light"
    assert server.get("/quick", a=1).status == 200


@pytest.fixture
def supervised(tmp_path: Path, cache: Path, registry: str) -> Iterator[Gateway]:
    """Run a gateway under PM2 with a home, a port and a PM2 of its own."""
    if not (ROOT / "node_modules/.bin/pm2").exists():
        if os.environ.get("CI"):
            pytest.fail("PM2 is not installed: make setup")
        pytest.skip("PM2 is not installed: make setup")
    server = serving.make(tmp_path / "pm2", cache, registry)
    try:
        up = pm2(server, "up")
        assert up.returncode == 0, f"{up.stdout}\n{up.stderr}\n{supervised_log(server)}"
        assert f":{server.port}/quick" in up.stdout
        yield server
        assert pm2(server, "down").returncode == 0
        until(lambda: not serving.processes_of(server.home), 20, what="the end of every process")
    finally:
        pm2(server, "down")
        server.kill()


def pm2(server: Gateway, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run scripts/pm2.sh with the settings of this gateway."""
    return subprocess.run(
        [ROOT / "scripts/pm2.sh", *arguments],
        env=server.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def supervised_log(server: Gateway) -> str:
    """Return what the processes under PM2 wrote."""
    return "\n".join(path.read_text()[-2000:] for path in (server.home / "logs").glob("*.log"))


def test_life_under_pm2(supervised: Gateway) -> None:
    """Under PM2: up prints working curls, a second up changes nothing, reload and a killed gateway lose no request."""
    first = {process.pid for process in serving.processes_of(supervised.home)}
    assert pm2(supervised, "up").returncode == 0
    assert first <= {process.pid for process in serving.processes_of(supervised.home)}
    shown = pm2(supervised, "status").stdout
    assert shown.count("online") == 2
    assert "/slow" in shown
    before = set(supervised.workers())
    failed, sent = under_load(supervised, lambda: pm2(supervised, "reload", "gateway"))
    assert failed == []
    assert sent > 200
    assert not before & set(supervised.workers()), "reload replaced every worker"
    failed, sent = under_load(supervised, lambda: replace_arbiter(supervised))
    assert failed == []


def replace_arbiter(server: Gateway) -> None:
    """Kill the arbiter as the out-of-memory killer would and wait until PM2 has started another."""
    old = json.loads((server.home / "run/status.json").read_text())["pid"]
    workers = server.workers()
    # The workers leave on their own: what they were answering is answered.
    os.kill(old, signal.SIGKILL)
    until(lambda: all(gone(pid) for pid in workers), what="the end of the old workers")
    server.wait()
    assert psutil.pid_exists(json.loads((server.home / "run/status.json").read_text())["pid"])


def under_load(server: Gateway, disturb: Callable[[], object]) -> tuple[list[str], int]:
    """Do something while clients ask over new and kept connections; return failures and how many asked."""
    failed: list[str] = []
    counts: list[int] = []

    def ask(number: int, over: threading.Event) -> None:
        sent = 0
        kept = server.connect(timeout_s=10)
        while not over.is_set():
            sent += 1
            try:
                where = kept if number % 2 else server
                answer = where.request("GET", f"/quick?a={sent}")
                if answer.json != {"prediction": float(sent)}:
                    failed.append(f"{answer.status} {answer.body!r}")
            except (OSError, http.client.HTTPException) as error:
                failed.append(f"client {number}, request {sent}: {error!r}")
                kept.close()
            time.sleep(0.005)
        kept.close()
        counts.append(sent)

    with Crowd(ask, 6):
        time.sleep(0.3)
        disturb()
        time.sleep(0.3)
    return failed, sum(counts)
