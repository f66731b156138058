"""
`gateway doctor` names what a running gateway leaves open: addresses, limits, modes, keys, routes that run code, PM2's memory.

OWASP: API8
"""

import json
import re
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import serving
from gateway.cli.diagnosis import Diagnosis
from gateway.cli.security_checks import security_checks
from gateway.security import key_changes
from gateway.settings.settings import Settings

NOW = datetime.now(UTC)


def found(tmp_path: Path, word: str, **settings: str) -> list[Diagnosis]:
    """Return the lines that begin with a word, of a home that nobody serves."""
    loaded = Settings.load({}, {"home": str(tmp_path), "registry": str(tmp_path / "registry.yaml"), **settings})
    return [one for one in security_checks(loaded) if one.text.startswith(word)]


def test_a_running_gateway_is_looked_at_as_it_is(tmp_path: Path, cache: Path) -> None:
    """The addresses of its sockets and the settings that it was started with count, not those of the shell."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path, cache, "version: 1\nroutes:\n  /m: m.stub\n", workers=1, auth="none")
    server.settings["GATEWAY_BIND"] = f"0.0.0.0:{server.port}"
    try:
        server.start().wait()
        (line,) = found(server.home, "doors:", bind="127.0.0.1:1")
        assert f"it listens on 0.0.0.0:{server.port}; other machines reach it" in line.text
        assert (line.mark, "GATEWAY_AUTH=none" in line.text) == ("note", True)
        (files,) = found(server.home, "files of")
        assert files.is_well, files.text
        (server.home / "state").chmod(0o755)
        (files,) = found(server.home, "files of")
        assert (files.is_well, str(server.home / "state") in files.text) == (False, True)
        subprocess.run(["sh", "-c", files.fix], check=True)
        assert [one.is_well for one in found(server.home, "files of")] == [True]
        server.stop()
    finally:
        server.kill()


def test_open_addresses_and_sockets(tmp_path: Path) -> None:
    """An address beyond this machine without keys is a fault, and so is a socket of every user; loopback is well."""
    assert [one.mark for one in found(tmp_path, "doors:", bind="127.0.0.1:1")] == ["ok"]
    assert [one.mark for one in found(tmp_path, "doors:", bind="0.0.0.0:1")] == ["MISS"]
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o777)
        (line,) = found(tmp_path, "socket", bind=f"unix:{path}")
        assert (line.mark, line.fix) == ("MISS", f"chmod 0660 {path}")
        path.chmod(0o660)
        assert found(tmp_path, "socket", bind=f"unix:{path}") == []


@pytest.mark.parametrize(
    ("registry", "told"),
    [
        ("", "no route has any; what is no route: none"),
        (
            "defaults: {limits: {requests: 9/s}}\n",
            "1 of 1 routes limit what one caller may have; what is no route: none",
        ),
        (
            "server: {limits: {requests: 9/min, burst: 3}}\n",
            "no route has any; what is no route: 9 requests a minute, 3 at once",
        ),
    ],
)
def test_limits_of_what_others_reach(tmp_path: Path, registry: str, told: str) -> None:
    """The limits of callers are told; where other machines reach a gateway, those that are missing are a note."""
    path = tmp_path / "registry.yaml"
    path.write_text(f"version: 1\n{registry}routes:\n  /m: {{artifact: m.stub}}\n")
    assert [(one.mark, one.text) for one in found(tmp_path, "limits")] == [("ok", f"limits: {told}")]
    for wide in ({"bind": "0.0.0.0:1"}, {"admin_bind": "0.0.0.0:1"}):
        (line,) = found(tmp_path, "limits", **wide)
        assert (line.mark, line.text) == ("note", f"limits: {told}; and other machines reach it")
        assert line.fix.startswith("in registry.yaml under `")
    path.write_text(path.read_text() + "".join(f"{name}: {{{keys}}}\n" for name, keys in sections(line.fix)))
    (line,) = found(tmp_path, "limits", bind="0.0.0.0:1")
    assert (line.mark, "; and other" in line.text) == ("ok", False), "the fix works"


def sections(fix: str) -> list[tuple[str, str]]:
    """Return the sections of a registry that a fix names, and what it puts under them."""
    return re.findall(r"under `(\w+)`: (limits: \{.*?\})", fix)


def test_keys(tmp_path: Path) -> None:
    """Keys near expiry are named; none that counts is a fault, and so is a file that others may read."""
    assert [one.mark for one in found(tmp_path, "keys")] == ["ok"]
    assert [one.mark for one in found(tmp_path, "keys", auth="keys")] == ["MISS"]
    path = tmp_path / "keys.yaml"
    soon = key_changes.create(path, ["*"], NOW, name="scoring", expires=NOW + timedelta(days=3))
    (line,) = found(tmp_path, "key ")
    assert (line.mark, soon.key.id in line.text, "scoring" in line.text) == ("note", True, True)
    assert "1 near expiry" in found(tmp_path, "keys of")[0].text
    key_changes.revoke(path, soon.key.id, NOW)
    assert [(one.mark, "1 revoked" in one.text) for one in found(tmp_path, "keys of")] == [("MISS", True)]
    path.chmod(0o644)
    (line,) = found(tmp_path, "keys:")
    assert (line.mark, "chmod" in line.fix) == ("MISS", True), line.fix


def test_routes_that_run_code(tmp_path: Path) -> None:
    """Routes whose models may run code are named, without being faults."""
    artifact = f"artifact: m.pkl, sha256: {'0' * 64}, allow_pickle: true"
    (tmp_path / "m.pkl").write_bytes(b"x")
    (tmp_path / "registry.yaml").write_text(f"version: 1\nroutes:\n  /m: {{{artifact}}}\n")
    (line,) = found(tmp_path, "routes with allow_pickle")
    assert (line.mark, "/m" in line.text) == ("note", True)
    assert found(tmp_path, "routes with allow_code") == []


@pytest.mark.parametrize(
    ("name", "value", "is_named"),
    [
        ("MY_API_TOKEN", "abc", True),
        ("aws_secret_access_key", "abc", True),
        ("GATEWAY_MLFLOW_URI", "postgresql://me:hush@db/mlflow", True),
        ("SOMETHING", "gw_abcdefgh_" + "x" * 38, True),
        ("GATEWAY_MLFLOW_URI", "http://127.0.0.1:5000", False),
        ("PATH", "/usr/bin:/bin", False),
        ("MY_API_TOKEN", "", False),
    ],
)
def test_what_pm2_keeps(tmp_path: Path, name: str, value: str, is_named: bool) -> None:
    """Variables in PM2's dump that look like secrets are named, their values never."""
    (tmp_path / "pm2").mkdir()
    (tmp_path / "pm2" / "dump.pm2").write_text(json.dumps([{"name": "gateway", "env": {name: value}}]))
    (line,) = found(tmp_path, "secrets that PM2 keeps")
    assert (line.is_well, line.text.endswith(f": {name}")) == (not is_named, is_named)
    assert not is_named or value not in line.text + line.fix
