"""Lazily loaded models: within their budget at every moment, unloaded and loaded again, slow or gone."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.artifacts.manifest import Manifest, StoredArtifact
from gateway.errors import NotReadyError
from gateway.executors.thread_pool import NativePool
from gateway.loaders.base import LoadOptions
from gateway.routing import model as model_module
from gateway.routing.memory_budget import MemoryBudget
from gateway.routing.model import Model
from gateway.schema import Field, Output, Signature, make_column
from serving import Gateway, until

SIZE = 2**20
SIGNATURE = Signature(inputs=(Field(name="x"),), output=Output(kind="regression"))


def lazy(
    folder: Path, name: str, budget: MemoryBudget, pool: NativePool, *, size: int = SIZE, **script: float
) -> Model:
    """Return a lazy model that answers its input and counts so many bytes."""
    path = folder / f"{name}.stub"
    path.write_text(json.dumps({"inputs": ["x"], **script}))
    stored = StoredArtifact(path=str(path), sha256="", size_bytes=1, origin=str(path))
    manifest = Manifest(key=name, loader="stub", artifact=stored, signature=SIGNATURE, memory_bytes=size)
    options = LoadOptions(allow_pickle=False, entry=None, origin=folder, cache_dir=folder)
    made = Model(manifest, options, pool)
    made.budget = budget
    return made


def ask(model: Model, value: float, timeout_s: float = 20.0) -> float:
    """Ask a model."""
    found = model.predict([make_column("number", [value])], time.monotonic() + timeout_s)
    return float(found.values[0])


def test_budget_holds_while_many_ask_at_once(tmp_path: Path) -> None:
    """Twelve models asked by as many threads never hold more than the three that fit, and every answer comes."""
    budget, pool = MemoryBudget(), NativePool(32)
    budget.limit(3 * SIZE)
    models = [lazy(tmp_path, f"m{number}", budget, pool, load_sleep_s=0.005) for number in range(12)]
    wrong: list[object] = []
    most = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.is_set():
            most = max(most, budget.held_bytes)

    def client(number: int) -> None:
        for turn in range(15):
            try:
                value = float(number * 100 + turn)
                if ask(models[(number + turn * 5) % len(models)], value) != value:
                    wrong.append(value)
            except Exception as error:
                wrong.append(error)

    watcher = threading.Thread(target=watch)
    clients = [threading.Thread(target=client, args=(number,)) for number in range(12)]
    for thread in (watcher, *clients):
        thread.start()
    for thread in clients:
        thread.join()
    over.set()
    watcher.join()
    assert not wrong
    assert SIZE <= most <= 3 * SIZE
    assert sum(model.state == "READY" for model in models) * SIZE == budget.held_bytes, "the books are wrong"
    assert sum(model.loads for model in models) > len(models), "nothing was ever evicted: the test tests nothing"


def test_longest_unused_goes_first(tmp_path: Path) -> None:
    """What was asked last stays; what was asked longest ago makes room, and answers again when it is asked."""
    budget, pool = MemoryBudget(), NativePool(4)
    budget.limit(2 * SIZE)
    a, b, c = (lazy(tmp_path, name, budget, pool) for name in "abc")
    for model in (a, b, a, c):
        assert ask(model, 5) == 5
    assert [model.state for model in (a, b, c)] == ["READY", "IDLE", "READY"]
    assert ask(b, 7) == 7
    assert [model.state for model in (a, b, c)] == ["IDLE", "READY", "READY"]


def test_model_above_the_budget_serves_alone(tmp_path: Path) -> None:
    """A model larger than the whole budget is served, and nothing beside it is kept."""
    budget, pool = MemoryBudget(), NativePool(4)
    budget.limit(SIZE)
    small, large = lazy(tmp_path, "small", budget, pool), lazy(tmp_path, "large", budget, pool, size=9 * SIZE)
    assert (ask(small, 1), ask(large, 2)) == (1, 2)
    assert (small.state, large.state) == ("IDLE", "READY")
    assert (ask(small, 3), large.state) == (3, "IDLE")


def test_model_of_no_size_waits_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled model whose file was emptied seems to take nothing: it is loaded beside a model above the whole budget."""
    monkeypatch.setattr("gateway.routing.model.LEAST_BYTES", 0)
    budget, pool = MemoryBudget(), NativePool(4)
    budget.limit(SIZE)
    large, nothing = lazy(tmp_path, "large", budget, pool, size=9 * SIZE), lazy(tmp_path, "x", budget, pool, size=0)
    assert ask(large, 1) == 1
    assert ask(nothing, 2, timeout_s=5) == 2


