"""
Each address is judged when a connection is about to be opened: its name is looked up once, and no redirect is followed.

Metadata services of clouds are never asked, and with `server.egress_allow` nothing is that it does not hold.

OWASP: API7, API10
"""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from executors.v2_server import V2Server
from gateway.artifacts.remote import Remote
from gateway.errors import NotReadyError, RegistryError
from gateway.executors.upstream_client import client_of
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.references.resolving import resolve
from gateway.references.store_access import StoreAccess
from gateway.registry.load import load_registry
from gateway.system.egress import Egress, rule_of
from serving import free_port


class Listener:
    """Count the connections that reach a port of this machine."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.reached = 0
        self._socket = socket.create_server((host, 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self.reached += 1
            client.close()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


@pytest.fixture
def inside() -> Iterator[Listener]:
    """Return a server that nobody may reach, and demand that nobody did."""
    listener = Listener()
    yield listener
    # A connection that was made is in the queue of the socket by now: connecting to loopback takes no time.
    with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as last:
        last.recv(1)
    assert listener.reached == 1
    listener.close()


def ask(url: str, *allowed: str) -> str:
    """Return why a model server is not asked."""
    client = client_of(Remote(kind="upstream", model="m", urls=(url,), egress=allowed))
    with pytest.raises(NotReadyError) as error:
        client.metadata(time.monotonic() + 2)
    return error.value.message


def _store(place: str) -> tuple[socket.socket, int]:
    """Return a server that sends whoever asks for `/elsewhere` to another place."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with client:
                asked = client.recv(65_536)
                status = f"302 Found\r\nLocation: {place}" if b"/elsewhere" in asked else "200 OK"
                client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    threading.Thread(target=serve, daemon=True).start()
    return listening, listening.getsockname()[1]


def registry_of(folder: Path, url: str, allowed: str = "") -> Path:
    """Write a registry with one route to a model server."""
    path = folder / "registry.yaml"
    server = f"server: {{egress_allow: {allowed}}}\n" if allowed else ""
    path.write_text(f"version: 1\n{server}routes:\n  /m: {{executor: {{kind: upstream, url: {json.dumps(url)}}}}}\n")
    return path


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]",
        "http://[::ffff:a9fe:a9fe]:80",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://[64:ff9b:1::a9fe:a9fe]",
        "http://[::ffff:0:169.254.169.254]",
        "http://[::169.254.169.254]",
        "http://192.0.0.192",
        "http://[fd00:ec2::23]",
        "http://[fd20:ce::254]",
        "http://[fd00:42::42]",
        "http://[2002:a9fe:a9fe::1]",
        "http://[fe80::1]",
        "http://[fd00:ec2::254]",
        "http://100.100.100.200",
        "http://168.63.129.16",
        "http://0.0.0.0:8000",
        "http://[::]:8000",
        "http://224.0.0.1",
        "file:///etc/hostname",
        "gopher://127.0.0.1:6379/_INFO",
        "ftp://127.0.0.1/x",
        "http://user:secret@127.0.0.1",
        "http://127.0.0.1:8000/v2?x=http://169.254.169.254",
        "//169.254.169.254",
    ],
)
def test_no_registry_names_what_is_never_a_model_server(tmp_path: Path, url: str) -> None:
    """Metadata services in every spelling, other schemes and passwords are faults of the registry."""
    path = registry_of(tmp_path, url)
    if url.startswith("//"):  # the path of a Unix socket, which is not there
        assert "No such file" in ask(url)
        return
    with pytest.raises(RegistryError) as error:
        load_registry(path)
    assert "executor-url" in error.value.text


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.16689662", "169.254.43518"])
def test_other_spellings_of_an_address_are_looked_up_first(host: str) -> None:
    """What the system's resolver makes of a host is judged, not how it is written."""
    assert "metadata" in ask(f"http://{host}")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", "10.0.0.0/8"),
        ("localhost", "10.0.0.0/8"),
        ("localhost", "*.models.internal"),
        ("127.0.0.1", "triton"),
        ("127.0.0.1", "127.0.0.1:1"),
        ("[::ffff:127.0.0.1]", "10.0.0.0/8"),
        ("2130706433", "10.0.0.0/8"),
    ],
)
def test_nothing_outside_of_the_list_is_reached(inside: Listener, host: str, allowed: str) -> None:
    """With `egress_allow`, no packet leaves for another place."""
    assert "egress_allow" in ask(f"http://{host}:{inside.port}", allowed)


def test_what_the_list_holds_is_asked() -> None:
    """By name, address, network, port, and as a Unix socket."""
    server = V2Server(free_port())
    port = server.address.rpartition(":")[2]
    for allowed in (f"127.0.0.1:{port}", "127.0.0.0/8", "localhost"):
        host = "localhost" if allowed == "localhost" else "127.0.0.1"
        remote = Remote(kind="upstream", model="m", urls=(f"http://{host}:{port}",), egress=("10.0.0.0/8", allowed))
        assert client_of(remote).metadata(time.monotonic() + 10)
    server.close()


def test_a_unix_socket_of_another_service_is_not_asked(tmp_path: Path) -> None:
    """The socket of a container engine is no model server, also behind a link that lies where sockets may."""
    (tmp_path / "allowed").mkdir()
    path = tmp_path / "engine.sock"
    (tmp_path / "allowed" / "model.sock").symlink_to(path)
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(path))
        engine.listen()
        engine.settimeout(0.2)
        for url in (str(path), str(tmp_path / "allowed" / "model.sock"), f"{tmp_path}/allowed/../engine.sock"):
            assert "egress_allow" in ask(url, f"{tmp_path}/allowed/")
        with pytest.raises(TimeoutError):
            engine.accept()


