"""
Inspect one file or folder: tell by its bytes what it is, and list what it names.

Nothing is imported, called or made by what a file says. Archives are judged before a member is read; of each, only as
much is read as the bounds of archives admit.
"""

import importlib
import os
import stat
import zipfile
from pathlib import Path
from typing import Final

from gateway.artifacts import source_files
from gateway.loaders.inspection.arrays import BROKEN, NUMPY_HEAD, add_array
from gateway.loaders.inspection.members import BYTES_IN_FRONT, HEAD_BYTES, MOST_READ, Walk, add_tar, add_zip, open_tar
from gateway.loaders.inspection.pickles import add_pickle, may_be_pickle
from gateway.loaders.inspection.report import Inspection
from gateway.loaders.sniffing import sniff
from gateway.loaders.unknown_files import recognise
from gateway.loaders.unknown_kinds import EMPTY, TABLE
from gateway.system import files

_MOST_LISTED: Final = source_files.MOST_ENTRIES
#: Loaders whose files hold numbers and texts only.
_OF_DATA: Final = ("xgboost", "lightgbm", "catboost")
#: Reads with the package onnx, which other files do without.
_GRAPH: Final = "gateway.loaders.inspection.graph"
_COMPILED: Final = (".pyc", ".pyo", ".pyd", ".so", ".dylib", ".dll", ".class")
_UNKNOWN: Final = frozenset({"", "a file of data"})


def inspect(path: Path) -> Inspection:
    """Return what a file or folder names and holds; raises ArtifactError for what cannot be read at all."""
    found = Inspection(file=path.name or str(path), size_bytes=0, what="a file of data")
    walk = Walk(_file)
    if path.is_dir():
        _folder(found, path, walk)
    else:
        found.size_bytes = source_files.size_of(path)
        _file(found, path, path.name, walk)
    found.settle()
    return found


def _folder(found: Inspection, folder: Path, walk: Walk) -> None:
    """Add the files of a folder; what a gateway would refuse to copy is told, and not followed."""
    found.what = "a folder"
    for root, folders, names in os.walk(folder, onerror=lambda error: found.warnings.append(_unreadable(error))):
        folders.sort()
        for path in (Path(root, name) for name in sorted((*names, *folders))):
            name, mode = str(path.relative_to(folder)), path.lstat().st_mode
            if stat.S_ISLNK(mode):
                found.warnings.append(f"{name} is a link to {str(path.readlink())!r}")
            elif not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                found.warnings.append(f"{name} is {files.kind_of(mode)}")
            if stat.S_ISREG(mode) or (stat.S_ISLNK(mode) and files.is_file(path)):
                _add_file(found, path, name, walk)
        if len(found.members) > _MOST_LISTED:
            found.warnings.append(f"files behind the first {_MOST_LISTED:,} are not listed")
            return


def _add_file(found: Inspection, path: Path, name: str, walk: Walk) -> None:
    size = path.stat().st_size
    found.members.append((name, size))
    found.size_bytes += size
    if len(found.members) == MOST_READ:
        found.warnings.append(f"files behind the first {MOST_READ:,} were not read")
    if len(found.members) < MOST_READ:
        inner = Inspection(file=name, size_bytes=size, what="")
        try:
            _file(inner, path, name, walk)
        except OSError as error:
            inner.warnings.append(_unreadable(error))
        found.add(inner)


def _unreadable(error: OSError) -> str:
    return f"{error.filename or 'it'} cannot be read: {error.strerror}"


def _file(found: Inspection, path: Path, name: str, walk: Walk) -> None:
    """Add what one file names; `path` may be a copy of it, called otherwise."""
    with files.open_regular(path) as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        found.what, found.is_data = EMPTY.what, True
        return
    if zipfile.is_zipfile(path):
        add_zip(found, path, walk)
        if head.startswith(b"PK"):
            return
        found.warnings.append(BYTES_IN_FRONT)
    elif _is_tar(path, head):
        add_tar(found, path, head, walk)
    elif head.startswith(NUMPY_HEAD):
        found.what = "a NumPy array"
        try:
            with files.open_regular(path) as stream:
                add_array(found, name, stream)
        except BROKEN as error:
            found.warnings.append(f"its head cannot be read: {error}")
        return
    elif name.lower().endswith(".py"):
        found.what = "Python code"
        found.warnings.append("it is code, and runs as a whole: read it")
    elif name.lower().endswith(_COMPILED):
        found.what = "compiled code"
        found.warnings.append("it is compiled code, which is not listed")
    elif name.lower().endswith(".onnx") and importlib.import_module(_GRAPH).add_graph(found, path):
        return
    if not (may_be_pickle(name, head) and add_pickle(found, path, name)) and found.what in _UNKNOWN:
        _plain(found, path, name)


def _is_tar(path: Path, head: bytes) -> bool:
    try:
        with open_tar(path, head) as archive:
            return archive.next() is not None
    except BROKEN:
        return False


def _plain(found: Inspection, path: Path, name: str) -> None:
    """Say of a file that names nothing what it is, and whether it could."""
    loader = next(iter(sniff(path, name)), "")
    if loader in _OF_DATA:
        found.what, found.is_data = f"a model that the loader {loader} reads", True
        return
    kind = recognise(path)
    if kind is not None:
        found.what, found.is_data = kind.what, kind == TABLE
