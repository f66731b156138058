"""An edit never loses a request, and a bad edit never hurts."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from serving import ROOT, Gateway, processes_of, until
from torture import routes
from torture.load import Load

Start = Callable[..., Gateway]

#: What a person may do wrong: name -> what is appended to the registry. One of each kind: found by reading, by looking
#: for the file, by a child that raises, crashes, hangs.
BROKEN = {
    "syntax": "  /bad: [unclosed\n",
    "missing artifact": "  /bad: {artifact: nowhere.ubj, loader: xgboost}\n",
    "raises at load": "  /bad: raises.stub\n",
    "crashes at load": "  /bad: crashes.stub\n",
    "hangs at load": "  /bad: hangs.stub\n",
}
#: More of the same kinds.
BROKEN_ALIKE = {
    "unknown loader": "  /bad: {artifact: number.stub, loader: sklern}\n",
    "unknown key": "  /bad: {artfact: number.stub}\n",
    "wrong hash": f"  /bad: {{artifact: number.stub, sha256: {'0' * 64}}}\n",
    "field of a template": "  /bad: {artifact: number.stub, response: {a: $inputs.nowhere}}\n",
    "eats memory at load": "  /bad: eats.stub\n",
}


def test_valid_edits_lose_no_request_and_every_answer_belongs_to_its_generation(
    gateway: Start, tmp_path: Path, rounds: int
) -> None:
    """Under load, each edit of registry and artifact is served by all workers, and no request fails."""
    registry = routes.make(tmp_path / "r")
    server = gateway(registry)
    with Load(server.port, routes.REQUESTS) as load:
        time.sleep(1)
        for number in range(1, rounds + 1):
            before = server.health()
            if number % 2:
                routes.write_number(registry.parent, number)
            else:
                text = routes.BASE.format(root=ROOT) + f"  /more{number}: {{artifact: number.stub}}\n"
                routes.write(registry, text)
            after = routes.settled(server, before)
            assert after["reload"]["result"] == "committed"
            # On a busy machine the clients come a moment later.
            until(lambda number=number: len(load.seen.generations) > number, what="an answer of each generation")
    assert not load.seen.failures
    assert len(load.seen.generations) == rounds + 1
    assert server.get("/number", x=1).json == {"number": float(rounds if rounds % 2 else rounds - 1)}


@pytest.mark.parametrize("broken", [BROKEN, pytest.param(BROKEN_ALIKE, marks=pytest.mark.slow)], ids=["kinds", "alike"])
def test_broken_edits_change_nothing(gateway: Start, tmp_path: Path, rounds: int, broken: dict[str, str]) -> None:
    """Whatever is wrong with an edit, the old generation goes on without a failed request and the reason is told."""
    registry = routes.make(tmp_path / "r")
    folder = registry.parent
    (folder / "raises.stub").write_text(json.dumps({"inputs": ["x"], "load_raise": "no way"}))
    (folder / "crashes.stub").write_text(json.dumps({"inputs": ["x"], "load_exit": -11}))
    (folder / "hangs.stub").write_text(json.dumps({"inputs": ["x"], "load_sleep_s": 600}))
    (folder / "eats.stub").write_text(json.dumps({"inputs": ["x"], "load_allocate_bytes": -1}))
    server = gateway(registry, prepare_memory_mb=512)
    if "hangs at load" in broken:
        # Only now, with the models prepared: a busy machine needs longer for them.
        server.stop()
        server.settings["GATEWAY_PREPARE_TIMEOUT_S"] = "5"
        server.start().wait()
    first = server.health()["generation"]
    good = registry.read_text()
    with Load(server.port, routes.REQUESTS) as load:
        for name, line in list(broken.items()) * max(1, round(rounds / len(broken))):
            before = server.health()
            routes.write(registry, good + line)
            after = routes.settled(server, before)
            assert after["reload"]["result"] == "refused", name
            assert after["reload"]["reason"], name
            assert after["generation"] == first, name
    assert not load.seen.failures
    assert set(load.seen.generations) == {first}


@pytest.mark.parametrize(
    "way", ["in two parts", *(pytest.param(one, marks=pytest.mark.slow) for one in ("in place", "by link"))]
)
def test_every_way_to_save_a_file_is_noticed(gateway: Start, tmp_path: Path, way: str) -> None:
    """A file overwritten in place, one that arrives in two parts, and a re-pointed link lead to one commit each."""
    registry = routes.make(tmp_path / "r")
    if way == "by link":
        registry.rename(registry.with_name("one.yaml"))
        registry.symlink_to("one.yaml")
    server = gateway(registry)
    before = server.health()
    text = registry.read_text() + "  /more: number.stub\n"
    if way == "in place":
        registry.write_text(text)
    elif way == "in two parts":
        with registry.open("w") as stream:
            stream.write(text[:-15])
            stream.flush()
            time.sleep(0.2)
            stream.write(text[-15:])
    else:
        registry.with_name("two.yaml").write_text(text)
        draft = registry.with_name("draft")
        draft.symlink_to("two.yaml")
        draft.replace(registry)
    after = routes.settled(server, before)
    assert after["reload"]["result"] == "committed"
    assert server.get("/more", x=1).status == 200


@pytest.mark.slow
def test_a_touched_file_is_no_change(gateway: Start, tmp_path: Path) -> None:
    """A registry that was only touched leads to no attempt at all."""
    registry = routes.make(tmp_path / "r")
    server = gateway(registry)
    before = server.health()
    registry.touch()
    time.sleep(2)
    assert server.health()["reload"] == before["reload"]


@pytest.mark.slow
def test_rollback_serves_the_generation_before_until_the_registry_changes(gateway: Start, tmp_path: Path) -> None:
    """`gateway rollback` brings the earlier routes back, and an edit afterwards wins again."""
    registry = routes.make(tmp_path / "r")
    server = gateway(registry)
    first = server.health()
    routes.write(registry, registry.read_text() + "  /more: number.stub\n")
    second = routes.settled(server, first)
    assert server.get("/more", x=1).status == 200
    assert server.command("rollback").returncode == 0
    third = routes.settled(server, second)
    assert third["generation"] == first["generation"]
    assert server.get("/more", x=1).status == 404
    routes.write(registry, registry.read_text() + "  /most: number.stub\n")
    routes.settled(server, third)
    assert server.get("/most", x=1).status == 200
    shown = server.command("history").stdout
    assert "rolled-back" in shown and "committed" in shown


@pytest.mark.slow
def test_a_rollback_survives_touches_restarts_and_an_empty_cache(
    gateway: Start, tmp_path: Path, own_cache: Path
) -> None:
    """Two steps back are two steps; neither a touched artifact nor a restart without cache brings the newest back."""
    registry = routes.make(tmp_path / "r")
    server = gateway(registry, cache=own_cache)
    seen = [server.health()]
    for name in ("more", "most"):
        routes.write(registry, registry.read_text() + f"  /{name}: number.stub\n")
        seen.append(routes.settled(server, seen[-1]))
    for _ in range(2):
        assert server.command("rollback").returncode == 0
    first = seen[0]["generation"]
    until(lambda: server.health()["generation"] == first, 20)
    (registry.parent / "number.stub").touch()
    time.sleep(2)
    assert server.health()["generation"] == first
    server.stop()
    for entry in (own_cache / "artifacts").iterdir():
        shutil.rmtree(entry)
    server.start().wait()
    assert server.health()["generation"] == first
    assert server.get("/number", x=1).status == 200
    assert server.get("/more", x=1).status == 404


@pytest.mark.slow
def test_plan_says_what_would_happen_and_does_nothing(gateway: Start, tmp_path: Path) -> None:
    """`gateway plan` names added and removed routes and changes that break clients, and the server stays as it is."""
    registry = routes.make(tmp_path / "r")
    server = gateway(registry, watch="false")
    before = server.health()
    text = registry.read_text().replace("  /echo: code.py:echo\n", "  /more: number.stub\n")
    routes.write(registry, text)
    (registry.parent / "number.stub").write_text(json.dumps({"inputs": ["y"], "answer": 3}))
    shown = server.command("plan").stdout
    assert "added    /more" in shown
    assert "removed  /echo" in shown
    assert "input x is gone" in shown
    assert server.health()["generation"] == before["generation"]


@pytest.mark.slow
def test_a_route_that_was_broken_before_blocks_no_edit(gateway: Start, tmp_path: Path) -> None:
    """A standing failure stays a 503 of its own; other edits go through."""
    registry = routes.make(tmp_path / "r", "  /bad: {artifact: nowhere.ubj, loader: xgboost}\n")
    server = gateway(registry)
    assert server.get("/bad").status == 503
    before = server.health()
    routes.write(registry, registry.read_text() + "  /more: number.stub\n")
    assert routes.settled(server, before)["reload"]["result"] == "committed"
    assert server.get("/more", x=1).status == 200
    assert server.get("/bad").status == 503


def test_a_cold_start_with_a_broken_registry_serves_what_was_committed(gateway: Start, tmp_path: Path) -> None:
    """A restart on a broken file serves the last committed generation and says so; a first start exits 78."""
    registry = routes.make(tmp_path / "r")
    server = gateway(registry)
    first = server.health()["generation"]
    good = registry.read_text()
    server.stop()
    registry.write_text(good + "  /bad: [\n")
    server.start().wait()
    health = server.health()
    assert health["generation"] == first
    assert health["reload"]["result"] == "refused"
    assert server.get("/echo", x=2).status == 200


def test_a_first_start_with_a_broken_registry_prints_the_faults_and_exits_78(tmp_path: Path) -> None:
    """Nothing was ever committed, so there is nothing to serve: exit code 78 keeps supervisors from looping."""
    registry = routes.make(tmp_path / "r", "  /bad: {artfact: number.stub}\n")
    server = Gateway(home=tmp_path, registry=registry, port=1)
    done = server.command("serve")
    assert done.returncode == 78
    assert "did you mean 'artifact'" in done.stderr


@pytest.mark.slow
def test_an_artifact_that_vanishes_does_not_stop_its_route(gateway: Start, tmp_path: Path) -> None:
    """The committed bytes lie in the cache: the route goes on, over a restart too, and /health says what is wrong."""
    registry = routes.make(tmp_path / "r")
    server = gateway(registry)
    before = server.health()
    (registry.parent / "number.stub").unlink()
    assert routes.settled(server, before)["reload"]["result"] == "refused"
    assert server.get("/number", x=1).status == 200
    server.stop()
    server.start().wait()
    assert server.get("/number", x=1).json == {"number": 0.0}
    assert server.health()["reload"]["serving_an_earlier_version"] == ["number"]


@pytest.mark.slow
def test_a_hanging_new_model_delays_no_start_and_leaves_no_process(gateway: Start, tmp_path: Path) -> None:
    """A start with a whole committed generation serves at once; what it tries beside ends with it."""
    registry = routes.make(tmp_path / "r")
    server = gateway(registry, prepare_timeout_s=300)
    (registry.parent / "hangs.stub").write_text(json.dumps({"inputs": ["x"], "load_sleep_s": 601}))
    server.stop()
    routes.write(registry, registry.read_text() + "  /bad: hangs.stub\n")
    server.start()
    until(lambda: server.health().get("ready_workers") == 2, 60, what="readiness beside a hanging prepare")
    assert server.health()["pending"] is True
    assert server.get("/number", x=1).status == 200
    until(lambda: server.processes_named("gateway.prepare.child"), 20, what="the hanging child")
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not processes_of(server.home), 20, what="the end of every process")


@pytest.mark.parametrize("name", ["a\\0b.stub", pytest.param("loop.stub", marks=pytest.mark.slow)])
def test_an_impossible_path_is_refused_and_the_next_edit_is_noticed(gateway: Start, tmp_path: Path, name: str) -> None:
    """A NUL in a path and a link to itself are faults like any other; the watcher lives on."""
    registry = routes.make(tmp_path / "r")
    (registry.parent / "loop.stub").symlink_to("loop.stub")
    server = gateway(registry)
    good, before = registry.read_text(), server.health()
    routes.write(registry, good + f'  /bad: {{artifact: "{name}", loader: stub}}\n')
    refused = routes.settled(server, before)
    assert refused["reload"]["result"] == "refused"
    routes.write(registry, good + "  /more: number.stub\n")
    assert routes.settled(server, refused)["reload"]["result"] == "committed"
