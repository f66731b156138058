"""A gateway that cannot start says why in one line and ends with a code that supervisors understand."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import serving
from serving import Gateway


@pytest.fixture
def failing(tmp_path: Path, cache: Path) -> Callable[..., tuple[int, str, Gateway]]:
    """Return a function that serves a registry that cannot be served: exit code, all output, the gateway."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')

    def run(registry: str, **settings: Any) -> tuple[int, str, Gateway]:
        server = serving.make(tmp_path / "g", cache, registry.replace("m.stub", f"{tmp_path}/m.stub"), **settings)
        try:
            done = server.command("serve")
            assert serving.processes_of(server.home) == []
        finally:
            server.kill()
        return done.returncode, done.stdout + done.stderr, server

    return run


def test_broken_registry(failing: Callable[..., tuple[int, str, Gateway]]) -> None:
    """Faults of the registry end it with 78 and are shown in compiler style; `wait` fails with the same."""
    code, told, server = failing("version: 1\nroutes:\n  /m: {artefact: m.stub}\n")
    assert code == 78
    assert "registry.yaml:3:" in told
    assert "did you mean" in told
    assert "Traceback" not in told
    waited = server.command("wait", "--timeout", "30")
    assert waited.returncode == 78
    assert "unknown-key" in waited.stderr


def test_taken_port(failing: Callable[..., tuple[int, str, Gateway]]) -> None:
    """A port that somebody else uses ends the start; it is named, and no process is left."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, told, _ = failing("version: 1\nroutes:\n  /m: m.stub\n", bind=f"127.0.0.1:{port}")
    assert code != 0
    assert str(port) in told
    assert "Traceback" not in told


def test_bad_settings(failing: Callable[..., tuple[int, str, Gateway]]) -> None:
    """All bad settings are told at once, each with what was expected; nothing is started."""
    code, told, _ = failing("version: 1\nroutes:\n  /m: m.stub\n", workers="many", keepalive_s=-1)
    assert code != 0
    assert "GATEWAY_WORKERS='many'" in told
    assert "GATEWAY_KEEPALIVE_S='-1'" in told
    assert "Traceback" not in told


def test_state_that_cannot_be_written(tmp_path: Path, cache: Path) -> None:
    """A start on a full disk, or where something else lies in the place of its state, names the place."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path / "g", cache, f"version: 1\nroutes:\n  /m: {tmp_path}/m.stub\n")
    (server.home / "run").write_text("")
    done = server.command("serve")
    assert done.returncode == 1
    assert f"cannot write {server.home}/run: " in done.stderr
    assert "fix: move it away, or set GATEWAY_HOME" in done.stderr


def test_nobody_to_wait_for(tmp_path: Path, cache: Path) -> None:
    """`gateway wait` without a gateway ends with 1 and says how to start one, or where to look."""
    server = serving.make(tmp_path, cache, "version: 1\nroutes: {}\n")
    done = server.command("wait", "--timeout", "1")
    assert done.returncode == 1
    assert "fix:" in done.stderr


def test_broken_registry_after_it_once_served(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """A gateway that served before starts again on what it committed, although the registry is broken by now."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = gateway(f"version: 1\nroutes:\n  /m: {tmp_path}/m.stub\n", watch="false")
    before = server.get("/health").json["generation"]
    server.stop()
    server.registry.write_text("routes: [")
    (tmp_path / "m.stub").unlink()
    server.start().wait()
    assert server.get("/m", a=4).json == {"prediction": 4.0}
    assert server.get("/health").json["generation"] == before
