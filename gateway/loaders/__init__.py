"""
Loaders of artifacts: verified bytes to a predictor; one framework, one file.

The table of loaders is here. It knows names only: importing this module imports no framework, and sniffing reads bytes
without interpreting them.
"""

import importlib
import io
import stat
import zipfile
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import BinaryIO, cast

from gateway.artifacts.source_files import split_entry
from gateway.errors import LoadError
from gateway.loaders.base import Loader
from gateway.loaders.unknown_files import opened_head, recognise
from gateway.system import files
from gateway.system.installed_packages import versions_of

#: Loaders that ship with the gateway; further ones announce themselves by an entry point of the group below.
LOADERS: dict[str, str] = {
    "sklearn": "gateway.loaders.sklearn:SklearnLoader",
    "xgboost": "gateway.loaders.xgboost:XgboostLoader",
    "h2o_mojo": "gateway.loaders.h2o_mojo:H2oMojoLoader",
    "onnx": "gateway.loaders.onnx:OnnxLoader",
    "python": "gateway.loaders.python:PythonLoader",
    "stub": "gateway.loaders.stub:StubLoader",
}

#: The optional dependencies of pyproject.toml that a loader needs; absent: it needs none.
EXTRAS: dict[str, str] = {"sklearn": "sklearn", "xgboost": "xgboost", "h2o_mojo": "h2o", "onnx": "onnx"}

ENTRY_POINT_GROUP = "gateway.loaders"

#: Suffixes that leave no doubt, or that are all there is to go by while the file is absent.
_SUFFIXES: dict[str, str] = {
    ".skops": "sklearn",
    ".pkl": "sklearn",
    ".pickle": "sklearn",
    ".joblib": "sklearn",
    ".ubj": "xgboost",
    ".json": "xgboost",
    ".onnx": "onnx",
    ".zip": "h2o_mojo",
    ".mojo": "h2o_mojo",
    ".py": "python",
    ".stub": "stub",
}

#: What to name when nothing fits.
SUFFIXES = ".skops, .joblib, .pkl (sklearn), .ubj, .json (xgboost), .zip (h2o_mojo), .onnx (onnx), .py:name (python)"
_PROTOCOLS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
#: How XGBoost's objectives begin, behind the 136 bytes of parameters of its binary format.
_OBJECTIVES = (b"binary:", b"reg:", b"multi:", b"rank:", b"count:", b"survival:")

#: Enough of a JSON file to see its first keys: XGBoost writes "learner" first, or "version" just before it.
_HEAD_BYTES = 65_536
#: The table of contents of an archive with 100,000 members.
_TABLE_BYTES = 8 * 2**20


@lru_cache(maxsize=1)
def _third_party() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name not in LOADERS}


def loader_names() -> tuple[str, ...]:
    """Return every name that `loader:` accepts, the gateway's own first."""
    return (*LOADERS, *sorted(_third_party()))


def get_loader(name: str) -> Loader:
    """
    Return the loader of that name, importing its framework.

    Raises LoadError: `unknown-loader`, `missing-extra` (with the pip line) or `broken-package`.
    """
    target = LOADERS.get(name)
    point = _third_party().get(name)
    if target is None and point is None:
        raise LoadError(
            f"there is no loader {name!r}",
            code="unknown-loader",
            hint=f"one of: {', '.join(loader_names())}",
        )
    try:
        if point is not None:
            return cast(Loader, point.load()())
        module, _, attribute = str(target).partition(":")
        return cast(Loader, getattr(importlib.import_module(module), attribute)())
    except ModuleNotFoundError as exc:
        raise _missing(name, exc) from exc
    except Exception as exc:  # a half installed framework raises anything (OSError for a missing shared library)
        raise LoadError(
            f"loader {name!r} cannot be imported: {type(exc).__name__}: {exc}",
            code="broken-package",
            hint=f"reinstall its package: {_pip_line(name, '--force-reinstall ')}",
        ) from exc


def _missing(name: str, exc: ModuleNotFoundError) -> LoadError:
    package = (exc.name or "").partition(".")[0] or str(exc)
    return LoadError(
        f"loader {name!r} needs the package {package!r}, which is not installed here",
        code="missing-extra",
        hint=_pip_line(name),
    )


def _pip_line(name: str, flags: str = "") -> str:
    extra = EXTRAS.get(name)
    if extra is not None:
        return f"pip install {flags}'multi-model-gateway[{extra}]'"
    point = _third_party().get(name)
    distribution = point.dist.name if point is not None and point.dist is not None else "multi-model-gateway"
    return f"pip install {flags}{distribution}"


