"""What a cluster consists of: nodes whose addresses and ports are all stated, kept in `cluster.json` of its home."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from gateway.system import atomic, processes

ROOT: Final = Path(__file__).resolve().parents[2]
#: The environment of the nodes, which `make cluster` installs.
RAY_PYTHON: Final = ROOT / ".venv-ray" / "bin" / "python"
FILE: Final = "cluster.json"
NODES: Final = 3
#: Ports of one node: six of its own processes, the rest for workers, one each. The head has one more before them.
_PORTS: Final = 40
_WORKERS_FROM: Final = 10
_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Node:
    """Describe one node: the first one is the head."""

    number: int
    #: The address that it listens on, and the only one.
    host: str
    first_port: int
    #: Where Ray keeps sockets and logs. A path of a socket has at most 107 bytes, so it is short.
    folder: Path
    #: The network namespace of the node, where it has one.
    namespace: str | None = None

    @property
    def is_head(self) -> bool:
        """Say whether the other nodes join this one."""
        return self.number == 1

    @property
    def on_loopback(self) -> bool:
        """Say whether only this machine can reach the node."""
        return self.host == _LOOPBACK

    @property
    def inside(self) -> tuple[str, ...]:
        """Return what precedes a command that is to run where the node runs."""
        return ("nsenter", f"--net=/run/netns/{self.namespace}", "--") if self.namespace else ()

    @property
    def artifacts(self) -> Path:
        """Return where the node keeps the model files that it fetched."""
        return self.folder / "artifacts"

    @property
    def port_options(self) -> dict[str, int]:
        """Return the options of `ray start` that name ports."""
        names = (
            "node-manager-port",
            "object-manager-port",
            "dashboard-agent-grpc-port",
            "dashboard-agent-listen-port",
            "metrics-export-port",
            "runtime-env-agent-port",
        )
        stated = {name: self.first_port + place for place, name in enumerate(names)}
        return stated | {"min-worker-port": self.first_port + _WORKERS_FROM, "max-worker-port": self.last_port}

    @property
    def dashboard_metrics_port(self) -> int:
        """Return the port of the figures that the head has even where the dashboard is off."""
        return self.first_port + len(self.port_options)

    @property
    def last_port(self) -> int:
        """Return the last port that the node may listen on."""
        return self.first_port + _PORTS - 1


@dataclass(frozen=True, slots=True)
class Keeper:
    """Name the process that keeps a node; its number is also that of the session of all processes of the node."""

    pid: int
    began: int

    @property
    def is_alive(self) -> bool:
        """Say whether it still runs."""
        return processes.is_alive(self.pid, self.began)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Describe all nodes, and the folder that theirs lie in."""

    port: int
    folder: Path
    nodes: tuple[Node, ...]
    keepers: tuple[Keeper, ...] = ()

    @property
    def head(self) -> Node:
        """Return the node that the others join."""
        return self.nodes[0]

    @property
    def address(self) -> str:
        """Return what a client of the cluster is told."""
        return f"{self.head.host}:{self.port}"

    def ports(self, node: Node) -> range:
        """Return every port that a node may listen on."""
        return range(self.port if node.is_head else node.first_port, node.last_port + 1)


def planned(
    port: int, folder: Path, count: int = NODES, *, namespaces: tuple[str, ...] = (), hosts: tuple[str, ...] = ()
) -> Cluster:
    """Return a cluster whose nodes have an address each, or share loopback and have ports of their own."""
    nodes = tuple(
        Node(
            number=number,
            host=hosts[number - 1] if hosts else _LOOPBACK,
            first_port=port + 1 + _PORTS * (number - 1),
            folder=folder / str(number),
            namespace=namespaces[number - 1] if namespaces else None,
        )
        for number in range(1, count + 1)
    )
    return Cluster(port=port, folder=folder, nodes=nodes)


def token_file(home: Path) -> Path:
    """Return where the token of the cluster lies: whoever knows it may run code on every node."""
    return home / "token"


def read(home: Path) -> Cluster | None:
    """Return the cluster of a home; None if it has none."""
    try:
        return msgspec.json.decode((home / FILE).read_bytes(), type=Cluster, dec_hook=lambda kind, text: kind(text))
    except FileNotFoundError:
        return None


def write(home: Path, cluster: Cluster) -> None:
    """Keep the description of a cluster in its home."""
    atomic.replace_bytes(home / FILE, msgspec.json.encode(cluster, enc_hook=str))
