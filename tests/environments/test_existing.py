"""A virtualenv of somebody else's, or a Python as it is, serves as it stands; a broken one is refused by name."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from gateway.environments.wanted import Wanted, environment_for
from gateway.errors import LoadError


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Return a virtualenv with one package of the name of numpy."""
    folder = tmp_path / "env"
    venv.EnvBuilder(symlinks=True).create(folder)
    put(folder, "numpy", "1.0")
    return folder


def put(folder: Path, name: str, version: str) -> None:
    """Install a package by its metadata alone."""
    (site,) = folder.glob("lib/python3*/site-packages")
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_it_is_known_by_its_packages(tmp_path: Path, made: Path) -> None:
    """What is installed into it later is another environment, and nothing is built or owned."""
    found = environment_for(Wanted(environment=made), tmp_path / "cache")
    assert found.packages == {"numpy": "1.0"}
    assert (found.is_built, found.path, found.python) == (False, str(made), str(made / "bin" / "python"))
    assert environment_for(Wanted(environment=made), tmp_path / "cache") == found
    put(made, "own", "2.0")
    assert environment_for(Wanted(environment=made), tmp_path / "cache").key != found.key
    assert not (tmp_path / "cache").exists()


def test_the_python_of_the_gateway_serves_with_its_own_packages(tmp_path: Path) -> None:
    """`executor: process` alone isolates a model without any other version."""
    found = environment_for(Wanted(), tmp_path / "cache")
    assert found.python == sys.executable
    assert found.version_of("numpy") is not None and found.version_of("Flask") is not None


def fault(tmp_path: Path, folder: Path) -> LoadError:
    """Return why an environment is refused."""
    with pytest.raises(LoadError) as caught:
        environment_for(Wanted(environment=folder), tmp_path / "cache")
    return caught.value


def test_broken_ones_are_refused_with_the_reason(tmp_path: Path, made: Path) -> None:
    """Absent, no virtualenv, moved, without its Python: each says what it is."""
    assert "there is no such folder" in fault(tmp_path, tmp_path / "absent").message
    (tmp_path / "plain").mkdir()
    assert "it has no bin/python" in fault(tmp_path, tmp_path / "plain").message
    (tmp_path / "moved").symlink_to(made)
    assert environment_for(Wanted(environment=tmp_path / "moved"), tmp_path).version_of("numpy") == "1.0"
    (made / "bin" / "python").unlink()
    (made / "bin" / "python").symlink_to(tmp_path / "gone")
    found = fault(tmp_path, made)
    assert (found.code, f"its Python, {tmp_path}/gone, is gone" in found.message) == ("environment-broken", True)


def test_the_fix_of_a_broken_one_mends_it(tmp_path: Path, made: Path) -> None:
    """The line is run as it is printed."""
    (made / "bin" / "python").unlink()
    (made / "bin" / "python").symlink_to(tmp_path / "gone")
    line = (fault(tmp_path, made).hint or "").partition(": ")[2].replace("python3", sys.executable, 1)
    subprocess.run([*line.split(), "--without-pip"], check=True, timeout=120, env={**os.environ, "PYTHONPATH": ""})
    put(made, "numpy", "1.0")
    assert environment_for(Wanted(environment=made), tmp_path / "cache").version_of("numpy") == "1.0"


def test_one_without_numpy_is_refused(tmp_path: Path) -> None:
    """The fix is a line for its own pip."""
    folder = tmp_path / "env"
    venv.EnvBuilder(symlinks=True).create(folder)
    found = fault(tmp_path, folder)
    assert found.code == "environment-numpy"
    assert (found.hint or "").startswith(f"{folder}/bin/python -m pip install numpy")
