"""
Addresses beyond the machine need keys or an explicit word; operators may have a listener of their own.

OWASP: API5, API8, API9
"""

import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import serving
from gateway.cli.security_checks import security_checks
from gateway.errors import GatewayError
from gateway.process import socket_handover
from gateway.process.exposure import MAKE_A_KEY, must_have_named_keys, must_not_be_open
from gateway.settings.settings import Settings
from security.raw_client import Reply, exchange, replies
from serving import Answer, Connection, Gateway, free_port, until
from torture.under_pm2 import managed

REGISTRY = "version: 1\nroutes:\n  /m: m.stub\n"
MOVED = ("/metrics", "/health", "/routes", "/openapi.json", "/docs")


@pytest.fixture(scope="module")
def two_doors(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[tuple[Gateway, int, Path]]:
    """Serve on one port; operators have another port and a Unix socket. Yield the gateway and the operators' addresses."""
    folder = tmp_path_factory.mktemp("doors")
    (folder / "m.stub").write_text('{"inputs": ["a"]}')
    server, port, unix = serving.make(folder, cache, REGISTRY, workers=1), free_port(), folder / "admin"
    server.settings["GATEWAY_ADMIN_BIND"] = f"127.0.0.1:{port},unix:{unix}"
    try:
        server.start()
        until(lambda: answers(port), serving.START_S, what="readiness")
        yield server, port, unix
        server.stop()
    finally:
        server.kill()


def answers(port: int) -> bool:
    """Say whether a listener answers that the gateway is ready."""
    try:
        return at(port, "/health/ready").status == 200
    except OSError:
        return False


def at(port: int, path: str, method: str = "GET", **headers: str) -> Answer:
    """Ask one listener."""
    connection = Connection(port)
    try:
        return connection.request(method, path, None, {"Connection": "close", **headers})
    finally:
        connection.close()


@pytest.mark.parametrize("path", MOVED)
def test_what_moved_is_not_on_the_public_listener(two_doors: tuple[Gateway, int, Path], path: str) -> None:
    """Each moved path answers there as one that was never there, for every method and spelling; operators have it."""
    server, operators, _ = two_doors
    never = at(server.port, "/nowhere-near")
    for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE"):
        for spelt in (path, f"{path}/", f"{path}?figures", path.replace("e", "%65")):
            found = at(server.port, spelt, method)
            assert found.status == 404, (method, spelt)
            assert "allow" not in found.headers
    assert set(at(server.port, path).json) == set(never.json)
    assert path not in at(server.port, f"{path[:-1]}").json["hint"]
    assert at(operators, path).status == 200
    assert at(operators, path, "POST").status == 405


def test_no_field_and_no_target_opens_the_other_door(two_doors: tuple[Gateway, int, Path]) -> None:
    """The accepting socket alone decides: host, forwarded fields, an absolute target or the port in Host change nothing."""
    server, operators, unix = two_doors
    for host in (f"127.0.0.1:{operators}", "localhost", "admin"):
        for more in (
            "",
            "X-Forwarded-Port: 1\r\nX-Forwarded-Host: admin\r\n",
            f"X-Pad: {'p' * 8000}\r\nY: {'p' * 900}\r\n",
        ):
            for target in ("/metrics", f"http://127.0.0.1:{operators}/metrics"):
                head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n"
                assert first(server.port, head).status == 404
                assert first(unix, head).status == first(operators, head).status == 200


def first(address: int | Path, head: str) -> Reply:
    """Return the answer to a request as it is written."""
    return replies(exchange(address, head.encode()))[0][0]


def test_everything_else_is_on_both(two_doors: tuple[Gateway, int, Path]) -> None:
    """Routes, V2 and readiness answer on both listeners; readiness tells details to operators only."""
    server, operators, _ = two_doors
    for path in ("/m?a=2", "/m/schema", "/v2/models", "/health/live"):
        assert at(server.port, path).body == at(operators, path).body
    assert at(server.port, "/health/ready").json == {"status": "ready"}
    assert "generation" in at(operators, "/health/ready").json
    assert at(server.port, "/", Accept="application/json").status == 404
    assert "routes" in at(operators, "/", Accept="application/json").json


def test_pages_show_what_they_reach(two_doors: tuple[Gateway, int, Path]) -> None:
    """On the public listener no page links to what is not there, nor shows figures; operators see all of it."""
    server, operators, _ = two_doors
    for path in ("/", "/console/m", "/console/m/batch", "/console/m/model", "/console/nobody"):
        public, whole = (at(port, path, Accept="text/html").body.decode() for port in (server.port, operators))
        assert not [moved for moved in MOVED if f'"{moved}' in public], path
        assert '"/metrics"' in whole
    assert "Traffic" not in at(server.port, "/console/m/model", Accept="text/html").body.decode()
    assert at(server.port, "/console", Accept="application/json").json["reload"]["result"] == ""


def test_commands_ask_where_they_are_answered(two_doors: tuple[Gateway, int, Path]) -> None:
    """`gateway wait` and `gateway routes` ask the operators' listener, and each printed command works in a shell."""
    server, operators, _ = two_doors
    waited, listed = server.command("wait"), server.command("routes")
    assert (waited.returncode, listed.returncode) == (0, 0), waited.stderr + listed.stderr
    assert f"http://localhost:{server.port}/m" in waited.stdout
    assert f"curl http://localhost:{operators}/metrics" in waited.stdout
    assert "/m" in listed.stdout


BIND = "127.0.0.1:8000"
RULE: list[tuple[dict[str, str], bool, str]] = [
    ({"bind": BIND}, False, ""),
    ({"bind": "localhost:1,[::1]:2,127.9.9.9:3,unix:/run/s"}, False, ""),
    ({"bind": "0.0.0.0:8000"}, False, "open-to-others"),
    ({"bind": f"{BIND},[::]:8000"}, False, "open-to-others"),
    ({"bind": "192.0.2.1:8000"}, False, "open-to-others"),
    ({"bind": "nowhere.invalid:8000"}, False, "open-to-others"),
    ({"bind": BIND, "admin_bind": "0.0.0.0:9000"}, False, "open-to-others"),
    ({"bind": "0.0.0.0:8000", "auth": "none"}, False, ""),
    ({"bind": "0.0.0.0:8000", "auth": "keys"}, False, ""),
    ({"bind": "0.0.0.0:8000"}, True, ""),
    ({"bind": "0.0.0.0:8000", "auth": "none"}, True, "auth-contradiction"),
    ({"bind": BIND, "auth": "none"}, True, "auth-contradiction"),
]


@pytest.mark.parametrize(("settings", "has_keys", "code"), RULE)
def test_who_may_be_open(settings: dict[str, str], has_keys: bool, code: str, tmp_path: Path) -> None:
    """An address beyond this machine needs keys or the word that everybody may ask; an unknown name counts as beyond."""
    if has_keys:
        (tmp_path / "keys.yaml").write_text("keys: []\n")
        (tmp_path / "keys.yaml").chmod(0o600)
    loaded = Settings.load({"GATEWAY_HOME": str(tmp_path)}, settings)
    if code:
        with pytest.raises(GatewayError) as caught:
            must_not_be_open(loaded)
        assert caught.value.code == code
    else:
        must_not_be_open(loaded)


def test_a_start_is_refused_and_the_fix_works(tmp_path: Path, cache: Path) -> None:
    """Exit code 78 with the fix before anything is prepared; as the fix says, it starts, and a reload is held to it."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path, cache, REGISTRY, workers=1)
    server.settings["GATEWAY_BIND"] = f"0.0.0.0:{server.port}"
    refused = server.command("serve")
    assert (refused.returncode, "GATEWAY_AUTH=none" in refused.stderr) == (78, True), refused.stderr
    assert not (server.home / "state" / "committed.json").exists()
    server.settings["GATEWAY_AUTH"] = "none"
    waiting = subprocess.Popen(
        [serving.COMMAND, "wait", "--starting"], env=server.environ, stdout=subprocess.PIPE, text=True
    )
    try:
        # As `make run` after the repair: the failure of before stands there until the new process says otherwise.
        time.sleep(2.5)
        server.start().wait()
        assert ("gateway ready" in waiting.communicate(timeout=60)[0], waiting.returncode) == (True, 0)
        assert server.get("/m", a=2).json == {"prediction": 2.0}
        (server.home / "keys.yaml").write_text("keys: []\n")
        (server.home / "keys.yaml").chmod(0o600)
        reloaded = server.command("reload")
        assert reloaded.returncode != 0
        assert "GATEWAY_AUTH" in reloaded.stderr + reloaded.stdout
        assert server.get("/m", a=2).json == {"prediction": 2.0}
        server.stop()
    finally:
        waiting.kill()
        server.kill()


def test_whoever_waits_is_told_the_fix(tmp_path: Path, cache: Path) -> None:
    """`gateway wait` (`make run`) repeats why the start was refused, and what to do about it."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path, cache, REGISTRY, workers=1)
    server.settings["GATEWAY_BIND"] = f"0.0.0.0:{server.port}"
    assert server.command("serve").returncode == 78
    waited = server.command("wait", "--timeout", "1")
    assert (waited.returncode, f"fix: make a key: {MAKE_A_KEY}; or" in waited.stderr) == (78, True), waited.stderr


def test_a_named_file_of_keys_that_is_not_there_opens_nothing(tmp_path: Path, cache: Path) -> None:
    """A name that is misspelt, or a volume that is not mounted, is no wish to serve everybody."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path, cache, REGISTRY, workers=1, keys=str(tmp_path / "keys" / "k.yaml"))
    refused = server.command("serve")
    assert (refused.returncode, f"make a key: {MAKE_A_KEY}; or" in refused.stderr) == (78, True), refused.stderr
    named = Settings.load(server.settings)
    assert any("there is no such file" in told.text and not told.is_well for told in security_checks(named))
    for more in ({"GATEWAY_KEYS": ""}, {"GATEWAY_AUTH": "none"}, {"GATEWAY_AUTH": "keys"}):
        must_have_named_keys(Settings.load(server.settings | more))
    assert server.command(*shlex.split(MAKE_A_KEY)[1:]).returncode == 0
    must_have_named_keys(named)


def test_a_contradiction_is_refused_until_one_side_goes(tmp_path: Path, cache: Path) -> None:
    """Keys beside GATEWAY_AUTH=none are a fault of the start; without the file it starts."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path, cache, REGISTRY, workers=1, auth="none")
    (server.home / "keys.yaml").write_text("keys: []\n")
    (server.home / "keys.yaml").chmod(0o600)
    refused = server.command("serve")
    assert (refused.returncode, "auth-contradiction" in refused.stderr) == (78, True), refused.stderr
    (server.home / "keys.yaml").rename(tmp_path / "elsewhere.yaml")
    try:
        server.start().wait()
        server.stop()
    finally:
        server.kill()


def test_operators_need_an_address_of_their_own(tmp_path: Path, cache: Path) -> None:
    """One address cannot be both doors, however it is written."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path, cache, REGISTRY, workers=1)
    server.settings["GATEWAY_ADMIN_BIND"] = f"localhost:{server.port}"
    refused = server.command("serve")
    assert (refused.returncode, "an address of their own" in refused.stderr) == (78, True), refused.stderr


def holding(holder: Path, *addresses: str) -> "subprocess.Popen[bytes]":
    """Start a socket holder."""
    python = serving.COMMAND.with_name("python")
    return subprocess.Popen([python, "-m", "gateway.process.socket_holder", holder, *addresses], cwd=serving.ROOT)


@pytest.mark.slow
def test_addresses_of_sockets_of_a_holder_count(tmp_path: Path, cache: Path) -> None:
    """A holder that listens beyond this machine opens nothing, whatever GATEWAY_BIND says, and has to hold both doors."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server, holder, admin = serving.make(tmp_path, cache, REGISTRY, workers=1), tmp_path / "h", free_port()
    process = holding(holder, f"0.0.0.0:{server.port}")
    try:
        server.settings["GATEWAY_HOLDER_SOCKET"] = str(holder)
        refused = server.command("serve")
        assert (refused.returncode, "open-to-others" in refused.stderr) == (78, True), refused.stderr
        server.settings |= {"GATEWAY_AUTH": "none", "GATEWAY_ADMIN_BIND": f"127.0.0.1:{admin}"}
        refused = server.command("serve")
        assert (refused.returncode, "GATEWAY_ADMIN_BIND" in refused.stderr) == (78, True), refused.stderr
        process.terminate()
        process.wait(20)
        # In any order: doors are known by their addresses.
        process = holding(holder, f"127.0.0.1:{admin}", f"0.0.0.0:{server.port}")
        server.start()
        until(lambda: answers(admin), serving.START_S, what="readiness")
        assert [at(port, "/metrics").status for port in (server.port, admin)] == [404, 200]
        process.kill()
        process.wait(20)
        process = holding(holder, f"127.0.0.1:{admin}", f"0.0.0.0:{server.port}")
        until(lambda: socket_handover.answers(holder), what="the next holder, which gets the sockets back")
        server.stop()
    finally:
        process.terminate()
        process.wait(20)
        server.kill()


@pytest.mark.slow
def test_two_doors_under_pm2(tmp_path: Path) -> None:
    """`make run` waits at the operators' door, the holder holds both, and PM2's figures need neither."""
    (tmp_path / "home").mkdir()
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    (tmp_path / "registry.yaml").write_text(REGISTRY)
    admin = free_port()
    settings = {"workers": 1, "admin_bind": f"127.0.0.1:{admin}"}
    with managed(tmp_path / "home", tmp_path / "registry.yaml", **settings) as server:
        for _ in range(2):
            assert [at(port, "/metrics").status for port in (server.port, admin)] == [404, 200]
            assert server.figures()["Workers"] == "1/1"
            server.pm2("reload", "gateway")
        assert "/m" in server.pm2("status")