def test_smaller_limit_unloads_at_once(tmp_path: Path) -> None:
    """A reload that lowers the budget does not wait for the next request."""
    budget, pool = MemoryBudget(), NativePool(4)
    models = [lazy(tmp_path, f"m{number}", budget, pool) for number in range(4)]
    for model in models:
        ask(model, 1)
    assert {model.state for model in models} == {"READY"}, "no limit, nothing to unload"
    budget.limit(SIZE)
    assert [model.state for model in models] == ["IDLE", "IDLE", "IDLE", "READY"]


def test_slow_load_is_no_stuck_predict(tmp_path: Path) -> None:
    """A first request that gives up waiting gets 503 with the reason; the load goes on and serves the next one."""
    budget, pool = MemoryBudget(), NativePool(4)
    model = lazy(tmp_path, "slow", budget, pool, load_sleep_s=0.5)
    with pytest.raises(NotReadyError) as caught:
        ask(model, 1, timeout_s=0.05)
    assert caught.value.code == "loading"
    assert pool.stuck == 0, "workers with stuck predicts are replaced, and the load would begin anew for ever"
    assert ask(model, 2) == 2
    assert model.loads == 1


def test_vanished_artifact_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lazy model whose file is gone says so; it is tried again after a pause, and serves when the file is back."""
    monkeypatch.setattr(model_module, "RETRY_S", 0.2)
    budget, pool = MemoryBudget(), NativePool(4)
    model = lazy(tmp_path, "gone", budget, pool)
    content = (tmp_path / "gone.stub").read_bytes()
    (tmp_path / "gone.stub").unlink()
    with pytest.raises(NotReadyError) as caught:
        ask(model, 1)
    assert caught.value.code == "artifact-gone"
    assert caught.value.hint
    assert "gateway reload" in caught.value.hint
    model.retry()
    assert model.state == "FAILED", "not at every request"
    assert budget.held_bytes == 0
    (tmp_path / "gone.stub").write_bytes(content)
    time.sleep(0.25)
    model.retry()
    assert ask(model, 3) == 3


def stubs(folder: Path, count: int, load: str = "lazy", head: str = "") -> str:
    """Write so many models, no two alike, and return a registry of them."""
    lines = ["version: 1", head, "routes:"]
    for number in range(count):
        (folder / f"m{number}.stub").write_text(
            json.dumps({"inputs": ["x"], "answer": number, "sleep_s": 1e-6 * number})
        )
        lines.append(f"  /m{number}: {{artifact: {folder}/m{number}.stub, load: {load}, timeout_s: 30}}")
    return "\n".join(line for line in lines if line) + "\n"


def test_evicted_route_answers_again(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """With a budget that no two models fit, all of them answer in turns, and idle ones count as ready."""
    server = gateway(stubs(tmp_path, 4, head="server: {memory_budget: 1}"), workers=1)
    for turn in range(3):
        for number in range(4):
            assert server.get(f"/m{number}", x=turn).json == {"prediction": float(number)}
    health = server.get("/health").json
    assert sorted(route["state"] for route in health["routes"].values()) == ["IDLE", "IDLE", "IDLE", "READY"]
    assert health["routes"]["/m0"]["loads"] == 3
    assert health["status"] == "ok"
    assert server.get("/health/ready").status == 200


def test_model_of_an_eager_route_stays(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """A lazy and an eager route with one model share it, and the budget does not take it from the eager one."""
    text = stubs(tmp_path, 3, head="server: {memory_budget: 1}")
    server = gateway(text + f"  /eager: {{artifact: {tmp_path}/m0.stub}}\n", workers=1)
    for number in (0, 1, 2, 1):
        assert server.get(f"/m{number}", x=1).status == 200
    routes = server.get("/health").json["routes"]
    assert (routes["/eager"]["state"], routes["/eager"]["loads"]) == ("READY", 1)


def test_vanished_artifact_answers_503_over_http(
    gateway: Callable[..., Gateway], tmp_path: Path, own_cache: Path
) -> None:
    """The route whose kept artifact was deleted answers 503 with the fix, the others serve; the fix works."""
    server = gateway(stubs(tmp_path, 2), workers=1, cache=own_cache)
    kept = next((own_cache / "artifacts").glob("*/m1.stub"))
    kept.unlink()
    answer = server.get("/m1", x=1)
    assert answer.status == 503
    assert "artifact-gone" in answer.body.decode()
    assert server.get("/m0", x=1).status == 200
    assert server.command("reload").returncode == 0
    assert kept.exists()
    until(lambda: server.get("/m1", x=1).status == 200, 20, what="recovery")
