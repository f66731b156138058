"""Clusters for tests: their ports, their sockets, and a gateway that serves from them."""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster import environment, namespaces, nodes, overlay, plan
from cluster.plan import RAY_PYTHON, Cluster, Node

import serving
from serving import Gateway, absolute, until

#: Ten replicas start in a minute where nothing else runs.
_START_S = 400.0


@dataclass
class Running:
    """A cluster whose nodes run, and its home."""

    home: Path
    cluster: Cluster

    @property
    def mark(self) -> str:
        """Return what the names of its namespaces have in common."""
        return nodes.mark_of(self.home)

    def processes(self, node: Node) -> list[int]:
        """Return all processes of a node but the one that keeps it."""
        keeper = self.cluster.keepers[node.number - 1]
        return [pid for pid in nodes.session_of(keeper) if pid != keeper.pid]

    def kill(self, node: Node) -> None:
        """End all processes of a node at once, as a machine that loses its power."""
        for pid in self.processes(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def replicas(self, word: str = "ServeReplica") -> list[int]:
        """Return the processes of the cluster whose title holds a word."""
        found = []
        for node in self.cluster.nodes:
            for pid in self.processes(node):
                with contextlib.suppress(OSError):
                    if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                        found.append(pid)
        return found

    def registry(self, text: str) -> str:
        """Return a registry all of whose models run on this cluster."""
        return overlay.moved(absolute(text), self.home, self.cluster)

    def ray(self, code: str, **changed: str) -> "subprocess.CompletedProcess[str]":
        """Run Python code in Ray's environment beside the head; `changed` are variables of its environment."""
        head = self.cluster.head
        return subprocess.run(
            [*head.inside, RAY_PYTHON, "-c", code, self.cluster.address],
            env=environment.of_node(head, plan.token_file(self.home)) | changed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@contextlib.contextmanager
def running(home: Path, count: int = plan.NODES, *, apart: bool) -> Iterator[Running]:
    """Run nodes for the length of the block; nothing of them outlives it."""
    try:
        yield Running(home, nodes.start(home, free_ports(count), count, apart=apart))
    finally:
        nodes.stop(home)


@contextlib.contextmanager
def gateway(folder: Path, registry: str) -> Iterator[Gateway]:
    """Serve a registry, with a cache of its own, for the length of the block."""
    cache = folder / "cache"
    cache.mkdir()
    server = serving.make(folder, cache, registry, workers=1)
    try:
        server.start().wait(_START_S)
        until(lambda: answers(server), _START_S, what="an answer of every model")
        yield server
        server.stop()
    finally:
        server.kill()


def answers(server: Gateway) -> bool:
    """Say whether every route answers its sample."""
    routes = server.get("/routes").json["routes"]
    return all(server.post(route["path"], route["sample"]).status == 200 for route in routes)


def free_ports(count: int = plan.NODES) -> int:
    """Return the port of a head that is free, and whose nodes find theirs free."""
    wanted = plan.planned(0, Path(), count)
    for first in random.sample(range(12_000, 19_000, 200), 30):
        if all(_is_free(first + port) for node in wanted.nodes for port in wanted.ports(node)):
            return first
    raise AssertionError("thirty times, one of the ports was taken")


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def listening(node: Node, pids: Iterable[int]) -> set[tuple[str, int]]:
    """Return addresses and ports that processes listen on, as `ss -ltn` tells them where a node runs."""
    wanted = {*pids}
    done = subprocess.run([*node.inside, "ss", "-ltnpH"], capture_output=True, text=True, check=True)
    found = set()
    for line in done.stdout.splitlines():
        if wanted & {int(pid) for pid in re.findall(r"pid=(\d+)", line)}:
            host, _, port = line.split()[3].rpartition(":")
            found.add((host.strip("[]").removeprefix("::ffff:"), int(port)))
    return found


def apart() -> bool:
    """Say whether nodes can have network namespaces here."""
    return not namespaces.why_not()
