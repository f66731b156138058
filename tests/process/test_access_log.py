"""The access lines of one turn are one write: none is lost at a stop, and only those of a turn at a kill."""

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from serving import Gateway, gone, until

CLIENTS, EACH = 8, 40
REGISTRY = "version: 1\nroutes:\n  /m: {folder}/m.stub\n"


def ask(port: int, name: str) -> None:
    """Ask from several connections at once, and wait for every answer."""
    clients = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(CLIENTS)]
    for number in range(EACH):
        for place, client in enumerate(clients):
            client.sendall(
                b"GET /health/live HTTP/1.1\r\nX-Request-ID: %s-%d-%d\r\n\r\n" % (name.encode(), place, number)
            )
        for client in clients:
            found = b""
            while b"live" not in found:
                found += client.recv(65536)
    for client in clients:
        client.close()


def written(gateway: Gateway, name: str) -> list[tuple[int, int]]:
    """Return client and number of each access line, in the order of the log; every line of it is whole."""
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    ids = [line["request_id"].split("-") for line in lines if line.get("request_id", "").startswith(name + "-")]
    return [(int(place), int(number)) for _, place, number in ids]


def test_no_access_line_is_lost(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """A killed worker loses at most the lines of its last turn, a stopped one none; each client's are in order."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = gateway(REGISTRY.format(folder=tmp_path), workers=1)
    (worker,) = server.workers()
    ask(server.port, "killed")
    os.kill(worker, signal.SIGKILL)
    until(lambda: gone(worker) and server.workers() not in ([], [worker]), what="a new worker")
    server.wait()
    ask(server.port, "stopped")
    server.stop()
    killed, stopped = written(server, "killed"), written(server, "stopped")
    assert len(killed) >= CLIENTS * EACH - CLIENTS
    assert len(stopped) == CLIENTS * EACH
    for found in (killed, stopped):
        for client in range(CLIENTS):
            numbers = [number for place, number in found if place == client]
            assert numbers == sorted(set(numbers))
