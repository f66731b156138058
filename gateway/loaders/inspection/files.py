"""
Inspect one file or folder: tell by its bytes what it is, and list what it names.

Nothing is imported, called or made by what a file says. Archives are judged before a member is read; of each, only as
much is read as the bounds of archives admit.
"""

import importlib
import json
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

from gateway.artifacts import source_files
from gateway.errors import GatewayError
from gateway.loaders.inspection.arrays import told_array
from gateway.loaders.inspection.report import Inspection
from gateway.loaders.sniffing import looks_like_pickle
from gateway.loaders.table import PICKLE_SUFFIXES
from gateway.loaders.unknown_files import opened_head, recognise
from gateway.system import archives, files

#: Members of an archive, and files of a folder, that are read; all are listed.
_MOST_READ: Final = 10_000
_HEAD_BYTES: Final = 512
_NUMPY: Final = b"\x93NUMPY"
_SCHEMA: Final = "schema.json"
#: What readers of archives and heads raise for bytes that are none.
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError),
    *(ValueError, KeyError, TypeError, SyntaxError, MemoryError),
)


def inspect(path: Path) -> Inspection:
    """Return what a file or folder names and holds; raises ArtifactError for what cannot be read at all."""
    found = Inspection(file=path.name, size_bytes=source_files.size_of(path), what="a file of data")
    if path.is_dir():
        _folder(found, path)
    elif zipfile.is_zipfile(path):
        _archive(found, path)
    else:
        _file(found, path, path.name)
    for names in (found.globals, found.types, found.operators):
        names[:] = sorted(set(names))
    return found


def _folder(found: Inspection, path: Path) -> None:
    found.what = "a folder"
    for number, entry in enumerate(source_files.files_of(path)):
        name = str(entry.relative_to(path))
        found.members.append((name, entry.stat().st_size))
        if number < _MOST_READ:
            inner = Inspection(file=name, size_bytes=0, what="")
            _archive(inner, entry) if zipfile.is_zipfile(entry) else _file(inner, entry, name)
            _add(found, inner)


def _add(found: Inspection, inner: Inspection) -> None:
    """Add what a file in a folder or archive names."""
    found.globals += inner.globals
    found.types += inner.types
    found.operators += inner.operators
    found.arrays += inner.arrays
    found.warnings += [f"{inner.file}: {text}" for text in inner.warnings]


def _file(found: Inspection, path: Path, name: str) -> None:
    with files.open_regular(path) as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith(_NUMPY):
        found.what = "a NumPy array"
        try:
            with files.open_regular(path) as stream:
                _array(found, name, stream)
        except _BROKEN as error:
            found.warnings.append(f"its head cannot be read: {error}")
    elif path.suffix.lower() == ".onnx":
        found.what = "an ONNX graph"
        importlib.import_module("gateway.loaders.inspection.graph").add_graph(found, path)
    elif path.suffix.lower() == ".py":
        found.what = "Python code"
        found.warnings.append("it is code, and runs as a whole: read it")
    elif _may_be_pickle(path, name, head):
        found.what = "a pickle"
        # By name: it needs joblib, which other files do without.
        listing = importlib.import_module("gateway.loaders.admission.pickle_globals")
        try:
            found.globals += listing.pickle_imports(path)
        except GatewayError as error:
            found.warnings.append(f"it cannot be listed: {error.message.removeprefix(f'{path.name}: ')}")
    else:
        kind = recognise(path)
        found.what = kind.what if kind is not None else found.what


def _may_be_pickle(path: Path, name: str, head: bytes) -> bool:
    """Say whether bytes may be opcodes: by their begin, by the name, or because protocol 0 begins with any letter."""
    opened = opened_head(path)
    if looks_like_pickle(head) or looks_like_pickle(opened) or name.lower().endswith(PICKLE_SUFFIXES):
        return True
    return opened[:1] in {b"c", b"("} and b"\n" in opened[:_HEAD_BYTES]


def _array(found: Inspection, name: str, stream: Any) -> None:
    told, holds_pickle = told_array(stream)
    found.arrays.append(f"{name}: {told}")
    if holds_pickle:
        found.warnings.append(f"{name} is an array of objects, which NumPy reads as a pickle")


def _archive(found: Inspection, path: Path) -> None:
    found.what = "an archive"
    try:
        members = archives.members_of(path)
    except _BROKEN as error:
        found.warnings.append(f"the table of contents cannot be read: {getattr(error, 'strerror', None) or error}")
        return
    found.members += [(member.filename, member.file_size) for member in members]
    try:
        archives.check(path)
    except archives.UnsafeArchiveError as error:
        found.warnings.append(f"{error}: no member was read")
        return
    with zipfile.ZipFile(path) as archive:
        for member in members[:_MOST_READ]:
            try:
                _member(found, archive, member)
            except _BROKEN as error:
                found.warnings.append(f"{member.filename} cannot be read: {error}")


def _member(found: Inspection, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    with archive.open(member) as stream:
        head = stream.read(_HEAD_BYTES)
    if member.filename == _SCHEMA:
        found.what = "a skops file"
        found.types += _types(json.loads(archive.read(member)))
    elif member.filename == "model.ini":
        found.what = "a MOJO"
    elif head.startswith(_NUMPY):
        with archive.open(member) as stream:
            _array(found, member.filename, stream)
    elif looks_like_pickle(head) or member.filename.lower().endswith(PICKLE_SUFFIXES):
        found.what = "an archive with a pickle" if found.what == "an archive" else found.what
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "member.pkl"
            copy.write_bytes(archive.read(member))
            _file(found, copy, copy.name)
        found.what = "an archive with a pickle"


def _types(schema: Any) -> list[str]:
    """Return each class and function of a skops schema, with the kind of node that names it."""
    found, stack = [], [schema]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if "__loader__" in item:
                found.append(f"{item.get('__module__')}.{item.get('__class__')}  ({item['__loader__']})")
            stack += item.values()
        elif isinstance(item, list):
            stack += item
    return found
