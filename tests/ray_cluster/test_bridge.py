"""The bridge to a cluster: killed under load, where it may connect to, what it tells, and replicas that follow the load."""

import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest
from cluster import overlay

from extras import needs_cluster
from ray_cluster import models, rig
from ray_cluster.callers import Callers
from ray_cluster.rig import Running
from serving import Gateway, until

pytestmark = [needs_cluster, pytest.mark.slow]
NUMBER, WAIT = ("/number", {"x": 1}), ("/wait", {"x": 1})


@pytest.fixture(scope="module")
def one_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run a cluster of one node."""
    with rig.running(tmp_path_factory.mktemp("one") / "home", 1, apart=rig.apart()) as running:
        yield running


@pytest.fixture(scope="module")
def server(one_node: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Serve a number by two replicas, and a model that waits by as many as the load wants; only the head is allowed."""
    folder = tmp_path_factory.mktemp("bridge")
    models.write_number(folder, 7)
    (folder / "waits.py").write_text(models.WAITS)
    executor = overlay.executor(one_node.home, one_node.cluster)
    scaled = executor.replace("replicas: 2", "autoscale: [1, 3]").replace("max_ongoing: 8", "max_ongoing: 2")
    registry = (
        f"version: 1\nserver: {{egress_allow: ['{one_node.cluster.address}']}}\ndefaults: {{timeout_s: 30}}\nroutes:\n"
        f"  /number: {{artifact: number.py:number, executor: {executor}}}\n"
        f"  /wait: {{artifact: waits.py:wait, max_concurrency: 32, executor: {scaled}}}\n"
    )
    with rig.gateway(folder, registry) as gateway:
        yield gateway


def test_a_killed_bridge_costs_no_answer(server: Gateway, figures: Callable[[str], None]) -> None:
    """Calls wait within their deadline until the next bridge knows the models again."""
    bridge = server.health()["routes"]["/number"]["executor"]["pids"][0]
    with Callers(server.port, [NUMBER]) as callers:
        until(lambda: len(callers.seen) > 50, what="load")
        os.kill(bridge, signal.SIGKILL)
        until(lambda: server.health()["routes"]["/number"]["executor"]["restarts"] == 1, what="the end of the bridge")
        asked = len(callers.seen)
        until(lambda: len(callers.seen) > asked + 50, 120, what="answers of the next one")
    figures(callers.told)
    assert callers.failed() == []
    assert {one.body for one in callers.seen} == {json.dumps({"prediction": 7.0}, separators=(",", ":")).encode()}


def test_doctor_tells_what_the_cluster_runs(server: Gateway) -> None:
    """By the bridge: replicas and nodes of each model."""
    told = server.command("doctor").stdout
    (line,) = [one for one in told.splitlines() if "model of number on the cluster" in one]
    assert line.endswith("; 2 replicas on 1 of 1 node")


def test_replicas_follow_the_load(server: Gateway, one_node: Running, figures: Callable[[str], None]) -> None:
    """A model that waits has one replica, more under load, and no answer is lost meanwhile."""
    before = one_node.replicas("ServeReplica:wait")
    with Callers(server.port, [WAIT], threads=16, pause_s=0) as callers:
        until(lambda: len(one_node.replicas("ServeReplica:wait")) == 3, 240, what="three replicas")
        asked = len(callers.seen)
        until(lambda: len(callers.seen) > asked + 100, 60, what="answers of all")
    figures(f"{len(before)} replica before, 3 after: {callers.told}")
    assert len(before) == 1
    assert callers.failed() == []
