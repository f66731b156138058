"""
Keep one node of the cluster: `python -m cluster.node HOME NUMBER`.

Starts Ray in the foreground and starts it anew when it ends, as a service manager does on a machine of its own. All
processes of the node share the session of this one.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from cluster import environment, plan
from cluster.plan import RAY_PYTHON, Cluster, Node
from gateway.system import descendants

_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 15.0
#: A node that ran this long did not fail at its start.
_STARTED_S: Final = 30.0
#: Bookkeeping of the scheduler: the nodes share the cores of one machine.
_CPUS: Final = 4
_OBJECT_STORE_BYTES: Final = 100_000_000


def main() -> None:
    """Keep the node until SIGTERM or SIGINT."""
    home, number = Path(sys.argv[1]), int(sys.argv[2])
    cluster = plan.read(home)
    if cluster is None:
        sys.exit(f"no cluster is described in {home}")
    descendants.adopt_orphans()
    stopping = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.set())
    try:
        keep(cluster, cluster.nodes[number - 1], plan.token_file(home), stopping)
    finally:
        end_all()


def keep(cluster: Cluster, node: Node, token: Path, stopping: threading.Event) -> None:
    """Run Ray, again after each end, until `stopping`."""
    pause = _PAUSE_S
    while not stopping.is_set():
        if not node.is_head and not _answers(cluster, stopping):
            return
        began = time.monotonic()
        say(f"node {node.number} starts")
        process = subprocess.Popen(
            command(cluster, node), env=environment.of_node(node, token), stdin=subprocess.DEVNULL
        )
        while process.poll() is None and not stopping.wait(0.2):
            _reap(process.pid)
        if stopping.is_set():
            return
        say(f"node {node.number} ended with code {process.returncode}")
        end_all()
        pause = _PAUSE_S if time.monotonic() - began > _STARTED_S else min(2 * pause, _LONGEST_PAUSE_S)
        stopping.wait(pause)


def command(cluster: Cluster, node: Node) -> list[str]:
    """Return what starts Ray on a node."""
    role = (
        ["--head", f"--port={cluster.port}", "--include-dashboard=false", "--no-monitor"]
        if node.is_head
        else [f"--address={cluster.address}"]
    )
    return [
        str(RAY_PYTHON),
        str(Path(__file__).with_name("ray_start.py")),
        *role,
        "--block",
        f"--node-ip-address={node.host}",
        *(f"--{name}={port}" for name, port in node.port_options.items()),
        f"--num-cpus={_CPUS}",
        f"--object-store-memory={_OBJECT_STORE_BYTES}",
        f"--temp-dir={node.folder}",
    ]


def end_all() -> None:
    """End every process that this one has brought about."""
    descendants.end(lambda: descendants.tree(os.getpid()))
    deadline = time.monotonic() + 2
    while descendants.children(os.getpid()) and time.monotonic() < deadline:
        _reap()
        time.sleep(0.02)


def say(text: str) -> None:
    """Write a line with the time to the log of the node."""
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)


def _answers(cluster: Cluster, stopping: threading.Event) -> bool:
    """Wait until the head listens; False if the node is to stop meanwhile."""
    while not stopping.is_set():
        try:
            socket.create_connection((cluster.head.host, cluster.port), timeout=1).close()
        except OSError:
            stopping.wait(0.5)
        else:
            return True
    return False


def _reap(kept: int = 0) -> None:
    """Forget orphans that have ended; the process `kept` is asked by its own handle."""
    for pid in descendants.children(os.getpid()):
        if pid != kept:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue


if __name__ == "__main__":
    main()
