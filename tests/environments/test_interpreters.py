"""Pythons that run are found, by version or by path; all others are refused by name, and none is downloaded."""

import json
import os
import sys
from pathlib import Path

import pytest

from gateway.environments import interpreters
from gateway.environments.interpreters import find_python, known
from gateway.errors import LoadError


def script(path: Path, text: str) -> Path:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def saying(path: Path, version: str) -> Path:
    """Write a program that says of itself that it is a Python of this version."""
    said = dict.fromkeys(("executable", "prefix", "base", "implementation", "abi"), str(path))
    return script(path, f"echo '{json.dumps({**said, 'version': version, 'packages': {}})}'")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a machine without any Python but the one of the tests: a folder with `bin` on PATH and `pyenv`."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    return tmp_path


def test_the_python_of_the_gateway_is_found_by_nothing_by_version_and_by_path(places: Path) -> None:
    """Without `python:` the gateway's own counts, which is also the first of its version."""
    version = ".".join(map(str, sys.version_info[:3]))
    own = find_python("")
    assert own.version == version
    assert find_python(version.rpartition(".")[0]) == find_python(version) == own
    assert find_python(sys.executable) == own
    assert own.abi.startswith(sys.implementation.name)


def test_interpreters_of_path_and_pyenv_are_found(places: Path) -> None:
    """The newest of the version counts; a version is matched by its numbers, not by its letters."""
    saying(places / "bin" / "python3.9", "3.9.2")
    newest = saying(places / "pyenv" / "versions" / "3.9.18" / "bin" / "python3", "3.9.18")
    saying(places / "pyenv" / "versions" / "3.10.1" / "bin" / "python3", "3.10.1")
    assert find_python("3.9").path == str(newest)
    assert find_python("3.9.2").version == "3.9.2"
    with pytest.raises(LoadError) as caught:
        find_python("3.1")
    assert caught.value.code == "python-not-found"


def test_a_version_is_found_under_another_name(places: Path) -> None:
    """A `python3` that is a 3.9 counts as 3.9."""
    saying(places / "bin" / "python3", "3.9.7")
    assert find_python("3.9").version == "3.9.7"


def test_a_shim_that_does_not_run_does_not_count(places: Path) -> None:
    """pyenv puts a program for every version on PATH; those that are not active say so and end."""
    script(places / "bin" / "python3.9", "echo 'pyenv: python3.9: command not found' >&2; exit 127")
    with pytest.raises(LoadError) as caught:
        find_python("3.9")
    assert "no Python 3.9 runs on this machine" in caught.value.message
    assert "3.9" not in [".".join(one.version.split(".")[:2]) for one in known()]
    with pytest.raises(LoadError) as caught:
        find_python(str(places / "bin" / "python3.9"))
    assert "does not run: pyenv: python3.9: command not found" in caught.value.message


def test_the_fault_lists_those_that_run_and_one_of_them_does(places: Path) -> None:
    """What the message names may be written into the registry."""
    other = saying(places / "bin" / "python3.10", "3.10.4")
    with pytest.raises(LoadError) as caught:
        find_python("3.9")
    assert f"3.10.4 ({other})" in caught.value.message
    assert find_python(str(other)).version == "3.10.4"


def test_a_python_that_is_too_old_is_refused(places: Path) -> None:
    """The server of a model needs 3.8; the older one is not proposed either."""
    old = saying(places / "bin" / "python3.7", "3.7.16")
    for wanted in ("3.7", str(old)):
        with pytest.raises(LoadError) as caught:
            find_python(wanted)
        assert caught.value.code == "python-too-old"
        assert str(old) not in (caught.value.hint or "")
        assert sys.executable in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("absent", None, "there is no such file"),
        ("mute", "exit 0", "it exited with 0 and said nothing of itself"),
        ("wordy", "echo hello", "it exited with 0 and said nothing of itself"),
        ("mapping", "echo '{}'", "it exited with 0 and said nothing of itself"),
        ("broken", "exec /absent/program", "/absent/program"),
    ],
)
def test_what_is_no_python_is_refused_by_name(places: Path, name: str, text: str | None, said: str) -> None:
    """Whatever a path leads to, the fault says what happened when it was asked."""
    path = places / name
    if text is not None:
        script(path, text)
    with pytest.raises(LoadError) as caught:
        find_python(str(path))
    assert caught.value.code == "python-not-found"
    assert said in caught.value.message


def test_a_folder_and_a_file_without_rights_are_refused(places: Path) -> None:
    """A virtualenv is no Python: the fix names the key that takes one."""
    with pytest.raises(LoadError) as caught:
        find_python(str(places))
    assert "`environment:`" in (caught.value.hint or "")
    plain = places / "plain"
    plain.write_text("text")
    with pytest.raises(LoadError) as caught:
        find_python(str(plain))
    assert "Permission denied" in caught.value.message


def test_a_python_that_hangs_costs_its_time_only(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended, and the fault says so."""
    monkeypatch.setattr(interpreters, "_ASK_S", 0.2)
    path = script(places / "hanging", "exec /bin/sleep 60")
    with pytest.raises(LoadError) as caught:
        find_python(str(path))
    assert "no answer within 0.2 s" in caught.value.message


def test_an_interpreter_is_asked_once_until_it_changes(places: Path) -> None:
    """Reloads do not start every Python of the machine again; one that is replaced is asked."""
    path = saying(places / "python", "3.9.1")
    assert find_python(str(path)).version == "3.9.1"
    saying(path, "3.10.1")
    os.utime(path, ns=(1, 1))
    assert find_python(str(path)).version == "3.10.1"
