"""Models of a gateway on three nodes: their answers, edits under load, and more replicas."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cluster import overlay

from extras import needs_cluster
from ray_cluster import models, rig
from ray_cluster.callers import Callers
from ray_cluster.rig import Running
from serving import ROOT, Gateway, until

pytestmark = [needs_cluster, pytest.mark.slow]
Serve = Callable[[str], Gateway]


@pytest.fixture
def serve(three: Running, tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves a registry on the three nodes until the test ends."""
    with ExitStack() as stack:

        def start(registry: str) -> Gateway:
            return stack.enter_context(rig.gateway(tmp_path, three.registry(registry)))

        yield start


def test_the_five_models_answer_as_they_do_here(
    serve: Serve, five: Gateway, three: Running, figures: Callable[[str], None]
) -> None:
    """Labels, texts and numbers of every golden row are those of the workers, to 1e-12; replicas are on each node."""
    server = serve(models.five_and_here())
    compared = Counter[str]()
    samples = dict(models.questions(five))
    for name, path in models.FIVE.items():
        for row in [samples[path], *models.rows(name)]:
            there, here = (one.post(f"{path}?_detail=true", row) for one in (server, five))
            assert there.status == here.status, there.body
            if here.status == 200:  # some golden rows lack what the registry demands
                assert_close(without_times(there.json), without_times(here.json))
                compared[path] += 1
    table = (ROOT / "models/insurance/sample.csv").read_bytes()
    there, here = (one.request("POST", "/insurance", table, {"Content-Type": "text/csv"}) for one in (server, five))
    assert there.status == 200
    assert (there.status, there.json) == (here.status, here.json)
    assert compared.keys() == {*models.FIVE.values()}
    counts = [
        sum(pid in three.processes(node) for pid in three.replicas("ServeReplica")) for node in three.cluster.nodes
    ]
    figures(f"answers compared: {dict(compared)}; replicas of the nodes: {counts}")
    assert sum(counts) == 2 * len(models.FIVE)
    assert min(counts) > 0


def test_ten_edits_lose_no_answer(serve: Serve, three: Running, tmp_path: Path, figures: Callable[[str], None]) -> None:
    """Under load, each edit is served by its own application, and each answer is that of a committed generation."""
    models.write_number(tmp_path, 0)
    server = serve("version: 1\nroutes:\n  /number: {artifact: number.py:number, timeout_s: 15}\n")
    committed = {server.health()["generation"]: 0.0}
    with Callers(server.port, [("/number", {"x": 1})]) as callers:
        for number in range(1, 11):
            before = server.health()["generation"]
            models.write_number(tmp_path, number)
            until(lambda before=before: server.health()["generation"] != before, 240, what=f"edit {number}")
            committed[server.health()["generation"]] = float(number)
            time.sleep(1)
    figures(callers.told)
    assert callers.failed() == []
    assert {one.generation for one in callers.seen} == {*committed}
    wrong = [one for one in callers.seen if json.loads(one.body) != {"prediction": committed[one.generation]}]
    assert wrong == []


def test_more_replicas_answer_more(
    serve: Serve, three: Running, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    """A model that waits, not one that computes: three nodes share the cores of this machine. Replicas keep their pid."""
    (tmp_path / "waits.py").write_text(models.WAITS)
    registry = tmp_path / "registry.yaml"

    def text(replicas: int) -> str:
        executor = overlay.executor(three.home, three.cluster)
        executor = executor.replace("replicas: 2", f"replicas: {replicas}").replace("max_ongoing: 8", "max_ongoing: 4")
        route = f"{{artifact: waits.py:wait, timeout_s: 30, max_concurrency: 32, executor: {executor}}}"
        return f"version: 1\nroutes:\n  /wait: {route}\n"

    rates: list[float] = []
    with ExitStack() as stack:
        server = stack.enter_context(rig.gateway(tmp_path, text(1)))
        pids: list[set[int]] = []
        for replicas in (1, 2, 4):
            registry.write_text(text(replicas))
            until(lambda replicas=replicas: len(three.replicas("ServeReplica:wait")) == replicas, 240)
            pids.append({*three.replicas("ServeReplica:wait")})
            time.sleep(2)
            with Callers(server.port, [("/wait", {"x": 1})], threads=24, pause_s=0) as callers:
                time.sleep(10)
            assert callers.failed() == []
            rates.append(len(callers.seen) / 10)
    figures(f"answers a second of 1, 2 and 4 replicas: {rates}")
    assert pids[0] < pids[1] < pids[2]
    assert rates[1] > 1.4 * rates[0]
    assert rates[2] > 1.4 * rates[1]


def without_times(value: Any) -> Any:
    """Return an answer without what differs from call to call."""
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key not in {"ms", "request_id", "compiled"}}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def assert_close(found: Any, wanted: Any) -> None:
    """Compare answers: numbers to 1e-12, all else exactly."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            assert_close(found[key], value)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_close(one, other)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12)
    else:
        assert found == wanted
