"""
Keys change while the gateway runs, in every worker and without loading a model; a file that breaks opens nothing.

OWASP: API2, API8
"""

import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import serving
from gateway.cli.security_checks import security_checks
from gateway.process.worker import TICK_S
from gateway.security import api_key, key_text
from gateway.settings.settings import Settings
from security.closed import add_key, closed
from serving import ROOT, Connection, Gateway, until

STUB = {"inputs": ["a"], "output": {"kind": "regression"}}
REGISTRY = "version: 1\nroutes:\n  /m: m.stub\n  /n: m.stub\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve two routes to callers with keys; each test makes the keys that it changes."""
    folder = tmp_path_factory.mktemp("closed")
    (folder / "m.stub").write_text(json.dumps(STUB))
    with closed(folder, cache, REGISTRY) as running:
        yield running


def test_commands_send_the_key_of_a_file(server: Gateway, tmp_path: Path) -> None:
    """Without a key a command is refused with a fix; doing what it says serves it."""
    refused = server.command("routes")
    assert (refused.returncode, "[unauthorised]" in refused.stderr) == (1, True)
    told = re.search(r"does: gateway (key create .+?), then GATEWAY_KEY_FILE=ops.key", refused.stderr)
    assert told is not None
    file = tmp_path / "ops.key"
    made = server.command(*shlex.split(told[1].replace("ops.key", str(file))))
    assert (made.returncode, file.stat().st_mode & 0o777) == (0, 0o600)
    assert file.read_text().strip() not in made.stdout + made.stderr
    for command in ("routes", "wait"):
        asked = server.command(command, "--key-file", file, timeout_s=120)
        assert (asked.returncode, "/m" in asked.stdout) == (0, True), asked.stderr
    again = server.command(*shlex.split(told[1].replace("ops.key", str(file))))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    file.chmod(0o644)
    assert f"chmod 600 {file}" in server.command("routes", "--key-file", file).stderr


def test_a_command_that_asks_too_often_is_told_how_to_go_on(server: Gateway, tmp_path: Path) -> None:
    """Beyond `server.limits` a command is refused by name; empty limits beside its key are the way out."""
    file, key = tmp_path / "often.key", add_key(server, "*")
    key_text.write(file, key)
    server.registry.write_text(REGISTRY + "server: {limits: {requests: 1/h}}\n")
    everywhere(lambda: "ratelimit" in server.get("/docs").headers)
    own = {"Authorization": f"Bearer {key}"}
    assert server.get("/routes", own).status == 200
    refused = server.command("routes", "--key-file", file)
    assert (refused.returncode, "[rate-limited]" in refused.stderr) == (1, True), refused.stderr
    assert "`limits: {}` beside its key in keys.yaml" in refused.stderr
    path, id = server.home / "keys.yaml", api_key.parse(key).id
    path.write_text(path.read_text().replace(f'id: "{id}"', f'id: "{id}"\n    limits: {{}}'))
    everywhere(lambda: server.get("/routes", own).status == 200)
    assert server.command("routes", "--key-file", file).returncode == 0
    server.registry.write_text(REGISTRY)
    everywhere(lambda: "ratelimit" not in server.get("/docs").headers)


def everywhere(holds: Callable[[], bool]) -> None:
    """Wait until both workers answer so: eight connections in a row reach both."""
    until(lambda: all(holds() for _ in range(8)), what="the same answer of every worker")


def test_who_waits_without_a_key_is_told_when_it_is_ready(server: Gateway) -> None:
    """`gateway wait` needs no key to say that the gateway serves, and how to see more."""
    waited = server.command("wait", timeout_s=120)
    assert (waited.returncode, "it asks for keys" in waited.stdout) == (0, True)
    assert "/m" not in waited.stdout


