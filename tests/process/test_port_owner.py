"""A taken address: the message names who has it, and what it says to do works."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import serving

REGISTRY = "version: 1\nroutes:\n  /m: m.stub\n"


def refused(server: serving.Gateway) -> str:
    """Start a gateway that cannot listen; return what it says."""
    done = server.command("serve")
    assert done.returncode == 78
    assert "[cannot-listen]" in done.stderr
    return done.stderr[done.stderr.index("error: ") :]


def test_a_stranger_is_named_and_can_be_ended(tmp_path: Path, cache: Path) -> None:
    """Process and command of a program that is no gateway; `kill` frees the address, and the other address is free."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path, cache, REGISTRY, workers=1)
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(server.port)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as stranger:
        try:
            serving.until(lambda: _answers(server), what="the stranger")
            said = refused(server)
            assert f"cannot listen on 127.0.0.1:{server.port}: Address already in use" in said
            assert f"process {stranger.pid} listens there" in said and "http.server" in said
            (other,) = re.findall(r"GATEWAY_BIND=127\.0\.0\.1:(\d+)$", said, re.MULTILINE)
            assert int(other) != server.port
            subprocess.run(["sh", "-c", re.findall(r"end it: (kill \d+)", said)[0]], check=True)
        finally:
            stranger.kill()
    serving.until(lambda: not _answers(server), what="its end")
    try:
        server.start().wait()
        assert server.get("/m", a=2).json == {"prediction": 2.0}
        server.stop()
    finally:
        server.kill()


@pytest.mark.slow
def test_another_gateway_is_ended_by_the_command_that_is_named(tmp_path: Path, cache: Path) -> None:
    """The printed `gateway stop` ends the gateway of the other home; afterwards the address is free."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.stub").write_text('{"inputs": ["a"]}')
    first = serving.make(tmp_path / "one", cache, REGISTRY, workers=1)
    second = serving.make(tmp_path / "two", cache, REGISTRY, workers=1)
    second.port = first.port
    try:
        first.start().wait()
        said = refused(second)
        (command,) = re.findall(r"end it: (gateway stop --home [^;]+);", said)
        assert str(first.home) in command
        mine = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        path = f"{serving.COMMAND.parent}:{os.environ['PATH']}"
        subprocess.run(["sh", "-c", command], env={**mine, "PATH": path}, check=True, timeout=60)
        serving.until(lambda: serving.gone(first.pid), what="its end")
        assert not _answers(second)
    finally:
        first.kill()
        second.kill()


@pytest.mark.parametrize(
    ("bind", "told"),
    [("203.0.113.7:8000", "name an address of this machine"), ("unix:/proc/nowhere/s", "GATEWAY_BIND")],
)
def test_an_address_that_cannot_be_had(tmp_path: Path, cache: Path, bind: str, told: str) -> None:
    """An address of another machine, or a socket where no file can lie, is told as that."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path, cache, REGISTRY, workers=1, auth="none")
    server.settings["GATEWAY_BIND"] = bind
    said = refused(server)
    assert bind in said and told in said.partition("fix:")[2]


def _answers(server: serving.Gateway) -> bool:
    try:
        return bool(server.connect(timeout_s=1).request("GET", "/").status)
    except OSError:
        time.sleep(0.05)
        return False
