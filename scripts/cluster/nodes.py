"""
Start the nodes of a home, and stop them by their process ids so that nothing is left.

Never `ray stop`: it ends all Ray processes of the user.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from cluster import environment, namespaces, plan
from cluster.plan import RAY_PYTHON, Cluster, Keeper, Node
from gateway.errors import GatewayError
from gateway.system import descendants, private_folders, processes

#: Three nodes at once on two busy cores took 70 s.
JOIN_S: Final = 300.0
_LEAVE_S: Final = 15.0
_SCRIPTS: Final = Path(__file__).resolve().parents[1]
_JOINED: Final = Path(__file__).with_name("joined.py")


def mark_of(home: Path) -> str:
    """Return what the names of the namespaces of a home have in common."""
    return descendants.home_of(home)[:6]


def start(home: Path, port: int, count: int = plan.NODES, *, apart: bool) -> Cluster:
    """
    Start nodes and return once all have joined; `apart` gives each a network namespace.

    Raises GatewayError with the reason, and leaves nothing.
    """
    if not RAY_PYTHON.exists():
        raise GatewayError(f"{RAY_PYTHON} is missing", hint="make cluster installs it")
    if fault := private_folders.make_private(home):
        raise GatewayError(fault, hint="GATEWAY_HOME names another folder")
    (home / "logs").mkdir(mode=0o700, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="gw-ray-"))
    mark = mark_of(home)
    where = {"namespaces": namespaces.names(mark), "hosts": namespaces.HOSTS} if apart else {}
    cluster = plan.planned(port, folder, count, **where)
    _write_token(plan.token_file(home))
    plan.write(home, cluster)
    try:
        if apart:
            namespaces.make(mark)
        else:
            _need_free(cluster)
        cluster = replace(cluster, keepers=tuple(start_keeper(home, node) for node in cluster.nodes))
        plan.write(home, cluster)
        wait_joined(home, cluster)
    except BaseException:
        stop(home)
        raise
    return cluster


def start_keeper(home: Path, node: Node) -> Keeper:
    """Start the process that keeps a node, in a session of its own."""
    with (home / "logs" / f"node-{node.number}.log").open("ab") as log:
        process = subprocess.Popen(
            [*node.inside, sys.executable, "-m", "cluster.node", str(home), str(node.number)],
            env={"PYTHONPATH": str(_SCRIPTS), "PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return Keeper(process.pid, processes.started(process.pid) or 0)


def wait_joined(home: Path, cluster: Cluster, timeout_s: float = JOIN_S) -> None:
    """Wait until all nodes have joined; raises GatewayError with the reason if they do not."""
    head = cluster.head
    done = subprocess.run(
        [*head.inside, RAY_PYTHON, _JOINED, cluster.address, str(len(cluster.nodes)), str(timeout_s)],
        env=environment.of_node(head, plan.token_file(home)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason was given"]
        raise GatewayError(
            f"the nodes of the cluster did not come up: {said[-1]}", hint=f"the logs say why: {home / 'logs'}"
        )


def stop(home: Path) -> bool:
    """End all nodes and delete what they left; False if there was no cluster. Logs of the nodes stay in the home."""
    cluster = plan.read(home)
    namespaces_left = namespaces.present(mark_of(home))
    if cluster is None and not namespaces_left:
        return False
    if cluster is not None:
        for keeper in cluster.keepers:
            if keeper.is_alive:
                descendants.send(keeper.pid, signal.SIGTERM)
        _wait(lambda: not any(keeper.is_alive for keeper in cluster.keepers))
        descendants.end(lambda: [pid for keeper in cluster.keepers for pid in session_of(keeper)])
        shutil.rmtree(cluster.folder, ignore_errors=True)
    if namespaces_left:
        namespaces.delete(mark_of(home))
    for left in (plan.token_file(home), home / plan.FILE):
        left.unlink(missing_ok=True)
    return True


def session_of(keeper: Keeper) -> list[int]:
    """
    Return the living processes of the session that a keeper has begun: those of its node.

    A process of Ray overwrites its environment by its title, so no mark there would last.
    """
    if (now := processes.started(keeper.pid)) is not None and now != keeper.began:
        return []  # the number has been given to another process
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and processes.is_running(int(path.name)):
            with contextlib.suppress(OSError, ValueError):
                if os.getsid(int(path.name)) == keeper.pid:
                    found.append(int(path.name))
    return found


def _write_token(path: Path) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secrets.token_hex(32))


def _need_free(cluster: Cluster) -> None:
    """Raise GatewayError if another process listens on one of the ports of the nodes."""
    for node in cluster.nodes:
        for port in cluster.ports(node):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((node.host, port))
                except OSError as error:
                    raise GatewayError(
                        f"port {port} on {node.host} is taken: the nodes need {cluster.port} to "
                        f"{cluster.nodes[-1].last_port}",
                        hint=f"make cluster CLUSTER_PORT={cluster.port + 1000}",
                    ) from error


def _wait(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LEAVE_S
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.1)
