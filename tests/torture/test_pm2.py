"""PM2 as a first-class face: lossless restarts, live figures, actions, and a daemon that may die."""

import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from serving import gone, until
from torture import routes
from torture.load import Load
from torture.under_pm2 import Managed, managed


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managed]:
    """Return one gateway under PM2 for all tests of this file."""
    folder = tmp_path_factory.mktemp("pm2")
    with managed(folder / "home", routes.make(folder / "r")) as found:
        yield found


def test_reload_and_restart_lose_no_request(server: Managed, rounds: int) -> None:
    """`pm2 reload` and `pm2 restart` under keep-alive and one-shot clients: nothing is refused, reset or cut."""
    with Load(server.port, routes.REQUESTS) as load:
        for word in ("reload", "restart") * (3 if rounds > 3 else 1):
            time.sleep(0.5)
            before = server.health()["workers"]
            server.pm2(word, "gateway")
            until(lambda: server.health().get("ready_workers") == 2, 60)
            assert not {w["pid"] for w in before} & set(server.workers())
    assert not load.seen.failures


def test_a_killed_arbiter_is_replaced_and_leaves_no_orphan(server: Managed, rounds: int) -> None:
    """After kill -9 of the arbiter no connection is refused; its workers end; PM2 starts one successor, no loop."""
    for _ in range(2 if rounds > 3 else 1):
        old = set(server.workers())
        restarts = server.apps()["gateway"]["pm2_env"]["restart_time"]
        with Load(server.port, routes.REQUESTS) as load:
            time.sleep(0.5)
            os.kill(server.arbiter, signal.SIGKILL)
            until(lambda old=old: server.health().get("ready_workers") == 2 and not old & set(server.workers()), 60)
            time.sleep(0.5)
        assert not [why for _, _, why in load.seen.failures if "Refused" in why]
        assert len(load.seen.failures) <= 8, load.seen.failures
        until(lambda old=old: all(gone(pid) for pid in old), 15, what="the end of the orphans")
        assert server.apps()["gateway"]["pm2_env"]["restart_time"] == restarts + 1


def test_monit_shows_live_figures(server: Managed) -> None:
    """The custom metrics that `pm2 monit` draws are there, live, and count all workers."""
    with Load(server.port, routes.REQUESTS, keep=2, once=0):
        until(lambda: float(server.figures()["Requests"]) > 0, 30, what="traffic in pm2 monit")
    figures = server.figures()
    assert figures["Models ready"] == "3/3"
    assert figures["Workers"] == "2/2"
    assert float(figures["Workers memory"]) > 20
    assert figures["Generation"] == server.health()["generation"]
    assert "req/s" in figures["Busiest 1"]


@pytest.mark.slow
def test_trigger_reloads_and_tells(server: Managed) -> None:
    """`pm2 trigger` actions answer at once: routes, health, reload, rollback."""
    assert "/echo" in server.pm2("trigger", "gateway", "routes")
    assert "serving" in server.pm2("trigger", "gateway", "health")
    before = server.health()
    routes.write(server.registry, server.registry.read_text() + "  /more: number.stub\n")
    server.pm2("trigger", "gateway", "reload")
    after = routes.settled(server, before)
    assert server.get("/more", x=1).status == 200
    server.pm2("trigger", "gateway", "rollback")
    assert routes.settled(server, after)["generation"] == before["generation"]


@pytest.mark.slow
def test_the_gateway_serves_on_when_the_daemon_dies_and_comes_back_clean(server: Managed) -> None:
    """Kill -9 of the PM2 daemon loses no request; `make run` afterwards takes the gateway over without a duplicate."""
    daemon = psutil.Process(server.arbiter).parent()
    assert daemon is not None
    with Load(server.port, routes.REQUESTS) as load:
        time.sleep(0.5)
        daemon.kill()
        time.sleep(2)
        server.pm2("up")
        time.sleep(0.5)
    assert not load.seen.failures
    assert set(server.apps()) == {"gateway", "gateway-socket"}
    assert all(app["pm2_env"]["status"] == "online" for app in server.apps().values())


@pytest.mark.slow
def test_a_reload_of_all_loses_no_request(server: Managed) -> None:
    """`pm2 reload all` ends holder and gateway at once: the sockets wait in one of them, nobody is refused."""
    with Load(server.port, routes.REQUESTS) as load:
        time.sleep(0.5)
        before, holder = server.workers(), server.apps()["gateway-socket"]["pid"]
        server.pm2("reload", "all")
        until(lambda: server.health().get("ready_workers") == 2, 60)
        time.sleep(0.5)
    assert not load.seen.failures
    assert not set(before) & set(server.workers())
    assert server.apps()["gateway-socket"]["pid"] != holder


@pytest.mark.slow
def test_a_killed_holder_comes_back_with_the_same_sockets(server: Managed) -> None:
    """After kill -9 of the holder a restart refuses nobody; with PM2 dead as well, `make run` takes over."""
    daemon = psutil.Process(server.arbiter).parent()
    assert daemon is not None
    with Load(server.port, routes.REQUESTS) as load:
        time.sleep(0.5)
        os.kill(server.apps()["gateway-socket"]["pid"], signal.SIGKILL)
        server.pm2("restart", "gateway")
        until(lambda: server.health().get("ready_workers") == 2, 60)
        os.kill(server.apps()["gateway-socket"]["pid"], signal.SIGKILL)
        daemon.kill()
        server.pm2("up")
        time.sleep(0.5)
    assert not load.seen.failures
    assert all(app["pm2_env"]["status"] == "online" for app in server.apps().values())


@pytest.mark.slow
def test_a_daemon_that_dies_while_it_starts_the_gateway_leaves_no_client(server: Managed) -> None:
    """Nobody goes on waiting for the answer of a PM2 that was killed; the next `make run` takes over."""
    for _ in range(2):
        daemon = psutil.Process(server.arbiter).parent()
        assert daemon is not None
        daemon.kill()
        server.pm2("up")
    daemon = until(lambda: next(iter(server.processes_named("God Daemon")), None), what="PM2")
    daemon.kill()
    until(lambda: not server.processes_named("pm2 start"), 30, what="the end of the clients of a dead PM2")
    server.pm2("up")
    until(lambda: set(server.apps()) == {"gateway", "gateway-socket"}, 30, what="both apps")
