"""Finds the loaders that fit an artifact, from its name and first bytes, by the table; interprets nothing."""

import stat
import zipfile
from collections.abc import Callable, Set
from pathlib import Path
from typing import Final

from gateway.artifacts.code_listing import is_code_folder
from gateway.artifacts.source_files import split_entry
from gateway.loaders.mlflow_folder import is_mlflow, model_in
from gateway.loaders.table import PICKLE_HEADS, TABLE, LoaderRow
from gateway.loaders.unknown_files import HEAD_BYTES, not_the_file, opened_head, recognise
from gateway.system import archives, files

#: Enough of a JSON file to see its first keys: XGBoost writes "learner" first, or "version" just before it.
_HEAD_BYTES: Final = 65_536
_ZIP: Final = b"PK\x03\x04"
#: zlib, gzip, bzip2, xz, lzma, LZ4: what joblib knows.
_COMPRESSED: Final = (
    *(b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x1f\x8b", b"BZh", b"\xfd7zXZ"),
    *(b"\x5d\x00\x00", b"\x04\x22\x4d\x18"),
)


def sniff(path: Path, text: str) -> tuple[str, ...]:
    """
    Name the loaders that fit an artifact, best first; none: nothing is known about it.

    `path` is the file or folder (it may be absent), `text` is what the registry says, which for Python code carries
    a `:name`. Reads suffix and first bytes; never imports a framework, never unpickles.
    """
    if split_entry(text)[1] is not None:
        return ("python",)
    seen = files.stat_of(path)
    if seen is not None and stat.S_ISDIR(seen.st_mode):
        model = model_in(path)
        if model is not None:
            return sniff(model, model.name)
        return ("python",) if is_code_folder(path) and not is_mlflow(path) else ()
    if not_the_file(_head(path)[:HEAD_BYTES]) is not None:
        return ()
    sure = _first(lambda row: _ends(path, row.suffixes))
    shared = _first(lambda row: _ends(path, row.shared_suffixes))
    if sure is not None:
        found: str | None = sure
    elif seen is None or not stat.S_ISREG(seen.st_mode):
        found = shared or _first(lambda row: _ends(path, row.vague_suffixes))
    else:
        found = _by_content(path) or (None if zipfile.is_zipfile(path) else shared)
    return () if found is None else (found,)


def _first(fits: Callable[[LoaderRow], bool]) -> str | None:
    return next((name for name, row in TABLE.items() if fits(row)), None)


def _ends(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(suffixes)


def _by_content(path: Path) -> str | None:
    head = _head(path)
    if head.startswith(_ZIP):
        members = _members(path)
        return _first(lambda row: row.member in members)
    found = _first(lambda row: begins_like(row, head))
    if found is not None or not looks_like_pickle(head):
        return found
    opened = opened_head(path)
    # PyTorch's files begin like pickles, too.
    return _first(lambda row: opened.startswith(row.packed_heads)) if recognise(path) is None else None


def begins_like(row: LoaderRow, head: bytes) -> bool:
    """Say whether the first bytes of a file, not unpacked, are those of a loader's artifacts."""
    if head.startswith(row.heads):
        return True
    if head.lstrip()[:1] == b"{":
        return bool(row.json_keys) and all(key in head for key in row.json_keys)
    start, end, marks = row.binary_marks
    return any(mark in head[start:end] for mark in marks)


def looks_like_pickle(head: bytes) -> bool:
    """Say whether bytes start like a pickle (protocol 2 and later) or a compressed one as joblib writes it."""
    return head.startswith((*PICKLE_HEADS, *_COMPRESSED))


def _head(path: Path) -> bytes:
    try:
        with files.open_regular(path) as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


def _members(path: Path) -> Set[str]:
    try:
        return {member.filename for member in archives.members_of(path)} - {""}
    except (zipfile.BadZipFile, OSError):
        return set()
