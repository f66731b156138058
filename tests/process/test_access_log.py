"""Access lines: one write for those of a turn, none lost at a stop; each names the address of its client."""

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import serving
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


def test_the_line_names_the_client_that_a_trusted_proxy_names(tmp_path: Path, cache: Path) -> None:
    """Whoever may open the Unix socket is trusted here, a peer over TCP is not: its fields change nothing."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path, cache, REGISTRY.format(folder=tmp_path), workers=1, trusted_proxies="unix")
    path = tmp_path / "s"
    server.settings["GATEWAY_BIND"] = f"127.0.0.1:{server.port},unix:{path}"
    request = (
        b"GET /m?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: %s\r\n"
        b"X-Forwarded-For: 198.51.100.7, 203.0.113.9\r\n\r\n"
    )
    try:
        server.start().wait()
        for family, address in ((socket.AF_INET, ("127.0.0.1", server.port)), (socket.AF_UNIX, str(path))):
            with socket.socket(family) as client:
                client.settimeout(20)
                client.connect(address)
                client.sendall(request % family.name.encode())
                assert client.recv(65536).startswith(b"HTTP/1.1 200")
        server.stop()
    finally:
        server.kill()
    clients = {line["request_id"]: line["client"] for line in server.events("request") if line["route"] == "/m"}
    assert clients == {"AF_INET": "127.0.0.1", "AF_UNIX": "203.0.113.9"}
