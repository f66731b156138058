"""Workers die, are replaced and scaled; only requests in flight in a killed process may fail."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from serving import Gateway, until
from torture import routes
from torture.load import Load

Start = Callable[..., Gateway]


def full(server: Gateway, old: set[int]) -> bool:
    """Say whether two workers serve that are not in `old`."""
    workers = {worker["pid"] for worker in server.health()["workers"] if worker["phase"] == "serving"}
    return len(workers - old) >= 2


def test_a_killed_worker_costs_only_what_it_was_answering(gateway: Start, tmp_path: Path, rounds: int) -> None:
    """After kill -9 of a worker its siblings answer at once, a new one comes, counters stay exact."""
    server = gateway(routes.make(tmp_path / "r"))
    kills = min(rounds, 5)
    clients = 8
    with Load(server.port, routes.REQUESTS) as load:
        for _ in range(kills):
            time.sleep(0.5)
            victim = server.workers()[0]
            os.kill(victim, signal.SIGKILL)
            until(lambda victim=victim: victim not in server.workers() and full(server, {victim}), 30)
    assert len(load.seen.failures) <= kills * clients, load.seen.failures
    cut = ("Reset", "Incomplete", "Broken", "ClosedIdle")  # each a connection that the killed process held
    assert all(any(word in why for word in cut) for _, _, why in load.seen.failures), load.seen.failures
    page = server.get("/metrics").body.decode()
    counted = sum(
        float(line.rsplit(" ", 1)[1])
        for line in page.splitlines()
        if line.startswith("gateway_requests_total") and 'code="200"' in line
    )
    # A killed worker may have counted an answer that never reached its client.
    assert load.seen.answers <= counted <= load.seen.answers + len(load.seen.failures)
    assert server.health()["restarts"] == kills


def test_hup_replaces_every_worker_and_loses_nothing(gateway: Start, tmp_path: Path) -> None:
    """SIGHUP rolls: successors serve before their predecessors drain."""
    server = gateway(routes.make(tmp_path / "r"))
    old = set(server.workers())
    with Load(server.port, routes.REQUESTS) as load:
        time.sleep(0.5)
        os.kill(server.pid, signal.SIGHUP)
        until(lambda: not old & set(server.workers()), 60, what="the roll")
        time.sleep(0.5)
    assert not load.seen.failures
    assert server.health()["restarts"] == 0


@pytest.mark.slow
def test_a_replacement_that_cannot_boot_takes_nobody_with_it(gateway: Start, tmp_path: Path) -> None:
    """With the scoreboard gone no new worker can start: the sibling of a killed one serves on, and the arbiter tries on."""
    server = gateway(routes.make(tmp_path / "r"))
    scoreboard = server.home / "run" / "board"
    kept = scoreboard.rename(scoreboard.with_name("kept"))
    victim = server.workers()[0]
    with Load(server.port, routes.REQUESTS) as load:
        os.kill(victim, signal.SIGKILL)
        time.sleep(3)
        assert server.get("/echo", x=2).status == 200
        kept.rename(scoreboard)
        until(lambda: full(server, {victim}), 30, what="the replacement")
    assert len(load.seen.failures) <= 8, load.seen.failures


@pytest.mark.slow
def test_workers_can_be_added_and_removed_without_loss(gateway: Start, tmp_path: Path) -> None:
    """SIGTTIN and SIGTTOU scale the workers; no request fails."""
    server = gateway(routes.make(tmp_path / "r"))
    with Load(server.port, routes.REQUESTS) as load:
        os.kill(server.pid, signal.SIGTTIN)
        until(lambda: len(server.workers()) == 3, 30)
        os.kill(server.pid, signal.SIGTTOU)
        until(lambda: len(server.workers()) == 2, 30)
    assert not load.seen.failures


@pytest.mark.slow
def test_changed_code_replaces_the_workers(gateway: Start, tmp_path: Path) -> None:
    """An edited .py file is served by fresh processes, so modules beside it cannot be stale; nothing is lost."""
    registry = routes.make(tmp_path / "r")
    server = gateway(registry)
    old = set(server.workers())
    with Load(server.port, routes.REQUESTS[:2]) as load:
        routes.write(registry.parent / "code.py", routes.CODE.replace("    return x\n", "    return x + 1\n", 1))
        until(lambda: server.get("/echo", x=7).body == b'{"prediction":8.0}', 60)
        until(lambda: not old & set(server.workers()), 60, what="the roll")
    assert not load.seen.failures


def test_a_worker_with_a_stuck_predict_is_replaced(gateway: Start, tmp_path: Path) -> None:
    """A call that overruns its deadline answers 504 in time, is counted, and its worker is replaced."""
    extra = "  /stuck: {artifact: code.py:stuck, timeout_s: 0.5}\n"
    server = gateway(routes.make(tmp_path / "r", extra))
    old = set(server.workers())
    with Load(server.port, routes.REQUESTS, keep=2, once=2) as load:
        assert server.get("/stuck", x=9).status == 504
        until(lambda: old - set(server.workers()), 60, what="the replacement")
    assert not load.seen.failures
    assert server.get("/stuck", x=1).status == 200


def test_a_route_that_kills_workers_is_closed(gateway: Start, tmp_path: Path) -> None:
    """After three deaths in its predicts a route answers 503 with the reason; the others serve; a repair opens it."""
    registry = routes.make(tmp_path / "r", "  /boom: code.py:boom\n")
    server = gateway(registry)

    def poke() -> bool:
        try:
            answer = server.get("/boom", x=9)
        except (OSError, EOFError):
            return False
        except Exception as error:  # http.client has many names for a connection that was cut
            assert "closed" in str(error).lower() or "incomplete" in type(error).__name__.lower()
            return False
        return answer.status == 503 and answer.json["type"].endswith("quarantined")

    until(poke, 60, what="the quarantine")
    assert server.health()["restarts"] <= 4
    assert server.get("/echo", x=2).status == 200
    assert server.health()["routes"]["/boom"]["code"] == "quarantined"
    routes.write(registry.parent / "code.py", routes.CODE.replace("os.kill(os.getpid(), 11)", "pass"))
    until(lambda: server.get("/boom", x=9).status == 200, 60, what="the end of the quarantine")


@pytest.mark.slow
def test_a_heavy_worker_is_replaced_before_it_leaves(gateway: Start, tmp_path: Path) -> None:
    """A worker above its memory limit is recycled gracefully, one at a time, and /metrics shows the memory."""
    code = (
        "\nHELD = []\n\n\ndef eat(x: float) -> float:\n    HELD.append(bytearray(b'x' * 150_000_000))\n    return x\n"
    )
    registry = routes.make(tmp_path / "r", "  /eat: eat.py:eat\n")
    (registry.parent / "eat.py").write_text(code)
    server = gateway(registry, worker_memory_mb=400)
    old = set(server.workers())
    with Load(server.port, routes.REQUESTS, keep=2, once=2) as load:
        for _ in range(6):
            server.get("/eat", x=1)
        until(lambda: old - set(server.workers()), 60, what="the recycling")
    assert not load.seen.failures
    assert b"gateway_worker_memory_bytes" in server.get("/metrics").body
