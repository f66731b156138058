"""Model servers are started, watched, replaced and ended by their supervisor; none is lost."""

import contextlib
import http.client
import logging
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gateway.executors.socket_folder import socket_path
from gateway.system import descendants
from serving import gone, until

from .model_server_rig import Rig, rig, server


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Rig]:
    """Return a supervisor that runs nothing yet."""
    with rig(tmp_path / "home") as one:
        yield one


def test_what_is_committed_runs_and_what_is_not_ends(running: Rig) -> None:
    """A committed server runs under a private path; an unchanged one keeps its process, a former one ends later."""
    running.commit(a=server("first"), b=server("second"))
    first, second = running.ready("first"), running.ready("second")
    assert running.ask("/", "first")["pid"] == first.pid
    folder = socket_path("first", 0).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(os.fsencode(socket_path("f" * 16, 63))) < 108
    running.commit(a=server("first"), c=server("third"))
    running.ready("third")
    until(lambda: gone(second.pid), what="the end of the former server")
    assert running.of("first").pid == first.pid
    until(lambda: not socket_path("second", 0).exists(), what="the end of its socket")


def test_a_server_that_starts_slowly_has_a_spare_process(running: Rig) -> None:
    """It takes over as it is when the first one is killed, and the next one becomes the spare; an end leaves none."""
    running.commit(spare=True, slow=server("slow", "--ready-after", "0.5"), quick=server("quick", instances=2))
    first = running.ready("slow")
    running.ready("quick", 0), running.ready("quick", 1)
    until(lambda: len(running.servers.pids()) == 4, what="the spare process")
    (spare,) = {*running.servers.pids()} - {first.pid, running.of("quick", 0).pid, running.of("quick", 1).pid}
    until(lambda: len(list(socket_path("slow", 0).parent.glob("slow-0.*.new"))) == 1, what="its own socket")
    time.sleep(1)
    os.kill(first.pid, signal.SIGKILL)
    assert running.ready("slow", but=first.pid).pid == spare
    assert running.ask("/", "slow")["pid"] == spare
    until(lambda: len(running.servers.pids()) == 4, what="the next spare process")
    running.commit(quick=server("quick", instances=2))
    until(lambda: len(running.servers.pids()) == 2, what="the end of both")


def test_a_former_server_stays_while_a_worker_may_ask_it(running: Rig) -> None:
    """A worker that has not left the generation yet keeps its servers, however long it takes."""
    before = running.commit(a=server("first"))
    first = running.ready("first")
    running.commit(a=server("second"))
    running.adopted |= {before.id}
    running.ready("second")
    time.sleep(0.6)
    assert running.ask("/", "first")["pid"] == first.pid
    running.adopted -= {before.id}
    until(lambda: gone(first.pid), what="the end of the former server")


def test_a_killed_server_comes_back(running: Rig) -> None:
    """After kill -9 there is no socket that leads nowhere, and soon a new process; what it had started is gone."""
    running.commit(a=server())
    first = running.ready()
    left = [running.ask("/start"), running.ask("/start?new=1")]
    os.kill(first.pid, signal.SIGKILL)
    second = running.ready(but=first.pid)
    assert running.ask("/")["pid"] == second.pid
    assert (second.restarts, second.reason) == (1, "was ended by SIGKILL")
    until(lambda: all(map(gone, left)), what="the end of what it had started")


def test_connecting_is_no_readiness(running: Rig) -> None:
    """A server that loads has a socket that accepts, and is not told ready nor reached before it answers so."""
    running.commit(a=server("tiny", "--ready-after", "0.5"))
    until(lambda: list(socket_path("tiny", 0).parent.glob("*.new")), what="the socket of its start")
    assert running.of().state == "starting"
    assert not socket_path("tiny", 0).exists()
    running.ready()
    assert socket_path("tiny", 0).exists()


