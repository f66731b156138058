"""
`gateway inspect` lists every global, type, operator and member of a file, and executes nothing of it.

OWASP: ML06
"""

import gzip
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
    if name.startswith(
        (
            "a bomb",
            "a name that leads out",
            "a link",
            "an absolute",
            "a tensor in",
            "a tensor outside",
            "a constant outside",
        )
    ):
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


_CALL = b"cos\ngetcwd\n)R."
_WRAPPER = (
    b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x08\x00\x00\x00subclasscnumpy\nndarray\nX\x05\x00\x00\x00"
    b"shapeK\x64\x85X\x05\x00\x00\x00orderX\x01\x00\x00\x00CX\x05\x00\x00\x00dtypecnumpy\ndtype\nX\x02\x00\x00\x00u1"
    b"\x85RX\x0a\x00\x00\x00allow_mmap\x89ub0"
)
#: What `pickle.load` reads, and a careful reading of the opcodes, or one like joblib's, does not.
READ_ANOTHER_WAY = {
    "a frame that ends within an opcode": b"\x80\x04\x95" + struct.pack("<Q", 3) + b"\x8c\x02os\x8c\x06getcwd\x93)R.",
    "a frame that ends within a line": b"\x80\x04\x95" + struct.pack("<Q", 3) + _CALL,
    "a frame in a frame": b"\x80\x04\x95" + struct.pack("<Q", 20) + b"\x95" + struct.pack("<Q", 3) + _CALL + b"N" * 8,
    "an octal number": b"I010\n0" + _CALL,
    "a number with rubbish behind a NUL": b"F1.0\0zz\n0" + _CALL,
    "a long with rubbish behind a NUL": b"L1\0zz\n0" + _CALL,
    "a call in the bytes of an array of joblib": _WRAPPER + _CALL.ljust(100, b"X"),
    "bytes that begin as bzip2": b"BZ\0\0\0" + b"x" * 90 + b"0" + _CALL,
    "a dict of protocol 0": b"(dp0\n0" + _CALL,
}


@pytest.mark.parametrize("suffix", [".pkl", ".bin"])
@pytest.mark.parametrize("name", READ_ANOTHER_WAY)
def test_what_pickle_calls_is_listed(tmp_path: Path, name: str, suffix: str) -> None:
    """Opcodes are read as `pickle.load` reads them, which calls them here, also where the file is called otherwise."""
    path = tmp_path / f"model{suffix}"
    path.write_bytes(READ_ANOTHER_WAY[name])
    assert pickle.loads(path.read_bytes()) == str(Path.cwd())
    assert "os.getcwd" in inspect(path).globals


def _zip(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _tar(name: str, data: bytes, packed: str = "") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{packed}") as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


CONTAINERS = {
    "in front of an archive.pkl": _CALL + _zip({}),
    "in an archive in an archive.zip": _zip({"inner.zip": _zip({"data.pkl": _CALL})}),
    "in an archive under no telling name.zip": _zip({"weights": _CALL}),
    "packed in an archive.zip": _zip({"weights": gzip.compress(_CALL)}),
    "in a tar archive.bin": _tar("weights", _CALL),
    "in a packed tar archive.pkl": _tar("model.pkl", _CALL, "gz"),
    "called a graph.onnx": _CALL,
    "called code.py": _CALL,
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_no_container_hides_a_pickle(tmp_path: Path, name: str) -> None:
    """Archives in archives, packed members, other names: the bytes decide what is listed."""
    path = tmp_path / name
    path.write_bytes(CONTAINERS[name])
    assert "os.getcwd" in inspect(path).globals


def test_what_was_not_read_is_told(tmp_path: Path) -> None:
    """A file whose content was not followed is never told as one of data only."""
    inner = _CALL
    for _ in range(9):
        inner = _zip({"inner.zip": inner})
    unread = {
        "deep.zip": inner,
        "cut.pkl": _CALL[:-1],
        "twice.pkl": zlib.compress(gzip.compress(_CALL)),
        "old.pkl": b"ZF0x10" + b" " * 15 + zlib.compress(_CALL),
        "zeros.pkl": bytes(1000),
        "behind another.zip": _zip({"data.pkl": _CALL}) + _zip({"notes": b"text"}),
        "code.so": b"\x7fELF",
    }
    for name, data in unread.items():
        path = tmp_path / name
        path.write_bytes(data)
        found = inspect(path)
        assert found.warnings, name
        assert not found.is_data, name


def test_honest_files_bring_no_warning(tmp_path: Path) -> None:
    """Pickles of every protocol, joblib's with and without packing, and texts that begin with the letter of an opcode."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(np.arange(40.0).reshape(20, 2), [0, 1] * 10)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / f"{protocol}.pkl").write_bytes(pickle.dumps(model, protocol=protocol))
    for packing in ("zlib", "gzip", "bz2", "xz"):
        joblib.dump(model, tmp_path / f"{packing}.joblib", compress=(packing, 3))
    joblib.dump(model, tmp_path / "plain.joblib")
    (tmp_path / "notes.txt").write_text("class Model:\n    it is about texts\n")
    (tmp_path / "more.txt").write_text("New: a\nVery long text " + "x" * 1000)
    found = inspect(tmp_path)
    assert found.warnings == []
    assert "sklearn.linear_model._logistic.LogisticRegression" in found.globals
    assert all(
        name.split(".")[0]
        in {"sklearn", "numpy", "joblib", "copyreg", "builtins", "__builtin__", "copy_reg", "_codecs"}
        for name in found.globals
    )


def test_a_folder_that_no_gateway_would_copy_is_listed(tmp_path: Path) -> None:
    """Pipes, links that lead anywhere and names that are no text are told and not followed."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(_CALL)
    os.mkfifo(folder / "pipe")
    (folder / "root").symlink_to("/")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.pkl")).write_bytes(_CALL)
    found = inspect(folder)
    assert {name for name, _ in found.members} == {"model.pkl", "\\udcff.pkl"}
    assert found.warnings == ["pipe is a pipe", "root is a link to '/'"]
    assert found.globals == ["os.getcwd"]
