"""
A home of run-time state is its gateway's user's alone: what root wrote there the gateway could not read.

OWASP: API8
"""

import os
import pwd
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from cli.commands import command_of, every_command
from gateway.cli import home_user
from gateway.cli.command import Command
from gateway.cli.doctor import _home
from gateway.cli.file_checks import file_checks
from gateway.cli.main import main
from gateway.errors import GatewayError
from gateway.scoreboard import status
from gateway.scoreboard.status import Status
from gateway.security import key_changes, key_file
from gateway.settings.settings import Settings
from gateway.system import processes
from security.test_keys import NOW

OTHER: Final = pwd.getpwnam("nobody")
#: Commands that write nothing below the home, start the gateway, or end it.
READERS: Final = {"check", "inspect", "serve", "history", "routes", "wait", "stop", "doctor"}
WRITERS: Final = [words for words in every_command() if " ".join(words) not in READERS]
NEEDED: Final = {
    "describe": ["m.stub"],
    "add": ["m.stub", "--route", "/two"],
    "golden": ["m.stub", "--from", "rows.csv"],
    "promote": ["m.stub", "--route", "/m"],
    "key create": ["--scope", "*"],
    "key rotate": ["aaaaaaaa"],
    "key revoke": ["aaaaaaaa"],
}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a home from which a gateway of another user has served."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes:\n  /m: m.stub\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_HOME", str(tmp_path / "home"))
    found = Settings.load()
    for path in (found.home, found.state_dir):
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, OTHER.pw_uid, OTHER.pw_gid)
    return found


@contextmanager
def acting_as_other() -> Iterator[None]:
    """Run a block with the rights of another user."""
    os.seteuid(OTHER.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


@as_root
@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
def test_no_command_writes_into_the_home_of_another_user(
    settings: Settings, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is refused with its own line, given as the user of that gateway; the line works."""
    command = command_of(words)
    assert isinstance(command, Command) and command.writes_home
    typed = [*words, *NEEDED.get(" ".join(words), [])]
    monkeypatch.setattr("sys.argv", ["/bin/true", *typed])
    before = sorted(Path.cwd().rglob("*"))
    assert main(typed) == 1
    assert sorted(Path.cwd().rglob("*")) == before
    error = capsys.readouterr().err
    assert f"is the home of a gateway of {OTHER.pw_name}" in error
    fix = shlex.split(error.partition("  fix: ")[2])
    at = fix.index("/bin/true")
    assert fix[at + 1 :] == typed
    if fix[0] == "runuser":
        assert subprocess.check_output([*fix[:at], "id", "-u"], cwd="/").split() == [b"%d" % OTHER.pw_uid]


def test_commands_that_only_look_are_named() -> None:
    """A new command is either one that writes there, or stands in the list of those that do not."""
    for words in every_command():
        command = command_of(words)
        assert isinstance(command, Command)
        assert command.writes_home == (" ".join(words) not in READERS), words


@as_root
def test_the_user_of_a_running_gateway_counts(settings: Settings) -> None:
    """A container may serve as root from a folder of somebody else: its commands are root's as well."""
    assert home_user.user_of_home(settings) == OTHER.pw_uid
    settings.run_dir.mkdir()
    status.write(settings.status_path, Status(pid=os.getpid(), began=processes.own_start(), phase="serving"))
    assert home_user.user_of_home(settings) == os.geteuid()
    home_user.must_be_own(settings)


@as_root
def test_the_doctor_of_another_user_says_so_and_no_more(settings: Settings) -> None:
    """To root each file of that gateway would look like one of a stranger."""
    (line,) = _home(settings)
    assert (line.mark, OTHER.pw_name in line.text, OTHER.pw_name in line.fix) == ("MISS", True, True)


@as_root
def test_what_root_made_beforehand_is_told_with_the_fix(capsys: pytest.CaptureFixture[str]) -> None:
    """A key that root made in a folder of another user is told to be handed over; start and doctor say how as well."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load({}, {"home": f"{folder}/home", "registry": f"{folder}/registry.yaml"})
        os.chown(folder, OTHER.pw_uid, OTHER.pw_gid)
        assert main(["key", "create", "--scope", "*", "--home", str(settings.home)]) == 0
        told = f"chown -R {OTHER.pw_uid} {settings.home}"
        assert told in capsys.readouterr().err
        with acting_as_other():
            fault = home_user.closed(settings)
            assert fault is not None and (fault.hint or "").endswith(told), fault
            (line,) = _home(settings)
            assert (line.mark, line.fix) == ("MISS", fault.hint)
        subprocess.run(["sh", "-c", told], check=True)
        with acting_as_other():
            assert home_user.closed(settings) is None
            assert key_file.read(settings.keys_path) is not None


@as_root
def test_a_file_of_keys_of_another_user_is_told_with_the_fix() -> None:
    """Also where the system refuses it before its owner is looked at."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101
        path = Path(folder, "keys.yaml")
        key_changes.create(path, ["*"], NOW)
        with acting_as_other(), pytest.raises(GatewayError, match="belongs to user 0") as raised:
            key_file.read(path)
        assert raised.value.hint == f"chown {OTHER.pw_uid} {path}"


@as_root
@pytest.mark.parametrize("name", ["keys.yaml", ".keys.yaml.lock", "cache/artifacts/abc", "state/quotas"])
def test_a_file_of_another_user_is_named(settings: Settings, name: str) -> None:
    """Wherever below the home it lies; the fix gives it back."""
    for path in (settings.home, settings.state_dir):
        os.chown(path, os.geteuid(), os.getegid())
    path = settings.home / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    assert [line.is_well for line in file_checks(settings)] == [True]
    os.chown(path, OTHER.pw_uid, OTHER.pw_gid)
    (line,) = file_checks(settings)
    assert (line.is_well, str(path) in line.text) == (False, True)
    subprocess.run(["sh", "-c", line.fix], check=True)
    assert [line.is_well for line in file_checks(settings)] == [True]
