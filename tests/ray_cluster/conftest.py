"""Three nodes for the tests of a file: begun once, whole again before each test."""

from collections.abc import Iterator

import pytest
from cluster import nodes

from ray_cluster import rig
from ray_cluster.rig import Running


@pytest.fixture(scope="module")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run three nodes, in network namespaces where they are allowed; applications stay on them when their gateway stops."""
    with rig.running(tmp_path_factory.mktemp("three") / "home", apart=rig.apart()) as running:
        yield running


@pytest.fixture
def three(three_nodes: Running) -> Running:
    """Return three nodes that have joined, also after a test that killed one."""
    nodes.wait_joined(three_nodes.home, three_nodes.cluster)
    return three_nodes
