"""Processes that a model starts end with the worker they belong to, hold none of its sockets, and are never lost."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import serving
from gateway.system import descendants
from serving import Gateway, gone, until

CODE = '''
import multiprocessing
import os
import signal
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor

POOLS = []


def predict(kind: str):
    """Start a process of some kind and tell the worker's number and its own."""
    return [os.getpid(), globals()[kind]()]


def executed():
    return subprocess.Popen(["sleep", "600"], start_new_session=True, close_fds=False).pid


def forked():
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    child.start()
    return child.pid


def stubborn():
    child = os.fork()
    if child:
        return child
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    time.sleep(600)


def detached():
    back, front = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if child := os.fork():
            os.write(front, str(child).encode())
            os._exit(0)
        os.closerange(3, 4096)
        time.sleep(600)
    return int(os.read(back, 20))


def wiped():
    command = "env -i setsid sh -c 'sleep 600 >/dev/null 2>&1 & echo $!'"
    return int(subprocess.check_output(["sh", "-c", command]))


def pooled():
    POOLS.append(POOLS[0] if POOLS else ProcessPoolExecutor(1))
    return POOLS[0].submit(os.getpid).result()
'''
KINDS = ("executed", "forked", "stubborn", "detached", "wiped")


@pytest.fixture
def registry(tmp_path: Path) -> str:
    """Return a registry with a model that starts processes of every kind."""
    (tmp_path / "work.py").write_text(CODE)
    return f"version: 1\nroutes:\n  /work: {{artifact: {tmp_path}/work.py, timeout_s: 30}}\n"


def test_processes_end_with_their_worker_and_with_no_other(gateway: Callable[..., Gateway], registry: str) -> None:
    """After kill -9 of a worker what its model had started ends; a pool of the other worker goes on answering."""
    server = gateway(registry, predict_threads=1)
    kept = {worker: connection for connection, worker in connections(server)}
    victim, other = kept
    started = {kind: kept[victim].request("GET", f"/work?kind={kind}").json["prediction"][1] for kind in KINDS[:4]}
    pool = kept[other].request("GET", "/work?kind=pooled").json["prediction"][1]
    assert not any(gone(pid) for pid in started.values())
    os.kill(victim, signal.SIGKILL)
    until(lambda: all(gone(pid) for pid in started.values()), 30, what=f"the end of {started}")
    assert kept[other].request("GET", "/work?kind=pooled").json["prediction"][1] == pool
    for connection in kept.values():
        connection.close()
    last = [server.get("/work", kind=kind).json["prediction"][1] for kind in KINDS]
    server.stop()
    assert all(gone(pid) for pid in [*last, pool])
    with socket.create_server(("127.0.0.1", server.port)):
        pass


def connections(server: Gateway) -> list[tuple[serving.Connection, int]]:
    """Return kept connections, one to each of two workers, with the worker's process id."""
    found: dict[int, serving.Connection] = {}

    def another() -> bool:
        connection = server.connect()
        worker = connection.request("GET", "/work?kind=pooled").json["prediction"][0]
        if worker in found:
            connection.close()
        found.setdefault(worker, connection)
        return len(found) == 2

    until(another, what="a connection to each worker")
    return [(connection, worker) for worker, connection in found.items()]


SLOW = pytest.mark.slow


@pytest.mark.parametrize("kind", ["forked", pytest.param("executed", marks=SLOW), pytest.param("detached", marks=SLOW)])
def test_a_models_process_holds_no_socket(gateway: Callable[..., Gateway], registry: str, kind: str) -> None:
    """A fork has neither the listening socket nor a client's connection: the client sees the end of its connection."""
    server = gateway(registry, workers=1)
    wire = server.connect(timeout_s=10)
    worker, child = wire.request("GET", f"/work?kind={kind}").json["prediction"]
    until(lambda: psutil.Process(child).net_connections("tcp") == [], what="the end of its copies")
    os.kill(worker, signal.SIGKILL)
    with pytest.raises((ConnectionError, EOFError)):
        wire.request("GET", "/work?kind=executed")
    wire.close()


@pytest.mark.parametrize("command", ["stop", pytest.param("serve", marks=SLOW)])
def test_what_a_crash_left_is_named_and_ended(tmp_path: Path, cache: Path, registry: str, command: str) -> None:
    """Arbiter and workers are killed at once: `doctor` names what their models left, a stop ends it, a start too."""
    server = serving.make(tmp_path / "g", cache, registry)
    try:
        server.start().wait()
        started = [server.get("/work", kind=kind).json["prediction"][1] for kind in KINDS[:4]]
        workers = server.workers()
        os.kill(server.pid, signal.SIGSTOP)
        for pid in [*workers, server.pid]:
            os.kill(pid, signal.SIGKILL)
        assert not any(gone(pid) for pid in started)
        # A killed worker takes a moment to end, and what it started is not left behind before.
        until(
            lambda: sorted(descendants.left_behind(server.home)) == sorted(started), 10, what="the end of the workers"
        )
        if command == "stop":
            told = server.command("stop").stdout
            assert all(f"{pid} (" in told for pid in started)
        else:
            told = server.command("doctor").stdout
            assert all(f"{pid} (" in told for pid in started)
            server.start().wait()
            server.stop()
        assert all(gone(pid) for pid in started)
    finally:
        server.kill()


@pytest.mark.parametrize(
    "end",
    [
        pytest.param("", marks=SLOW),
        "os.kill(os.getpid(), 11)",
        pytest.param("time.sleep(600)", marks=SLOW),
        pytest.param("raise ValueError", marks=SLOW),
    ],
)
def test_preparing_leaves_no_process(tmp_path: Path, cache: Path, end: str) -> None:
    """What a model starts while it is imported is gone when it is prepared, whether that works or not."""
    path = tmp_path / "m.py"
    path.write_text(
        CODE.replace("POOLS = []", f"from pathlib import Path\nPOOLS = []\nPIDS = Path({str(tmp_path)!r}, 'pids')")
        + f"\n\nPIDS.write_text(' '.join(str(globals()[kind]()) for kind in {KINDS}))\n{end}\n"
    )
    registry = f"version: 1\nroutes:\n  /m: {{artifact: {path}}}\n"
    server = serving.make(tmp_path / "g", cache, registry, prepare_timeout_s=10 if "sleep" in end else 60)
    done = server.command("prepare")
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == len(KINDS)
    assert done.returncode == (1 if end else 0), done.stdout + done.stderr
    until(lambda: all(gone(pid) for pid in pids), 10, what=f"the end of what {path} started")
