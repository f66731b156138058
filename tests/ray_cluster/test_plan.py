"""What is decided before a node starts: ports, environment, and the registry that moves models onto the cluster."""

from pathlib import Path

import pytest
import yaml
from cluster import environment, node, overlay, plan

from gateway.errors import GatewayError

LOOPBACK = plan.planned(6379, Path("/tmp/ray"))
APART = plan.planned(6379, Path("/tmp/ray"), namespaces=("a", "b", "c"), hosts=("10.77.0.1", "10.77.0.2", "10.77.0.3"))


def test_no_two_nodes_share_a_port() -> None:
    """Nodes on loopback have ports of their own, all within 120 above that of the head."""
    ports = [port for one in LOOPBACK.nodes for port in LOOPBACK.ports(one)]
    assert len(ports) == len(set(ports))
    assert (min(ports), max(ports)) == (6379, 6499)


@pytest.mark.parametrize("cluster", [LOOPBACK, APART], ids=["loopback", "namespaces"])
def test_every_port_and_address_is_stated(cluster: plan.Cluster) -> None:
    """`ray start` is told the address of a node and each of its ports, all of which are of that node."""
    for one in cluster.nodes:
        command = node.command(cluster, one)
        assert f"--node-ip-address={one.host}" in command
        stated = [int(word.rpartition("=")[2]) for word in command if "-port=" in word]
        assert {*stated, one.dashboard_metrics_port} <= {*cluster.ports(one)}
        assert len(stated) == len(set(stated)) == len(one.port_options) + one.is_head


@pytest.mark.parametrize("cluster", [LOOPBACK, APART], ids=["loopback", "namespaces"])
def test_a_node_sees_nothing_of_its_callers_environment(cluster: plan.Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets of a shell do not reach models on a node; tokens are demanded always."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    for one in cluster.nodes:
        found = environment.of_node(one, Path("/tmp/token"))
        assert "hunter2" not in found.values()
        assert found["RAY_AUTH_MODE"] == "token"


def test_a_description_survives_its_file(tmp_path: Path) -> None:
    """What is read is what was written; a home without a cluster has none."""
    assert plan.read(tmp_path) is None
    plan.write(tmp_path, APART)
    assert plan.read(tmp_path) == APART


def test_the_overlay_adds_an_executor_and_changes_nothing_else(tmp_path: Path) -> None:
    """The registry keeps each of its routes; those of a registry with defaults of its own are not guessed at."""
    text = (plan.ROOT / "registry.yaml").read_text(encoding="utf-8")
    moved = yaml.safe_load(overlay.moved(text, tmp_path, LOOPBACK))
    executor = moved.pop("defaults")["executor"]
    assert moved == yaml.safe_load(text)
    assert (executor["kind"], executor["address"]) == ("ray", "127.0.0.1:6379")
    with pytest.raises(GatewayError, match="defaults"):
        overlay.moved("version: 1\ndefaults: {}\nroutes: {}\n", tmp_path, LOOPBACK)
