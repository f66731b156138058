"""Each kind of pushing client, for a second here and for longer in `make soak`: other routes are answered meanwhile."""

import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import serving
from pushers import KINDS, Connect, Pusher
from serving import Gateway

REGISTRY = "version: 1\nroutes:\n  /m: {folder}/m.stub\n  /other: {folder}/m.stub\n"
SHORT = ("blast-404", "tinychunks-csv", "reset")


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve two routes from one worker."""
    folder = tmp_path_factory.mktemp("pushed")
    (folder / "m.stub").write_text('{"inputs": ["a"], "answer": 1.5}')
    with serving.running(folder, cache, REGISTRY.format(folder=folder), workers=1) as server:
        yield server


def endure(server: Gateway, kind: str, connections: int, seconds: float) -> None:
    """Push for so long and ask another route all the while."""
    ends = time.monotonic() + seconds
    connect: Connect = partial(socket.create_connection, ("127.0.0.1", server.port), timeout=20)
    pusher = Pusher(connect, kind, connections)
    pushing = threading.Thread(target=pusher.push, args=(lambda: time.monotonic() < ends,))
    pushing.start()
    workers = server.workers()
    while pushing.is_alive():
        assert server.get("/other", a=1).status == 200
        time.sleep(0.02)
    assert pusher.opened > 0
    assert server.workers() == workers


@pytest.mark.parametrize("kind", SHORT)
def test_others_are_answered_while_clients_push(pushed: Gateway, kind: str) -> None:
    """Two connections of a kind."""
    endure(pushed, kind, 2, 0.5)
    assert not pushed.events("request failed")  # a reset is the client's fault, and no error of the gateway


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_others_are_answered_while_many_clients_push_for_long(pushed: Gateway, kind: str) -> None:
    """Forty connections of each kind."""
    endure(pushed, kind, 40, 20)