def test_a_key_that_may_not_see_or_ask_routes_says_nothing_against_them(server: Gateway, tmp_path: Path) -> None:
    """`gateway wait` fails for a route that does not serve, never for a key that may not ask; a bad key is named."""

    def waits(key: str) -> tuple[int, str]:
        (tmp_path / "key").write_text(key)
        (tmp_path / "key").chmod(0o600)
        done = server.command("wait", "--key-file", tmp_path / "key", timeout_s=120)
        return done.returncode, done.stdout + done.stderr

    code, told = waits(add_key(server, "predict:/m"))
    assert (code, "gateway ready" in told, "not ready" in told) == (0, True, False), told
    code, told = waits(add_key(server, "catalog"))
    assert (code, "may not use the route" in told, "not serve" in told) == (0, True, False), told
    code, told = waits("gw_abc")
    assert (code, "cannot be asked with the key of GATEWAY_KEY_FILE" in told) == (1, True), told


def test_a_file_that_is_gone_is_told(server: Gateway, tmp_path: Path) -> None:
    """Without its file a running gateway goes on asking for keys: nobody is told that there are none."""

    def told() -> list[tuple[bool, bool]]:
        lines = security_checks(Settings.load({}, {"home": str(server.home)}))
        return [(one.is_well, "go on counting" in one.text) for one in lines if one.text.startswith("keys")]

    file = server.home / "keys.yaml"
    file.rename(tmp_path / "kept.yaml")
    try:
        assert told() == [(False, True)]
    finally:
        (tmp_path / "kept.yaml").rename(file)
    assert told() == [(True, False)]


