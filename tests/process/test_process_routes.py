"""Routes of kind process, from registry.yaml on: what ends or hangs costs no request, and no other route anything."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import serving
from gateway.system import descendants
from serving import Gateway, gone, until
from torture.load import Request
from torture.offered import Offered
from torture.under_pm2 import managed

pytestmark = pytest.mark.slow

DEADLINE_S = 3.0
#: As many as one worker lets wait by default, wherever their connections end up.
CLIENTS = 16
QUICK = "def predict(a: float) -> float:\n    return a + 1\n"
#: Longer than a request waits.
LATE = f"import time\n\ntime.sleep({DEADLINE_S + 1})\n\n{QUICK}"
REGISTRY = f"""version: 1
defaults: {{executor: process, timeout_s: {DEADLINE_S}}}
routes:
  /quick: {{artifact: quick.py}}
  /late: {{artifact: late.py}}
  /here: {{artifact: here.py, executor: local}}
"""


def written(folder: Path) -> str:
    """Write the models beside the registry that is to be there, and return its text."""
    for name, text in (("quick", QUICK), ("late", LATE), ("here", QUICK)):
        (folder / f"{name}.py").write_text(text)
    return REGISTRY


@pytest.fixture
def server(tmp_path: Path, cache: Path) -> Iterator[Gateway]:
    """Serve the three models; their processes are ready."""
    with serving.running(tmp_path, cache, written(tmp_path)) as found:
        yield found


def executor(server: Gateway, name: str) -> dict[str, Any]:
    """Return how the model server of a route is."""
    return dict(server.health()["routes"][f"/{name}"]["executor"])


def servers(server: Gateway) -> set[int]:
    """Return every process of a model server of this gateway."""
    home = descendants.home_of(server.home)
    return {pid for pid, mark in descendants.marked() if mark.home == home and mark.number > 0}


def spared(server: Gateway, name: str) -> set[int]:
    """Wait until the model of a route has a spare process that is ready, and return all of its processes."""

    def found() -> set[int]:
        ready = [one["server_pid"] for one in server.events("model server ready") if one["route"] == name]
        spare = [one["server_pid"] for one in server.events("spare process ready") if one["route"] == name]
        living = {pid for pid in (*ready, *spare) if not gone(pid)}
        return living if len(living) == 2 else set()

    living: set[int] = until(found, 60, what=f"a spare process of /{name}")
    return living


@pytest.mark.parametrize("name", ["quick", "late"])
def test_kill_9_under_load_is_missed_by_nobody(server: Gateway, name: str, figures: Callable[[str], None]) -> None:
    """One instance, a deadline of 3 s, up to 500 requests a second: a spare process takes over at once."""
    spared(server, name)
    with Offered(server.port, Request(f"/{name}?a=1"), seconds=120, clients=CLIENTS, pause_s=0.03) as load:
        for _ in range(3):
            time.sleep(2)
            known = spared(server, name)
            before = executor(server, name)["pids"][0]
            os.kill(before, signal.SIGKILL)
            until(lambda known=known, before=before: executor(server, name)["pids"][:1] == [*known - {before}], 20)
    found = load.outcome
    longest = 1e3 * max(found.accepted)
    figures(f"{name}: {found.goodput:.0f} a second, {found.codes}, longest {longest:.0f} ms, {found.broken} broken")
    assert (set(found.codes), found.broken, found.unsent) == ({200}, 0, 0)
    assert executor(server, name)["restarts"] == 3
    assert {one["reason"] for one in [executor(server, name)]} == {"was ended by SIGKILL"}


def test_a_stopped_process_costs_one_deadline_and_no_other_route(server: Gateway) -> None:
    """SIGSTOP: the call that it has is 504 after its deadline and frees its slot; the other routes go on; SIGCONT."""
    stopped = executor(server, "quick")["pids"][0]
    with Offered(server.port, Request("/here?a=1"), seconds=60, clients=4, pause_s=0.02) as load:
        os.kill(stopped, signal.SIGSTOP)
        began = time.monotonic()
        answers = [server.get("/quick", a=1).status for _ in range(2)]
        took_s = time.monotonic() - began
        os.kill(stopped, signal.SIGCONT)
        until(lambda: server.get("/quick", a=1).status == 200, 30, what="its answer")
    assert answers[0] == 504
    assert set(answers) <= {503, 504}
    assert took_s > DEADLINE_S - 0.1
    assert (set(load.outcome.codes), load.outcome.broken) == ({200}, 0)
    assert executor(server, "quick")["pids"] == [stopped]


def test_unchanged_processes_stay_over_ten_reloads(server: Gateway, figures: Callable[[str], None]) -> None:
    """Another route comes with each of them; a changed file is another process, which is ready before it is asked."""
    known = spared(server, "late")
    quick = executor(server, "quick")["pids"]
    text = server.registry.read_text()
    for number in range(10):
        text += f"  /more{number}: {{artifact: here.py, executor: local}}\n"
        server.registry.write_text(text)
        assert server.command("reload").returncode == 0
        assert server.get(f"/more{number}", a=1).json["prediction"] == 2
    assert executor(server, "quick")["pids"] == quick
    assert spared(server, "late") == known
    memory = {pid: psutil.Process(pid).memory_info().rss / 2**20 for pid in (*known, *quick)}
    figures(f"memory of a process with a function of Python: {', '.join(f'{one:.0f} MB' for one in memory.values())}")
    with Offered(server.port, Request("/quick?a=1"), seconds=60, clients=4, pause_s=0.02) as load:
        (server.registry.parent / "quick.py").write_text(QUICK.replace("+ 1", "+ 2"))
        assert server.command("reload").returncode == 0
        until(lambda: server.get("/quick", a=1).json["prediction"] == 3, 30, what="the new version")
    assert (set(load.outcome.codes), load.outcome.broken) == ({200}, 0)
    assert executor(server, "quick")["pids"] != quick


def test_pm2_takes_over_without_a_gap_and_leaves_no_process(tmp_path: Path) -> None:
    """`pm2 reload`, `pm2 restart` and `make stop` with routes of kind process: no request fails, nothing is left."""
    (tmp_path / "registry.yaml").write_text(written(tmp_path))
    with managed(tmp_path / "home", tmp_path / "registry.yaml") as found:
        until(lambda: len(servers(found)) >= 3, 60, what="the processes")
        seen = servers(found)
        with Offered(found.port, Request("/quick?a=1"), seconds=400, clients=8, pause_s=0.05) as load:
            for word in ("reload", "restart"):
                before, arbiter = servers(found), found.arbiter
                found.pm2(word, "gateway")
                until(lambda arbiter=arbiter: found.arbiter != arbiter and found.health().get("ready_workers") == 2, 90)
                until(lambda before=before: not before & servers(found), 60, what="the end of the former processes")
                seen |= servers(found)
        assert (set(load.outcome.codes), load.outcome.broken) == ({200}, 0), load.outcome.codes
        seen |= servers(found)
    assert all(map(gone, seen))
