"""A gateway whose models run in model servers: what ends, hangs or changes there costs no other route a request."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import serving
from gateway.artifacts.remote import ChildSpec
from gateway.generations import history, snapshot, staging
from gateway.generations.history import Event
from gateway.system import descendants
from serving import Gateway, gone, until

from .model_server_rig import generation, server


class Served(Gateway):
    """A gateway that serves what a test commits: no registry is read."""

    def start(self) -> "Served":
        """Start the second half of `gateway serve`."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli.serve_committed"],
                cwd=self.home, env=self.environ, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self

    def commit(self, **servers: ChildSpec) -> str:
        """Commit a generation as a transaction does, and return its name."""
        state, status = self.home / "state", self.home / "run/status.json"
        made = generation(**servers)
        with staging.staged(status, snapshot.committed(state), made, 30) as missing:
            assert missing == ""
            snapshot.commit(state, made)
        history.record(state, Event(result="committed", generation=made.id), source="test", started=time.monotonic())
        return made.id

    def executor(self, path: str = "/m") -> dict[str, Any]:
        """Return how the model server of a route is."""
        return dict(self.health()["routes"][path]["executor"])

    def servers(self) -> list[int]:
        """Return every process of a model server of this home."""
        home = descendants.home_of(self.home)
        return [pid for pid, mark in descendants.marked() if mark.home == home and mark.number > 0]


class Load:
    """Ask a route again and again on kept connections, and remember every status and answer."""

    def __init__(self, gateway: Gateway, path: str, threads: int = 4, pause_s: float = 0.01) -> None:
        self._gateway, self._path, self._pause_s = gateway, path, pause_s
        self.seen: Counter[tuple[int, Any]] = Counter()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> list[tuple[int, Any]]:
        """Return every answer that is no 200."""
        return [one for one in self.seen if one[0] != 200]

    def _ask(self) -> None:
        connection = self._gateway.connect()
        while not self._over.is_set():
            try:
                answer = connection.request("GET", f"{self._path}?a=1")
                self.seen[answer.status, str(answer.json.get("prediction", answer.body))] += 1
            except (OSError, ValueError) as error:
                self.seen[0, repr(error)] += 1
                connection = self._gateway.connect()
            time.sleep(self._pause_s)
        connection.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a gateway with two routes, each with a model server of its own."""
    home = tmp_path_factory.mktemp("served") / "home"
    home.mkdir()
    texts = {"GATEWAY_WATCH": "false"}
    found = Served(home=home, registry=home / "registry.yaml", port=serving.free_port(), settings=texts)
    snapshot.commit(home / "state", generation(m=server("tiny"), other=server("other", "--answer", "5")))
    try:
        found.start().wait()
        yield found
        found.stop()
        assert found.servers() == []
    finally:
        found.kill()


def test_answers_and_faces(gateway: Served) -> None:
    """The route answers what its server answers; catalog, health and metrics tell how the server is."""
    assert gateway.get("/m", a=1).json["prediction"] == 2
    assert gateway.get("/other", a=1).json["prediction"] == 6
    told = gateway.executor()
    assert {name: told[name] for name in ("kind", "instances", "ready", "state", "restarts")} == {
        "kind": "process", "instances": 1, "ready": 1, "state": "ready", "restarts": 0,
    }  # fmt: skip
    assert told["pids"][0] in gateway.servers()
    assert gateway.get("/routes").json["routes"][0]["executor"]["state"] == "ready"
    page = gateway.get("/metrics").body.decode()
    assert 'gateway_executor_processes{route="m"} 1.0' in page
    assert 'gateway_executor_restarts_total{route="m"} 0.0' in page


def test_kill_9_of_a_model_server_under_load_is_missed_by_nobody(gateway: Served) -> None:
    """Every call that meets no process waits for the next one within its deadline; the other route notices nothing."""
    before = gateway.executor()
    with Load(gateway, "/m") as load, Load(gateway, "/other", 1) as other:
        until(lambda: sum(load.seen.values()) > 50, what="load")
        os.kill(before["pids"][0], signal.SIGKILL)
        until(lambda: gateway.executor()["restarts"] == before["restarts"] + 1, what="the next process")
        until(lambda: gateway.executor()["state"] == "ready", what="its readiness")
        asked = sum(load.seen.values())
        until(lambda: sum(load.seen.values()) > asked + 50, what="load after it")
    assert load.failed == other.failed == []


def test_a_stopped_server_costs_one_deadline_and_no_other_route(gateway: Served) -> None:
    """A call at a stopped process ends at its deadline, frees its slot, and the other route goes on."""
    pid = gateway.executor()["pids"][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        with Load(gateway, "/other", 1) as other:
            assert gateway.get("/m", a=1).status == 504
        assert sum(other.seen.values()) > 10
        assert other.failed == []
        until(lambda: gateway.health()["routes"]["/m"]["in_flight"] == 0, what="a free slot")
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: gateway.get("/m", a=1).status == 200, what="an answer of the same process")
    assert gateway.executor()["pids"] == [pid]


@pytest.mark.parametrize("edits", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_an_unchanged_server_keeps_its_process_and_a_changed_one_is_missed_by_nobody(
    gateway: Served, edits: int
) -> None:
    """Edits of one route under load: every answer is of a generation that was committed, none fails."""
    kept = gateway.executor("/other")["pids"]
    before = gateway.get("/m", a=1).json["prediction"]
    with Load(gateway, "/m") as load, Load(gateway, "/other", 1) as other:
        for number in range(10, 10 + edits):
            changed = server(f"tiny{edits}-{number}", "--answer", str(number))
            made = gateway.commit(m=changed, other=server("other", "--answer", "5"))
            until(lambda made=made: gateway.health()["committed"] == made, what="the commit")
        until(lambda: (200, f"{number + 1:.1f}") in load.seen, what="the last one")
    assert load.failed == other.failed == []
    assert {float(answer) for _, answer in load.seen} <= {before, *(1 + number for number in range(10, 10 + edits))}
    assert gateway.executor("/other")["pids"] == kept


@pytest.mark.slow
def test_a_server_that_does_not_start_is_refused_before_the_commit(gateway: Served) -> None:
    """A generation whose server ends again and again is not committed: the one before goes on."""
    state, status = gateway.home / "state", gateway.home / "run/status.json"
    before = snapshot.committed(state)
    made = generation(m=server("broken", "--exit", "3"), other=server("other", "--answer", "5"))
    with staging.staged(status, before, made, 30) as missing:
        assert missing == "the model server of route m does not become ready: exited with 1: no: 3"
    assert gateway.get("/m", a=1).status == 200


@pytest.mark.slow
def test_kill_9_of_the_gateway_leaves_no_model_server(gateway: Served) -> None:
    """The kernel ends the model servers of a killed arbiter; the next one has its own."""
    pids = gateway.servers()
    assert pids
    assert gateway.process is not None
    gateway.process.kill()
    gateway.process.wait()
    until(lambda: all(map(gone, pids)), what="the end of the model servers")
    until(lambda: not serving.processes_of(gateway.home), 60, what="the end of the workers")
    gateway.start().wait()
    assert gateway.get("/m", a=1).status == 200
