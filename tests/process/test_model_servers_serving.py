"""A gateway whose models run in model servers: what ends, hangs or changes there costs no other route a request."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import gateway.child
import serving
from gateway.artifacts.remote import ChildSpec
from gateway.cli.server_checks import server_checks
from gateway.generations import history, snapshot, staging
from gateway.generations.history import Event
from gateway.settings.settings import Settings
from gateway.system import descendants
from serving import Gateway, gone, until

from .model_server_rig import Load, generation, server


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
        made = generation(spare=False, **servers)
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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
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


def test_answers_and_faces(served: Served) -> None:
    """The route answers what its server answers; catalog, health and metrics tell how the server is."""
    assert served.get("/m", a=1).json["prediction"] == 2
    assert served.get("/other", a=1).json["prediction"] == 6
    until(lambda: served.executor()["state"] == "ready", what="the report of the arbiter")
    told = served.executor()
    assert {name: told[name] for name in ("kind", "instances", "ready", "state", "restarts")} == {
        "kind": "process", "instances": 1, "ready": 1, "state": "ready", "restarts": 0,
    }  # fmt: skip
    assert told["pids"][0] in served.servers()
    assert served.get("/routes").json["routes"][0]["executor"]["state"] == "ready"
    page = served.get("/metrics").body.decode()
    assert 'gateway_executor_processes{route="m"} 1.0' in page
    assert 'gateway_executor_restarts_total{route="m"} 0.0' in page
    assert 'gateway_executor_breaker{route="m",state="open"} 0.0' in page
    until(lambda: served.executor().get("breaker") == "closed", what="the report of the workers")
    told = served.executor()
    assert 0 < told["remote_s"] <= told["total_s"]


def test_doctor_asks_the_processes(served: Served) -> None:
    """Of a gateway that runs, every process is asked on its socket."""
    until(lambda: served.executor()["state"] == "ready", what="the report of the arbiter")
    told = {one.text.partition(":")[0]: one for one in server_checks(Settings(home=served.home))}
    assert told.keys() == {"process 0 of the model of m", "process 0 of the model of other"}
    assert all(one.is_well for one in told.values())
    assert f"pid {served.executor()['pids'][0]}" in told["process 0 of the model of m"].text


def test_kill_9_of_a_model_server_under_load_is_missed_by_nobody(served: Served) -> None:
    """Every call that meets no process waits for the next one within its deadline; the other route notices nothing."""
    before = served.executor()
    with Load(served, "/m") as load, Load(served, "/other", 1) as other:
        until(lambda: sum(load.seen.values()) > 50, what="load")
        os.kill(before["pids"][0], signal.SIGKILL)
        until(lambda: served.executor()["restarts"] == before["restarts"] + 1, what="the next process")
        until(lambda: served.executor()["state"] == "ready", what="its readiness")
        asked = sum(load.seen.values())
        until(lambda: sum(load.seen.values()) > asked + 50, what="load after it")
    assert load.failed == other.failed == []


def test_a_stopped_server_costs_one_deadline_and_no_other_route(served: Served) -> None:
    """A call at a stopped process ends at its deadline, frees its slot, and the other route goes on."""
    pid = served.executor()["pids"][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        with Load(served, "/other", 1) as other:
            assert served.get("/m", a=1).status == 504
        assert sum(other.seen.values()) > 10
        assert other.failed == []
        until(lambda: served.health()["routes"]["/m"]["in_flight"] == 0, what="a free slot")
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: served.get("/m", a=1).status == 200, what="an answer of the same process")
    assert served.executor()["pids"] == [pid]


@pytest.mark.parametrize("edits", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_an_unchanged_server_keeps_its_process_and_a_changed_one_is_missed_by_nobody(
    served: Served, edits: int
) -> None:
    """Edits of one route under load: every answer is of a generation that was committed, none fails."""
    kept = served.executor("/other")["pids"]
    before = served.get("/m", a=1).json["prediction"]
    with Load(served, "/m") as load, Load(served, "/other", 1) as other:
        for number in range(10, 10 + edits):
            changed = server(f"tiny{edits}-{number}", "--answer", str(number))
            made = served.commit(m=changed, other=server("other", "--answer", "5"))
            until(lambda made=made: served.health()["committed"] == made, what="the commit")
        until(lambda: (200, f"{number + 1:.1f}") in load.seen, what="the last one")
    assert load.failed == other.failed == []
    assert {float(answer) for _, answer in load.seen} <= {before, *(1 + number for number in range(10, 10 + edits))}
    assert served.executor("/other")["pids"] == kept


@pytest.mark.slow
def test_a_server_that_does_not_start_is_refused_before_the_commit(served: Served) -> None:
    """A generation whose server ends again and again is not committed: the one before goes on."""
    state, status = served.home / "state", served.home / "run/status.json"
    before = snapshot.committed(state)
    made = generation(m=server("broken", "--exit", "3"), other=server("other", "--answer", "5"))
    with staging.staged(status, before, made, 30) as missing:
        assert missing == "the model server of route m does not become ready: exited with 1: no: 3"
    assert served.get("/m", a=1).status == 200


@pytest.mark.slow
def test_kill_9_of_the_gateway_leaves_no_model_server(served: Served) -> None:
    """The kernel ends the model servers of a killed arbiter; the next one has its own."""
    pids = served.servers()
    assert pids
    assert served.process is not None
    served.process.kill()
    served.process.wait()
    until(lambda: all(map(gone, pids)), what="the end of the model servers")
    until(lambda: not serving.processes_of(served.home), 60, what="the end of the workers")
    served.start().wait()
    assert served.get("/m", a=1).status == 200


def sklearn_server(folder: Path) -> ChildSpec:
    """Return the server that every route of kind `process` has, with a fitted model that adds 1."""
    linear, pandas = pytest.importorskip("sklearn.linear_model"), pytest.importorskip("pandas")
    rows = pandas.DataFrame({"a": [0.0, 1.0, 2.0]})
    model = folder / "model.pkl"
    model.write_bytes(pickle.dumps(linear.LinearRegression().fit(rows, rows["a"] + 1)))
    told = folder / "spec.json"
    told.write_text(json.dumps({"model": "m", "artifact": str(model), "loader": "sklearn"}))
    program = Path(gateway.child.__file__).with_name("serve.py")
    argv = (sys.executable, "-I", "-B", str(program), "--spec", str(told), "--socket", "{socket}")
    return ChildSpec(name="sklearn", argv=argv, environ={"PATH": os.defpath, "HOME": str(folder)})


@pytest.mark.slow
def test_the_server_of_routes_of_kind_process(served: Served, tmp_path: Path, figures: Callable[[str], None]) -> None:
    """Their own server in two instances: a kill -9 of one loses no request, although its import takes longer than one."""
    spec = replace(sklearn_server(tmp_path), instances=2)
    served.commit(m=spec, other=server("other", "--answer", "5"))
    until(lambda: served.get("/m", a=1).json.get("prediction") == pytest.approx(2), 60, what="the real server")
    began = time.monotonic()
    with Load(served, "/m", 8, 0.0) as load, Load(served, "/other", 1) as other:
        for number in range(2):
            until(lambda: served.executor()["ready"] == 2, 120, what="both instances")
            asked = sum(load.seen.values())
            until(lambda asked=asked: sum(load.seen.values()) > asked + 500, 60, what="load")
            os.kill(served.executor()["pids"][0], signal.SIGKILL)
            until(lambda n=number: served.executor()["restarts"] == n + 1, what="its end")
        asked = sum(load.seen.values())
        until(lambda: sum(load.seen.values()) > asked + 500, 60, what="load")
    rate = sum(load.seen.values()) / (time.monotonic() - began)
    figures(f"{sum(load.seen.values())} requests at {rate:.0f}/s over two kill -9: {len(load.failed)} failed")
    assert load.failed == other.failed == []
