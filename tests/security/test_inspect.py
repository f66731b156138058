"""
`gateway inspect` lists every global, type, operator and member of a file, and executes nothing of it.

OWASP: ML06
"""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gateway.loaders.inspection.files import inspect
from loaders import acting

from . import hostile_archives, hostile_pickles
from .hostile_archives import MOJO

ARCHIVES = [
    pytest.param(kind, name, id=f"{kind[0]}: {name}", marks=[pytest.mark.slow] if "thousand members" in name else [])
    for kind, cases in hostile_archives.ALL.items()
    for name in cases
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty folder, in which nothing may appear."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield
    assert list(folder.iterdir()) == []


def test_every_global_of_a_pickle_is_listed(tmp_path: Path) -> None:
    """Each published way is listed by its name, whatever the file is called."""
    for number, name in enumerate(hostile_pickles.CALLED):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(hostile_pickles.calling(name))
        found = inspect(path)
        assert (found.what, name in found.globals) == ("a pickle", True), name


@pytest.mark.parametrize("name", hostile_pickles.HIDDEN)
def test_hidden_calls_are_listed(tmp_path: Path, name: str) -> None:
    """Compressed, in arrays of objects, in archives, by odd opcodes: something of the call shows."""
    path = tmp_path / "model.pkl"
    path.write_bytes(hostile_pickles.HIDDEN[name]())
    found = inspect(path)
    assert found.globals or found.warnings


@pytest.mark.parametrize(("kind", "name"), ARCHIVES)
def test_no_hostile_file_ends_an_inspection(tmp_path: Path, kind: tuple[str, str], name: str) -> None:
    """Bombs, names that lead out, deep schemas, tensors elsewhere: listed or warned of, and nothing is raised."""
    path = tmp_path / f"model{kind[1]}"
    path.write_bytes(hostile_archives.ALL[kind][name]())
    found = inspect(path)
    assert found.what
    if name.startswith(("a bomb", "a name that leads out", "a link", "an absolute", "a tensor", "a constant outside")):
        assert found.warnings


def test_types_of_a_skops_file_are_listed(tmp_path: Path) -> None:
    """Classes, functions and types, each with the kind of node that names it."""
    path = tmp_path / "model.skops"
    path.write_bytes(hostile_archives.SKOPS["a function of the standard library"]())
    found = inspect(path)
    assert found.what == "a skops file"
    assert {"os.system  (FunctionNode)", "sklearn.linear_model._base.LinearRegression  (ObjectNode)"} <= set(
        found.types
    )
    assert any("<f8" in one for one in found.arrays)


def test_arrays_of_objects_and_operators_are_told(tmp_path: Path) -> None:
    """Of a NumPy archive, a graph, a MOJO and a folder of them."""
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3), b=np.array([None], dtype=object))
    found = inspect(tmp_path / "arrays.npz")
    assert "b.npy is an array of objects, which NumPy reads as a pickle" in found.warnings
    (tmp_path / "model.onnx").write_bytes(hostile_archives.GRAPHS["an operator of another library"]())
    assert inspect(tmp_path / "model.onnx").operators == ["evil.ops: System"]
    assert inspect(MOJO).what == "a MOJO"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "model.pkl").write_bytes(acting.before(acting.G("os", "system")))
    (tmp_path / "folder" / "code.py").write_text("print(1)\n")
    found = inspect(tmp_path / "folder")
    assert "os.system" in found.globals
    assert [name for name, _ in found.members] == ["code.py", "model.pkl"]
    assert any("code.py" in text for text in found.warnings)


@pytest.mark.parametrize("form", ["text", pytest.param("json", marks=pytest.mark.slow)])
def test_the_command_prints_what_it_found(tmp_path: Path, form: str) -> None:
    """As text without control characters, or as JSON."""
    path = tmp_path / "\x1b[31mmodel.pkl"
    path.write_bytes(hostile_pickles.calling("os.system"))
    command = [sys.executable, "-m", "gateway", "inspect", str(path), *(["--json"] if form == "json" else [])]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert "\x1b" not in told
    assert "os.system" in (json.loads(told)["globals"] if form == "json" else told)


def test_a_text_of_exabytes_costs_nothing(tmp_path: Path) -> None:
    """An opcode that announces more bytes than there are ends the list there."""
    stream = io.BytesIO()
    stream.write(b"\x80\x04" + acting.G("os", "system") + b"0\x8d" + (2**60).to_bytes(8, "little") + b"abc.")
    path = tmp_path / "model.pkl"
    path.write_bytes(stream.getvalue())
    assert inspect(path).globals == ["os.system"]
