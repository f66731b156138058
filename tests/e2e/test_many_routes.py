"""Hundreds of routes: what a request, an edit and an idle route cost does not depend on how many others there are."""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import metrics
from gateway.errors import RegistryError
from gateway.generations import history, snapshot
from gateway.generations.history import Event
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry
from gateway.routing.live_generation import Generation, GenerationBuilder
from gateway.scoreboard import Scoreboard
from serving import ROOT, Gateway, until

HERE = Path(__file__).parents[1]


def registry(folder: Path, count: int, *, head: str = "", load: str = "lazy", last: str = "") -> str:
    """Return a registry of so many routes to one model; `last` are more keys of the last one."""
    (folder / "m.stub").write_text(json.dumps({"inputs": ["x"]}))
    lines = ["version: 1", head, "routes:"]
    for number in range(count):
        more = f", {last}" if last and number == count - 1 else ""
        lines.append(f"  /m{number}: {{artifact: {folder}/m.stub, load: {load}{more}}}")
    return "\n".join(line for line in lines if line) + "\n"


def calls_of_a_request(folder: Path, count: int) -> int:
    """Return how many calls a request makes in a gateway of so many routes."""
    folder.mkdir()
    path = folder / "registry.yaml"
    path.write_text(registry(folder, count))
    done = subprocess.run(
        [sys.executable, HERE / "count_calls.py", path, folder / "home", "/m1"],
        env={"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_request_does_the_same_among_many(tmp_path: Path) -> None:
    """A request makes exactly as many calls among 400 routes as among three."""
    few, many = calls_of_a_request(tmp_path / "few", 3), calls_of_a_request(tmp_path / "many", 400)
    assert few > 50
    assert many == few


class Worker:
    """Hold generations as a worker does: read from disk, made from the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        metrics.configure(folder / "metrics")
        scoreboard = Scoreboard.create(folder / "board", slots=2, routes=600)
        self.builder = GenerationBuilder(scoreboard, scoreboard.claim(), folder / "cache", 4)
        self.reader = snapshot.CommittedReader(folder / "state")

    def adopt(self, text: str, before: Generation | None) -> Generation:
        """Commit a registry and make its generation."""
        path = self.folder / "registry.yaml"
        path.write_text(text)
        spec = load_registry(path)
        manifests = prepare_registry(spec, self.folder / "cache", PrepareLimits())
        snapshot.commit(self.folder / "state", snapshot.make(spec, manifests))
        found = self.reader.read()
        assert found is not None
        return self.builder.make(found, before)


def test_edit_makes_one_route_anew(tmp_path: Path) -> None:
    """After an edit of one entry all other routes are the very objects that served before."""
    worker = Worker(tmp_path)
    before = worker.adopt(registry(tmp_path, 200, load="eager"), None)
    after = worker.adopt(registry(tmp_path, 200, load="eager", last="max_rows: 7"), before)
    assert after.id != before.id
    anew = [name for name, route in after.table.by_name.items() if before.table.by_name[name] is not route]
    assert anew == ["m199"]
    assert after.table.by_name["m199"].spec.max_rows == 7
    assert after.table.by_name["m199"].counters is before.table.by_name["m199"].counters


def test_server_keys_reach_every_route(tmp_path: Path) -> None:
    """An edit of `server` makes all routes anew: each compiled them into its promise."""
    worker = Worker(tmp_path)
    before = worker.adopt(registry(tmp_path, 3), None)
    after = worker.adopt(registry(tmp_path, 3, head="server: {strict: false}"), before)
    assert not any(after.table.by_name[name] is route for name, route in before.table.by_name.items())


def test_failed_route_is_tried_again(tmp_path: Path) -> None:
    """A route whose model failed to load is not taken over: the next generation tries it anew."""
    worker = Worker(tmp_path)
    before = worker.adopt(registry(tmp_path, 2, load="eager"), None)
    kept = next((tmp_path / "cache" / "artifacts").glob("*/m.stub"))
    content = kept.read_bytes()
    kept.unlink()
    before.table.by_name["m0"].model.load()
    assert before.table.by_name["m0"].state == "FAILED"
    kept.write_bytes(content)
    after = worker.adopt(registry(tmp_path, 2, load="eager", last="max_rows: 7"), before)
    after.table.by_name["m0"].model.load()
    assert after.table.by_name["m0"].state == "READY"


def test_idle_route_holds_little(tmp_path: Path) -> None:
    """An idle lazy route takes a tenth of the objects of an eager one: no validator, no answer, no series."""
    worker = Worker(tmp_path)
    gc.collect()
    counts = [len(gc.get_objects())]
    kept = []
    for load in ("lazy", "eager"):
        kept.append(
            worker.adopt(
                registry(tmp_path, 300, load=load).replace("/m", f"/{load}").replace(f"/{load}.stub", "/m.stub"), None
            )
        )
        gc.collect()
        counts.append(len(gc.get_objects()))
    idle, eager = counts[1] - counts[0], counts[2] - counts[1]
    assert eager > 300 * 50
    assert idle < eager / 4


def series_of(server: Gateway, name: str) -> set[str]:
    """Return the routes that have a series of a metric on the page."""
    lines = server.get("/metrics").body.decode().splitlines()
    return {line.split('route="')[1].split('"')[0] for line in lines if line.startswith(f"{name}{{")}


def test_lazy_route_has_series_from_its_first_request(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """The page of 30 lazy routes shows the state of all, and counts of those that were asked."""
    server = gateway(registry(tmp_path, 30), workers=1)
    assert len(series_of(server, "gateway_model_state")) == 30
    assert series_of(server, "gateway_requests_total") == set()
    assert server.get("/m7", x=2).json == {"prediction": 2.0}
    assert series_of(server, "gateway_requests_total") == {"m7"}
    assert server.get("/m9", x=2).status == 200
    assert series_of(server, "gateway_requests_total") == {"m7", "m9"}
    assert 'gateway_requests_total{code="200",method="GET",route="m7"} 1.0' in server.get("/metrics").body.decode()


def test_edit_prepares_one_model(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """A changed entry among 60 is the only one that a child prepares, and the only change of the generation."""
    text = registry(tmp_path, 60)
    server = gateway(text, workers=1)
    assert len(server.events("preparing")) <= 2, "two children at once may both find the model unknown"
    before, count = server.get("/health").json["generation"], len(server.events("preparing"))
    (tmp_path / "other.stub").write_text(json.dumps({"inputs": ["x"], "answer": 5}))
    server.registry.write_text(
        text.replace(f"/m59: {{artifact: {tmp_path}/m.stub", f"/m59: {{artifact: {tmp_path}/other.stub")
    )
    until(lambda: server.get("/health").json["generation"] != before, what="the edit")
    assert len(server.events("preparing")) == count + 1
    assert server.get("/health").json["reload"]["changed"] == ["/m59"]
    assert server.get("/m59", x=1).json == {"prediction": 5.0}
    assert server.get("/m58", x=1).json == {"prediction": 1.0}


def test_broken_promise_of_a_lazy_route_is_refused(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """A template that contradicts the artifact refuses the edit, though no worker would compile it before a request."""
    server = gateway(registry(tmp_path, 25), workers=1)
    server.registry.write_text(registry(tmp_path, 25, last="response: $probability.yes"))
    last = until(
        lambda: server.health().get("reload", {}).get("result") == "refused" and server.health(), what="refusal"
    )
    assert "/m24" in last["reload"]["reason"]
    assert "no label 'yes'" in last["reload"]["reason"]
    assert server.get("/m24", x=1).json == {"prediction": 1.0}


def test_wait_does_not_wake_them_all(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """`gateway wait` asks twenty routes and leaves the other lazy models where they are."""
    server = gateway(
        registry(tmp_path, 32).replace("/m.stub", "/m.stub").replace("load: lazy", "load: lazy"), workers=1
    )
    done = server.command("wait")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("curl ") == 22, "twenty routes, where to see the others, and the last line"
    assert "12 more routes" in done.stdout


def test_history_remembers_a_change_of_thousands(tmp_path: Path) -> None:
    """The newest event is found however long it is, and behind the rests of a full disk."""
    names = tuple(f"/a-rather-long-path-of-a-route/{number}" for number in range(4000))
    history.append(tmp_path, Event(result="committed", generation="a", added=names))
    assert replace(history.last(tmp_path) or Event(result=""), at=0.0).generation == "a"
    history.append(tmp_path, Event(result="refused", generation="a"))
    with (tmp_path / history.FILE).open("ab") as stream:
        stream.write(b'{"result": "comm')
    found = history.last(tmp_path)
    assert found is not None
    assert found.totals == {"committed": 1, "refused": 1}


@pytest.mark.parametrize("change", ["artifact", "description"])
def test_reader_shares_what_did_not_change(tmp_path: Path, change: str) -> None:
    """Reading again after an edit returns the same objects for all entries but one, and equal ones for that."""
    worker = Worker(tmp_path)
    for _ in range(2):  # at first two children prepare the one model; from then on its manifest comes from the cache
        worker.adopt(registry(tmp_path, 20), None)
    before = worker.reader.read()
    assert before is not None
    assert worker.reader.read() is before, "nothing was written meanwhile"
    time.sleep(0.01)
    worker.adopt(registry(tmp_path, 20, last="description: new" if change == "description" else "tolerance: 0.5"), None)
    after, plain = worker.reader.read(), snapshot.committed(tmp_path / "state")
    assert after is not None
    assert after == plain
    pairs = list(zip(before.registry.routes, after.registry.routes, strict=True))
    assert [new.name for old, new in pairs if old is not new] == ["m19"]
    assert (after.manifests["m19"] is before.manifests["m19"]) is (change == "description")
    assert all(after.manifests[name] is before.manifests[name] for name in before.manifests if name != "m19")


def test_report_of_many_faults_is_readable(tmp_path: Path) -> None:
    """Of 1,000 faults the first hundred are shown and the others counted by code; no count is lost."""
    path = tmp_path / "registry.yaml"
    path.write_text(registry(tmp_path, 1000).replace("load:", "lod:").replace("/m999:", "/m999/:"))
    with pytest.raises(RegistryError) as caught:
        load_registry(path)
    assert caught.value.count == 1001
    assert caught.value.text.count("  fix: ") == 100
    assert caught.value.text.endswith(f"and 900 more [unknown-key] and 1 more [bad-path]\n\n1001 faults in {path}")