def sniff(path: Path, text: str) -> tuple[str, ...]:
    """
    Name the loaders that fit an artifact, best first; none: nothing is known about it.

    `path` is the file or folder (it may be absent), `text` is what the registry says, which for Python code carries
    a `:name`. Reads suffix and first bytes; never imports a framework, never unpickles.
    """
    if split_entry(text)[1] is not None or path.suffix == ".py":
        return ("python",)
    if path.name.endswith(".stub.json"):
        return ("stub",)
    by_suffix = _SUFFIXES.get(path.suffix.lower())
    seen = files.stat_of(path)
    if seen is None or not stat.S_ISREG(seen.st_mode):
        return () if by_suffix is None or (seen is not None and stat.S_ISDIR(seen.st_mode)) else (by_suffix,)
    if path.suffix.lower() in {".json", ".zip", ".mojo"} or by_suffix is None:
        found = _by_content(path)
        if found is not None:
            return (found,)
        if path.suffix.lower() in {".zip", ".mojo"} and zipfile.is_zipfile(path):
            return ()
    return () if by_suffix is None else (by_suffix,)


def unknown(path: Path, text: str) -> LoadError:
    """Return the error of an artifact that no loader takes: what it is and what to do, where that can be seen."""
    found = recognise(path)
    if found is not None:
        return LoadError(f"'{text}' is {found.what}, which no loader takes", code="no-loader", hint=found.todo)
    hint = "name the model file in it" if path.is_dir() else f"name a model file, which ends in {SUFFIXES}"
    return LoadError(f"no loader is known for '{text}'", code="no-loader", hint=hint)


def _by_content(path: Path) -> str | None:
    head = _head(path)
    if head.startswith(b"PK\x03\x04"):
        return _by_members(path)
    if head.startswith(b"{L"):
        return "xgboost"  # UBJSON: an object whose first key has an int64 length
    if head.lstrip()[:1] == b"{":
        return _by_json(head)
    if is_old_xgboost(head):
        return "xgboost"
    return "sklearn" if looks_like_pickle(head) and _is_pickle_inside(path) else None


def _is_pickle_inside(path: Path) -> bool:
    """Say whether the file, unpacked, begins like a pickle; much else is compressed, too."""
    return opened_head(path)[:2] in _PROTOCOLS and recognise(path) is None


def is_old_xgboost(head: bytes) -> bool:
    """Say whether bytes begin like XGBoost's binary format: a mark, or the name of an objective among parameters."""
    return head.startswith(b"binf") or any(name in head[136:200] for name in _OBJECTIVES)


def _head(path: Path) -> bytes:
    try:
        with files.open_regular(path) as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


class _Bounded(io.RawIOBase):
    """Read a file for zipfile, which takes the size of the table of contents from the file itself."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size <= _TABLE_BYTES:
            found = self._file.read(size if size >= 0 else _TABLE_BYTES + 1)
            if len(found) <= _TABLE_BYTES:
                return found
        raise OSError(None, f"a table of contents of more than {_TABLE_BYTES:,} bytes")

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def _by_members(path: Path) -> str | None:
    try:
        with files.open_regular(path) as file, zipfile.ZipFile(_Bounded(file)) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return None
    if "model.ini" in members:
        return "h2o_mojo"
    return "sklearn" if "schema.json" in members else None


def _by_json(head: bytes) -> str | None:
    if b'"learner"' in head:
        return "xgboost"
    return "stub" if b'"inputs"' in head and b'"output"' in head else None


def looks_like_pickle(head: bytes) -> bool:
    """Say whether bytes start like a pickle (protocol 2 and later) or a compressed one as joblib writes it."""
    compressed = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
    return (head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}) or head.startswith(compressed)


#: The distributions whose versions decide whether a cached manifest, and with it every proof, still holds: all that
#: reads an artifact of this loader or computes its answers (pickles may hold XGBoost's wrappers).
PACKAGES: dict[str, tuple[str, ...]] = {
    "sklearn": ("scikit-learn", "skops", "joblib", "numpy", "scipy", "pandas", "xgboost-cpu", "xgboost"),
    "xgboost": ("xgboost-cpu", "xgboost", "numpy"),
    "h2o_mojo": ("h2o", "jpype1"),
    "onnx": ("onnxruntime", "onnx", "numpy"),
}


def package_versions(name: str) -> dict[str, str]:
    """Return the installed versions of the distributions behind a loader, without importing any."""
    point = _third_party().get(name)
    names = PACKAGES.get(name, (point.dist.name,) if point is not None and point.dist is not None else ())
    return versions_of(names)