def test_printed_commands_read_the_key_from_a_variable(server: Gateway, tmp_path: Path) -> None:
    """Each curl that `gateway wait` and the catalog print works as it is, and holds no key."""
    file = tmp_path / "key"
    file.write_text(server.key)
    file.chmod(0o600)
    printed = server.command("wait", "--key-file", file, timeout_s=120).stdout
    assert server.key not in printed
    commands = re.findall(r"^curl .*", printed, re.MULTILINE)
    commands += [route["curl"] for route in server.get("/routes").json["routes"]]
    assert len(commands) == 4
    for command in commands:
        assert '"Authorization: Bearer $GATEWAY_KEY"' in command
        environ = {**os.environ, "GATEWAY_KEY": server.key}
        done = subprocess.run(["sh", "-c", f"{command} -sf"], env=environ, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, command
        assert json.loads(done.stdout)


def answers(connections: list[Connection], key: str) -> set[int]:
    """Return what each connection is answered."""
    headers = {"Authorization": f"Bearer {key}"}
    return {connection.request("GET", "/m?a=1", None, headers).status for connection in connections}


def test_changes_count_in_every_worker(server: Gateway) -> None:
    """A key that is made, replaced or revoked by a command counts so in all workers, and no model is loaded for it."""
    assert TICK_S < 1
    before = server.get("/health").json
    connections = [server.connect() for _ in range(8)]
    made = server.command("key", "create", "team", "--scope", "predict:/m")
    first = made.stdout.strip()
    until(lambda: answers(connections, first) == {200}, what="the new key in every worker")
    second = server.command("key", "rotate", first[3:11]).stdout.strip()
    until(lambda: answers(connections, second) == {200}, what="the new secret in every worker")
    assert answers(connections, first) == {200}
    third = server.command("key", "rotate", first[3:11], "--grace", "0s").stdout.strip()
    until(lambda: answers(connections, second) == {401}, what="the end of the secret before")
    assert answers(connections, third) == {200}
    assert server.command("key", "revoke", first[3:11]).returncode == 0
    until(lambda: answers(connections, third) == {401}, what="the revocation in every worker")
    after = server.get("/health").json
    assert after["generation"] == before["generation"]
    assert [route["loads"] for route in after["routes"].values()] == [r["loads"] for r in before["routes"].values()]
    listed = json.loads(server.command("key", "list", "--json").stdout)
    assert [key["state"] for key in listed if key["id"] == first[3:11]] == ["revoked"]
    for connection in connections:
        connection.close()


def test_a_file_that_breaks_changes_nothing(server: Gateway) -> None:
    """Old keys go on, also in a worker that is started meanwhile; /health and the log say why the file does not count."""
    path = server.home / "keys.yaml"
    whole = path.read_bytes()
    path.write_bytes(b"keys: [")
    told = until(lambda: server.get("/health").json.get("keys"), what="the fault in /health")
    assert (told["code"], told["fix"]) == ("keys-file", "mend that line, or restore the file")
    until(lambda: server.events("the file of keys does not count"), what="the fault in the log")
    killed = server.workers()[0]
    os.kill(killed, signal.SIGKILL)
    server.wait()
    until(lambda: killed not in server.workers() and len(server.workers()) == 2, what="another worker")
    connections = [server.connect() for _ in range(8)]
    assert answers(connections, server.key) == {200}
    assert server.command("serve", "--bind", "127.0.0.1:0", "--home", server.home).returncode == 78
    path.unlink()
    until(lambda: "is gone" in str(server.get("/health").json.get("keys")), what="the loss in /health")
    assert server.get("/m", a=1, headers={"Authorization": ""}).status == 401
    path.write_bytes(whole)
    path.chmod(0o600)
    until(lambda: "keys" not in server.get("/health").json, what="the end of the fault")


def test_a_start_with_a_broken_file_is_refused(tmp_path: Path, server: Gateway) -> None:
    """A gateway that would know no key does not start, and says what is wrong; exit code 78."""
    file = tmp_path / "keys.yaml"
    file.write_text("keys: []\n")
    file.chmod(0o640)
    done = server.command("serve", "--keys", file, "--home", tmp_path / "home", "--bind", "127.0.0.1:0")
    assert (done.returncode, f"fix: chmod 600 {file}" in done.stderr) == (78, True)


def test_the_first_key_closes_a_running_gateway(tmp_path: Path, gateway: Callable[..., Gateway]) -> None:
    """Until there is a key everybody is served; from the first one on, whoever has one."""
    (tmp_path / "m.stub").write_text(json.dumps(STUB))
    open_one: Gateway = gateway(f"version: 1\nroutes:\n  /m: {{artifact: {tmp_path}/m.stub}}\n")
    connections = [open_one.connect() for _ in range(8)]
    assert answers(connections, "") == {200}
    open_one.key = add_key(open_one, "*")
    until(lambda: answers(connections, "") == {401}, what="the end of requests without a key")
    assert answers(connections, open_one.key) == {200}
    for connection in connections:
        connection.close()


def test_make_run_with_keys(tmp_path: Path, cache: Path) -> None:
    """Under PM2 it waits for every route with the key of GATEWAY_KEY_FILE, and keeps no key that the shell held."""
    if not (ROOT / "node_modules/.bin/pm2").exists():
        pytest.skip("pm2 is not installed here: make setup")
    server = serving.make(tmp_path, cache, REGISTRY)
    (tmp_path / "m.stub").write_text(json.dumps(STUB))
    server.key, file = add_key(server, "*"), tmp_path / "ops.key"
    key_text.write(file, server.key)
    server.settings |= {"GATEWAY_KEY_FILE": str(file), "GATEWAY_KEY": server.key}
    try:
        up = pm2(server, "up")
        assert (up.returncode, "/m" in up.stdout, server.key in up.stdout) == (0, True, False), up.stderr
        assert '-H "Authorization: Bearer $GATEWAY_KEY"' in up.stdout
        assert "/n" in pm2(server, "status").stdout
        pm2(server, "save")
        held = [path for path in server.home.rglob("*") if path.is_file() and server.key.encode() in path.read_bytes()]
        assert held == []
        assert server.key not in pm2(server, "jlist").stdout
        assert pm2(server, "down").returncode == 0
    finally:
        server.kill()


def pm2(server: Gateway, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run scripts/pm2.sh with the settings of this gateway."""
    return subprocess.run(
        [ROOT / "scripts/pm2.sh", *arguments],
        cwd=ROOT, env=server.environ, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
