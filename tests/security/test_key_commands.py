"""
Commands that make and change keys repair what a person got wrong, with a line that works when it is pasted.

OWASP: API2
"""

import os
import re
import resource
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.errors import GatewayError
from gateway.process.exposure import MAKE_A_KEY, must_not_be_open
from gateway.security import key_file
from gateway.settings.settings import Settings
from serving import ROOT

REGISTRY = "version: 1\nroutes:\n  /loan: m.stub\n"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of keys of a home in which commands run."""
    (tmp_path / "registry.yaml").write_text(REGISTRY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "keys.yaml"


def scopes_of(path: Path) -> list[str]:
    """Return the scopes of the key that was made last."""
    content = key_file.read(path)
    assert content is not None
    return list(content.keys[-1].scopes)


def fix_of(text: str) -> str:
    """Return the fix of an error."""
    found = re.search(r"^  fix: (.+)$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("predict:loan", ["predict:/loan"]),
        ("/loan", ["predict:/loan"]),
        ("predict", ["predict:*"]),
        ("Catalog", ["catalog"]),
        ("metric", ["metrics"]),
        ("catalog,metrics", ["catalog", "metrics"]),
        ("predict:* catalog", ["predict:*", "catalog"]),
        ("", ["predict:*"]),
    ],
)
def test_a_fix_of_a_scope_works(keys: Path, typed: str, meant: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is no scope is refused with the options that were meant; nothing is made before."""
    assert main(["key", "create", "x", "--scope", typed]) == 1
    assert not keys.exists()
    assert main(["key", "create", "x", *shlex.split(fix_of(capsys.readouterr().err))]) == 0
    assert scopes_of(keys) == meant


def test_several_scopes_in_one_are_told(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path may hold a comma: it is a scope, and the warning says what was more likely meant."""
    assert main(["key", "create", "x", "--scope", "predict:/loan,catalog"]) == 0
    assert "give each scope a --scope of its own" in capsys.readouterr().err
    assert scopes_of(keys) == ["predict:/loan,catalog"]


@pytest.mark.parametrize("begins", [[], ["--not-before", "2099-01-01"]])
def test_a_fix_of_a_time_works(keys: Path, begins: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A key that would never count is refused with a moment that is late enough."""
    line = ["key", "create", "x", "--scope", "catalog", *begins]
    assert main([*line, "--expires", "0"]) == 1
    later = re.search(r"--expires \S+", fix_of(capsys.readouterr().err))
    assert later is not None
    assert main([*line, *later[0].split()]) == 0


def test_a_name_has_bounds(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name stands in one line of a list: 100 characters."""
    assert main(["key", "create", "x" * 101, "--scope", "catalog"]) == 1
    assert "more than 100 characters" in capsys.readouterr().err
    assert main(["key", "create", "x" * 100, "--scope", "catalog"]) == 0


def test_a_folder_is_no_file_for_a_key(keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fix names a file in it, and that one is written."""
    folder = tmp_path / "own"
    folder.mkdir()
    line = ["key", "create", "x", "--scope", "catalog", "--out"]
    assert main([*line, str(folder)]) == 1
    file = fix_of(capsys.readouterr().err).removeprefix("name a file in it: ")
    assert main([*line, file]) == 0
    assert Path(file).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("bind", "admin_bind", "local"),
    [
        ("0.0.0.0:81", "", "GATEWAY_BIND=127.0.0.1:81"),
        ("127.0.0.1:80,0.0.0.0:81,[::]:81", "", "GATEWAY_BIND=127.0.0.1:80,127.0.0.1:81"),
        ("127.0.0.1:80", "0.0.0.0:81", "GATEWAY_ADMIN_BIND=127.0.0.1:81"),
        ("0.0.0.0:80", "0.0.0.0:81", "GATEWAY_BIND=127.0.0.1:80 GATEWAY_ADMIN_BIND=127.0.0.1:81"),
    ],
)
def test_each_fix_of_an_open_address_works(keys: Path, bind: str, admin_bind: str, local: str) -> None:
    """The settings that the fix names listen here only; the key that it makes lets the open address be."""
    given = {"GATEWAY_BIND": bind, "GATEWAY_HOME": str(keys.parent)}
    given |= {"GATEWAY_ADMIN_BIND": admin_bind} if admin_bind else {}
    with pytest.raises(GatewayError) as caught:
        must_not_be_open(Settings.load(given))
    assert f"on this machine only: {local};" in str(caught.value.hint)
    must_not_be_open(Settings.load(given | dict(one.split("=") for one in local.split())))
    assert MAKE_A_KEY in str(caught.value.hint)
    assert main(shlex.split(MAKE_A_KEY)[1:]) == 0
    must_not_be_open(Settings.load(given))


def test_a_key_beside_an_open_gateway_is_told_not_to_count(
    keys: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With GATEWAY_AUTH=none nobody is refused: the command does not say otherwise."""
    monkeypatch.setenv("GATEWAY_AUTH", "none")
    assert main(["key", "create", "x", "--scope", "catalog"]) == 0
    told = capsys.readouterr().err
    assert ("without GATEWAY_AUTH=none" in told, "are refused" in told) == (True, False)


def test_secrets_are_left_out_of_commits_and_images() -> None:
    """Each file of a secret that documents and fixes name is ignored by Git, and by a build of a container."""
    texts = [
        ROOT / "README.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("scripts/monitoring/*"),
        *ROOT.glob("gateway/cli/*.py"),
    ]
    found = re.compile(r"(?:--out |KEY_FILE=|_file: |token: |headers_from: )([\w./~-]+\.key|secrets/[\w.]+)")
    named = {name for path in texts if path.is_file() for name in found.findall(path.read_text(encoding="utf-8"))}
    assert {"ops.key", "scripts/monitoring/gateway.key", "secrets/ray.token"} <= named
    for file in (".gitignore", ".dockerignore"):
        ignored = {line.removeprefix("**/") for line in (ROOT / file).read_text(encoding="utf-8").splitlines()}
        assert {"*.key", "secrets/"} <= ignored
        assert any(line.startswith(".gateway") for line in ignored)
    assert not [name for name in named if not name.endswith(".key") and not name.startswith("secrets/")]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file become larger in a block, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [10, 100], ids=["the key", "the file of keys"])
def test_a_key_that_could_not_be_made_leaves_no_file(
    keys: Path, tmp_path: Path, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file of a key that is known nowhere would look like one that counts, and be in the way of the next try."""
    line = ["key", "create", "--scope", "*", "--out", str(tmp_path / "ops.key")]
    with largest_file(size):
        assert main(line) != 0
    assert "cannot be written: File too large" in capsys.readouterr().err
    assert not (tmp_path / "ops.key").exists()
    assert [path.name for path in keys.parent.glob("*")] == [".keys.yaml.lock"]
    assert main(line) == 0


def test_what_a_killed_command_left_goes_with_the_next(keys: Path) -> None:
    """Its half of a file is no more; that of a command that still writes stays."""
    keys.parent.mkdir()
    killed, alive = (keys.with_name(f".keys.yaml.{pid}-0123.tmp") for pid in (2**22 + 1, os.getpid()))
    for path in (killed, alive):
        path.touch()
    assert main(["key", "create", "--scope", "*"]) == 0
    assert (killed.exists(), alive.exists()) == (False, True)
