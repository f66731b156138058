"""Parts of a cluster fail under load: replica, node, link, head. Routes in the workers never notice."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from cluster import namespaces
from cluster.plan import Node

from extras import needs_cluster
from ray_cluster import models, rig
from ray_cluster.callers import Callers
from ray_cluster.rig import Running
from serving import Gateway, until

pytestmark = [needs_cluster, pytest.mark.slow]
Figures = Callable[[str], None]


@pytest.fixture(scope="module")
def server(three_nodes: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Serve the five models on three nodes, and one of them in the workers as well."""
    folder = tmp_path_factory.mktemp("failures")
    registry = three_nodes.registry(models.five_and_here()).replace("defaults:\n", "defaults:\n  timeout_s: 20\n")
    with rig.gateway(folder, registry) as gateway:
        yield gateway


@pytest.fixture
def ready(three: Running, server: Gateway) -> Gateway:
    """Return the gateway once every model answers, also after a test that killed what served them."""
    until(lambda: rig.answers(server), 300, what="an answer of every model")
    return server


def with_replicas(three: Running) -> Node:
    """Return a node that is not the head and holds replicas."""
    found = [node for node in three.cluster.nodes[1:] if {*three.processes(node)} & {*three.replicas()}]
    assert found, "all replicas are on the head"
    return found[0]


def test_a_killed_replica_costs_no_answer(ready: Gateway, three: Running, figures: Figures) -> None:
    """What was in flight is asked once more of another replica, and a new one comes."""
    victims = three.replicas("ServeReplica:loan")
    assert len(victims) == 2
    with Callers(ready.port, models.questions(ready)) as callers:
        time.sleep(2)
        os.kill(victims[0], signal.SIGKILL)
        until(lambda: len({*three.replicas("ServeReplica:loan")} - {victims[0]}) == 2, 120, what="a new replica")
    figures(callers.told)
    assert callers.failed() == []


def test_a_killed_node_costs_no_answer(ready: Gateway, three: Running, figures: Figures) -> None:
    """Its replicas are started on the other nodes, and the node joins anew."""
    victim = with_replicas(three)
    with Callers(ready.port, models.questions(ready)) as callers:
        time.sleep(2)
        three.kill(victim)
        time.sleep(25)
    figures(callers.told)
    assert callers.failed() == []


@pytest.mark.skipif(not rig.apart(), reason=f"no links to cut: {namespaces.why_not()}")
def test_a_cut_link_costs_no_answer(ready: Gateway, three: Running, figures: Figures) -> None:
    """Nobody is told that a node cannot be reached: calls of its replicas are given up and asked of others."""
    victim = with_replicas(three)
    with Callers(ready.port, models.questions(ready), threads=8) as callers:
        time.sleep(2)
        namespaces.set_link(three.mark, victim.number, "down")
        time.sleep(25)
        namespaces.set_link(three.mark, victim.number, "up")
        time.sleep(3)
    figures(callers.told)
    assert callers.failed() == []


def test_a_killed_head_costs_its_own_routes_for_a_while(ready: Gateway, three: Running, figures: Figures) -> None:
    """Routes in the workers lose nothing; those of the cluster wait or answer 503 with the reason, and come back."""

    def restarts() -> int:
        routes = ready.health()["routes"].values()
        return max(int(route["executor"].get("restarts", 0)) for route in routes if "executor" in route)

    everywhere = models.questions(ready)
    before = restarts()
    with Callers(ready.port, models.questions(ready, models.HERE)) as here, Callers(ready.port, everywhere) as there:
        time.sleep(2)
        began = time.monotonic()
        three.kill(three.cluster.head)
        # Ray ends the bridge a minute after the head: replicas on other nodes answer until then.
        until(lambda: restarts() > before, 300, what="a new bridge")
        until(lambda: rig.answers(ready), 300, what="an answer of every model")
        figures(f"every model answers by a new bridge {time.monotonic() - began:.0f} s after the end of the head")
    figures(f"in the workers: {here.told}; on the cluster: {there.told}")
    assert here.failed() == []
    assert there.failed(models.HERE) == []
    failed = there.failed()
    assert {one.status for one in failed} <= {503, 504}
    assert all(b'"message"' in one.body for one in failed)
