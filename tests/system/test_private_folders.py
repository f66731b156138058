"""What the gateway writes, and what PM2 runs from, is nobody else's to read or to change."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import serving
from gateway.process.pm2.home import pm2_home
from gateway.system import private_folders
from serving import Gateway


def mode(path: Path) -> int:
    """Return the permissions of a path."""
    return path.stat().st_mode & 0o777


def test_a_home_is_private(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """A home that others could read is not any more, and no file below it is."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = gateway(f"version: 1\nroutes:\n  /m: {tmp_path}/m.stub\n")
    assert mode(server.home) == 0o700
    made = [path for name in ("run", "state") for path in (server.home / name).rglob("*")]
    assert made
    assert [path for path in made if mode(path) & 0o077] == []
    assert private_folders.fault_of(server.home) == ""
    server.home.chmod(0o755)
    assert "mode 0755" in private_folders.fault_of(server.home)


def test_nobody_else_enters_the_folder_of_sockets(tmp_path: Path, cache: Path) -> None:
    """A start closes the folder of sockets, also where a group may read the home."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = serving.make(tmp_path, cache, "version: 1\nroutes:\n  /m: m.stub\n", workers=1)
    (server.home / "run").mkdir()
    for folder in (server.home, server.home / "run"):
        folder.chmod(0o750)
    try:
        server.start().wait()
        assert (mode(server.home), mode(server.home / "run")) == (0o750, 0o700)
        server.stop()
    finally:
        server.kill()


def test_a_group_that_was_given_access_keeps_it(tmp_path: Path) -> None:
    """A home that its owner opened to a group to read stays so; what others may read or change does not."""
    for before, after in ((0o750, 0o750), (0o755, 0o700), (0o770, 0o700), (0o707, 0o700)):
        tmp_path.chmod(before)
        assert private_folders.make_private(tmp_path) == ""
        assert mode(tmp_path) == after


def test_a_deep_home_gets_a_private_folder_that_is_not_foreseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where sockets' paths would be too long, PM2's home is a new private folder, the same one at every call."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    home = tmp_path / ("deep" * 25)
    found = pm2_home(home)
    assert found == pm2_home(home)
    assert len(os.fsencode(found)) <= 85 or found.parent == Path("/tmp")
    assert mode(found) == 0o700
    other = pm2_home(tmp_path / ("hole" * 25))
    assert other != found
    found.chmod(0o777)
    again = pm2_home(home)
    assert again != found, "somebody may have put something there"
    for folder in (found, other, again):
        folder.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """PM2 is not started from a folder that another user owns: the reason and the fix are told, exit code 78."""
    (tmp_path / "pm2").mkdir()
    os.chown(tmp_path / "pm2", 65534, 65534)
    done = subprocess.run(
        [sys.executable, "-m", "gateway.process.pm2.home", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert "belongs to user 65534" in done.stderr
    assert "fix:" in done.stderr