@pytest.mark.slow
def test_a_hopeless_server_is_closed_until_it_is_forgiven(running: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Five ends in a row close its routes with its own last words; only the owner has it started again."""
    with caplog.at_level(logging.INFO):
        running.commit(a=server("tiny", "--exit", "3"), b=server("other"))
        closed: dict[str, str] = {}
        until(lambda: closed.update(running.servers.closed()) or closed, what="the end of all hope")
    assert closed == {"a": "exited with 1: no: 3"}
    assert (running.of().state, running.of().restarts) == ("closed", 5)
    assert any(record.getMessage() == "no: 3" and record.__dict__["route"] == "a" for record in caplog.records)
    assert running.ready("other").restarts == 0
    running.servers.forgive(["a"])
    until(lambda: running.of().restarts > 5, what="another start")


def test_a_refusal_ends_a_start(running: Rig) -> None:
    """A server that says why it never will be ready is not waited for."""
    running.commit(a=server("tiny", "--refuse", "the package 'frobnicate' is missing"))
    until(lambda: running.of().reason, what="its end")
    assert running.of().reason == "the package 'frobnicate' is missing"


def test_a_program_that_is_not_there(running: Rig) -> None:
    """What cannot be executed is told with its name, like every other failure."""
    spec = server()
    running.commit(a=type(spec)(name="tiny", argv=("/nowhere/python",), environ={}))
    until(lambda: running.of().reason, what="its end")
    assert running.of().reason == "exited with 1: cannot start /nowhere/python: No such file or directory"


@pytest.mark.slow
def test_a_hung_server_is_replaced(tmp_path: Path) -> None:
    """A stopped process accepts connections and answers nothing: it is ended and started anew."""
    with rig(tmp_path, hung_s=1.5) as running:
        running.commit(a=server())
        first = running.ready()
        os.kill(first.pid, signal.SIGSTOP)
        second = running.ready(but=first.pid)
        assert second.reason == "it answered nothing for 1.5 s"


@pytest.mark.slow
def test_a_server_that_grows_is_replaced_without_a_gap(running: Rig) -> None:
    """Its successor is ready first; calls in flight at the old one are answered, then it ends."""
    running.commit(a=server(memory_bytes=64 * 2**20))
    first = running.ready()
    calls: list[object] = []
    slow = threading.Thread(target=lambda: calls.append(running.ask("/sleep?s=4")["pid"]))
    running.ask("/take?mb=50")
    slow.start()
    pids = set()
    while not gone(first.pid):
        pids.add(running.ask("/")["pid"])
    slow.join()
    assert calls == [first.pid]
    assert pids == {first.pid, running.ready().pid}
    assert running.of().restarts == 0


@pytest.mark.slow
def test_a_server_far_above_its_limit_is_ended(running: Rig) -> None:
    """What takes twice its limit does not wait for a successor."""
    running.commit(a=server(memory_bytes=32 * 2**20))
    first = running.ready()
    with contextlib.suppress(OSError, http.client.HTTPException):
        running.ask("/take?mb=120")
    second = running.ready(but=first.pid)
    assert second.reason.endswith("allowed are 32 MB")


def test_instances(running: Rig) -> None:
    """As many processes as were asked for, each at a path of its own; fewer later, and the others stay."""
    running.commit(a=server(instances=3))
    pids = [running.ready("tiny", i).pid for i in range(3)]
    assert [running.ask("/", "tiny", i)["pid"] for i in range(3)] == pids
    assert len(set(pids)) == 3
    running.commit(a=server(instances=1))
    until(lambda: gone(pids[1]) and gone(pids[2]), what="the end of two")
    assert running.of().pid == pids[0]


def test_what_a_server_inherits(running: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its own environment and no descriptor of ours: no secret, no listening socket."""
    monkeypatch.setenv("GATEWAY_SECRET", "s3cret")
    kept = os.open("/dev/zero", os.O_RDONLY)
    os.set_inheritable(kept, True)
    running.commit(a=server())
    running.ready()
    assert set(running.ask("/environ")) - {"LC_CTYPE"} == {"PATH", "TMPDIR", descendants.VARIABLE}
    opened = set()
    for one in Path(f"/proc/{running.of().pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the connection of the question before is closed meanwhile
            opened.add(str(one.readlink()))
    assert not opened & {"/dev/zero", str(Path("/proc/self/fd/2").readlink())}
    os.close(kept)
    assert os.getsid(running.of().pid) == running.of().pid


def test_its_lines_are_ours(running: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """A JSON line becomes a record with level and fields, any other line its text; both name route and process."""
    with caplog.at_level(logging.INFO):
        running.commit(a=server())
        running.ready()
        running.ask("/print?text=%7B%22msg%22%3A%22hot%22%2C%22level%22%3A%22warning%22%2C%22degrees%22%3A40%7D")
        running.ask("/print?text=plain")
        found = {}
        until(lambda: found.update({one.getMessage(): one for one in caplog.records}) or "plain" in found, what="it")
    assert (found["hot"].levelno, found["hot"].__dict__["degrees"]) == (logging.WARNING, 40)
    assert found["plain"].__dict__["route"] == "a"
    assert found["plain"].__dict__["server_pid"] == running.of().pid


@pytest.mark.slow
def test_none_is_left_at_the_end(tmp_path: Path) -> None:
    """At the end of the supervisor its servers have ended, also one that is stopped, and its folder is gone."""
    with rig(tmp_path) as running:
        running.commit(a=server(instances=2))
        pids = [running.ready("tiny", i).pid for i in range(2)]
        os.kill(pids[1], signal.SIGSTOP)
        folder = socket_path("tiny", 0).parent
    assert all(map(gone, pids))
    assert not folder.exists()


def test_kill_9_of_the_arbiter_takes_its_servers_with_it(tmp_path: Path) -> None:
    """The kernel ends them, whatever program they are: none becomes an orphan."""
    code = (
        "import sys, time; from pathlib import Path; from process.model_server_rig import rig, server\n"
        "with rig(Path(sys.argv[1])) as running:\n"
        "    running.commit(a=server()); print(running.ready().pid, flush=True); time.sleep(600)"
    )
    tests = Path(__file__).parent.parent
    arbiter = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], cwd=tests, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert arbiter.stdout is not None
    pid = int(arbiter.stdout.readline())
    assert psutil.pid_exists(pid)
    arbiter.kill()
    arbiter.wait()
    until(lambda: gone(pid), what="the end of its server")