def test_a_name_that_changes_its_address_gains_nothing(inside: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: the name is looked up once, and what was judged is what is connected to."""
    looked_up: list[str] = []

    def answers(host: str, port: int, *arguments: Any, **keywords: Any) -> list[Any]:
        looked_up.append(host)
        address = "127.0.0.1" if len(looked_up) > 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    allowed = ("127.0.0.2/32",)
    client = client_of(
        Remote(kind="upstream", model="m", urls=(f"http://models.example:{inside.port}",), egress=allowed)
    )
    with pytest.raises(NotReadyError) as error:  # nobody listens at the first address
        client.metadata(time.monotonic() + 2)
    assert looked_up == ["models.example"]
    assert "refused" in error.value.message
    assert "egress_allow" in ask(f"http://models.example:{inside.port}", *allowed)


def test_a_redirect_is_not_followed(inside: Listener) -> None:
    """A model server that sends its client elsewhere has no model."""
    listening, port = _store(f"http://127.0.0.1:{inside.port}/v2/models/m")
    assert "302" in ask(f"http://127.0.0.1:{port}/elsewhere")
    listening.close()


@pytest.mark.parametrize(
    ("entry", "part"),
    [("http://a", "URL"), ("10.0.0.0/99", "network"), ("a:99999", "no port"), ("a b", "no host"), ("1.2.3", "network")],
)
def test_entries_that_are_none(entry: str, part: str) -> None:
    """An entry that holds nothing says so, rather than to hold too little."""
    with pytest.raises(ValueError, match=part):
        rule_of(entry)


def test_which_places_an_entry_holds() -> None:
    """A name holds itself, a star what lies below, a network its addresses, and a port only itself."""
    egress = Egress(["triton:8000", "*.models.internal", "10.0.0.0/8", "[fd00::1]:9000"])
    assert egress.refusal_of_name("TRITON.", 8000) is None
    assert egress.refusal_of_address("triton", "192.0.2.1", 8000) is None
    assert egress.refusal_of_address("a.models.internal", "192.0.2.1", 1) is None
    assert egress.refusal_of_address("anything", "10.2.3.4", 1) is None
    assert egress.refusal_of_address("x", "fd00::1", 9000) is None
    for host, address, port in (
        ("triton", "192.0.2.1", 8001),
        ("models.internal", "192.0.2.1", 1),
        ("evilmodels.internal", "192.0.2.1", 1),
        ("x", "fd00::1", 9001),
        ("triton", "169.254.169.254", 8000),
    ):
        assert egress.refusal_of_address(host, address, port) is not None


#: Asks as MLflow's client does, under the guard of the process that reads a store; prints the outcome of each try.
GUARDED = """
import json, socket, sys, urllib.request
from gateway.errors import GatewayError
from gateway.references.egress_guard import EgressGuard
port, inside = int(sys.argv[1]), int(sys.argv[2])
guard = EgressGuard([f"127.0.0.1:{port}", "169.254.10.10"])
guard.stand()
def outcome(act):
    try:
        return str(act())
    except GatewayError as error:
        return error.code
    except OSError as error:
        return type(error).__name__
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def get(url):
    return opener.open(url, timeout=5).status
def connect(host):
    with socket.socket() as made:
        made.settimeout(2)
        made.connect((host, inside))
print(json.dumps([
    outcome(lambda: get(f"http://127.0.0.1:{port}/model")),
    outcome(lambda: get(f"http://127.0.0.1:{port}/elsewhere")),
    outcome(lambda: get(f"http://localhost:{inside}/")),
    outcome(lambda: connect("127.0.0.1")),
    outcome(lambda: connect("localhost")),
    outcome(lambda: get("http://169.254.169.254/latest/meta-data")),
]))
"""


def test_a_store_sends_nobody_elsewhere(inside: Listener) -> None:
    """What a store redirects to, names or leads to is judged when the process that reads it opens a connection."""
    listening, port = _store(f"http://127.0.0.1:{inside.port}/")
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, str(port), str(inside.port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    listening.close()
    assert json.loads(done.stdout) == ["200", *["egress-refused"] * 5]


@pytest.mark.parametrize("allowed", ["[mlflow.internal]", pytest.param("[10.0.0.0/8]", marks=pytest.mark.slow)])
def test_a_store_outside_of_the_list_is_not_asked(inside: Listener, tmp_path: Path, allowed: str) -> None:
    """The address of the store itself is held to the list, too."""
    pytest.importorskip("mlflow", reason="mlflow is not installed here (mlflow)")
    path = tmp_path / "registry.yaml"
    path.write_text(
        f"version: 1\nserver: {{egress_allow: {allowed}}}\nroutes:\n  /m: mlflow:models:/m@champion\n", encoding="utf-8"
    )
    access = StoreAccess(uri=f"http://127.0.0.1:{inside.port}")
    found = resolve(
        load_registry(path), None, access, cache_dir=tmp_path / "cache", limits=PrepareLimits(), ask="all"
    ).registry.routes[0]
    assert found.resolved is not None
    assert found.resolved.problem is not None
    assert found.resolved.problem.code == "egress-refused"
