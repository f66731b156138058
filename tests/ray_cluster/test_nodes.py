"""Real nodes: where they listen, whom they let in, and what is left of them."""

import os
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import namespaces, nodes, plan

from extras import needs_cluster
from ray_cluster import rig
from ray_cluster.rig import Running
from serving import gone, until

pytestmark = [
    needs_cluster,
    pytest.mark.skipif(shutil.which("ss") is None, reason="there is no program 'ss' here (iproute2)"),
]
#: Joins, asks for the nodes, and writes how many there are.
JOIN = """
import logging, sys, ray
host = sys.argv[1].rpartition(":")[0]
ray.init(sys.argv[1], _node_ip_address=host, log_to_driver=False, logging_level=logging.CRITICAL)
print(sum(node["Alive"] for node in ray.nodes()))
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run a head without other nodes on loopback."""
    with rig.running(tmp_path_factory.mktemp("alone") / "home", 1, apart=False) as running:
        yield running


def test_a_node_on_loopback_listens_there_and_on_stated_ports_only(alone: Running) -> None:
    """No port of Ray is on another address, and none is one that its description does not name."""
    head = alone.cluster.head
    found = rig.listening(head, alone.processes(head))
    assert {host for host, _ in found} == {"127.0.0.1"}
    ports = {port for _, port in found}
    assert alone.cluster.port in ports
    assert ports <= {*alone.cluster.ports(head)}


@pytest.mark.slow
def test_nobody_joins_without_the_token(alone: Running, tmp_path: Path) -> None:
    """The file is for its owner only; who has another token, or none, is refused, and who has it joins."""
    token = plan.token_file(alone.home)
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    other = tmp_path / "other"
    other.write_text("0" * 64)
    other.chmod(0o600)
    refused = alone.ray(JOIN, RAY_AUTH_TOKEN_PATH=str(other))
    assert refused.returncode != 0
    assert "uthenticat" in refused.stderr
    without = alone.ray(JOIN, RAY_AUTH_MODE="disabled")
    assert without.returncode != 0
    assert "uthenticat" in without.stderr
    assert alone.ray(JOIN).stdout.split() == ["1"]
    assert token.read_text() not in (alone.home / "logs" / "node-1.log").read_text()


@pytest.mark.slow
def test_a_stop_leaves_nothing(tmp_path: Path) -> None:
    """Processes, files and token are gone, also where the keeper of a node was killed."""
    home = tmp_path / "home"
    with rig.running(home, 1, apart=False) as running:
        pids = [*running.processes(running.cluster.head), running.cluster.keepers[0].pid]
        assert len(pids) > 3
        os.kill(running.cluster.keepers[0].pid, signal.SIGKILL)
        assert nodes.stop(home)
        assert [pid for pid in pids if not gone(pid)] == []
        assert not running.cluster.folder.exists()
        assert not plan.token_file(home).exists()
        assert not nodes.stop(home)


@pytest.mark.slow
@pytest.mark.parametrize(
    "apart",
    [
        pytest.param(True, marks=pytest.mark.skipif(not rig.apart(), reason=namespaces.why_not()), id="namespaces"),
        pytest.param(False, id="loopback"),
    ],
)
def test_three_nodes_listen_where_they_are_stated_to(tmp_path: Path, apart: bool) -> None:
    """Nodes of a namespace each, or on loopback: stated ports only, and nothing in the network of the machine."""
    with rig.running(tmp_path / "home", apart=apart) as running:
        assert running.ray(JOIN).stdout.split() == ["3"]
        for node in running.cluster.nodes:
            found = rig.listening(node, running.processes(node))
            assert {port for _, port in found} <= {*running.cluster.ports(node)}
            # Within a namespace, every address is one of the node.
            assert apart or {host for host, _ in found} == {"127.0.0.1"}
            assert found
        mark = running.mark
        assert namespaces.present(mark) == apart
        head = running.cluster.head
        running.kill(head)
        until(lambda: running.processes(head), 60, what="a new head")
        nodes.wait_joined(running.home, running.cluster)
    assert not namespaces.present(mark)
