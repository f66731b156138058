"""
Recognises files and folders that no loader takes, from their bytes or else their names, and says how to convert them.

Nothing is interpreted: first bytes, names in archives and folders.
"""

import bz2
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from gateway.loaders.unknown_kinds import (
    ARRAYS,
    EMPTY,
    FOLDERS,
    LFS_POINTER,
    MAGIC,
    MEMBERS,
    NAMES,
    NO_REGISTRY,
    NOTEBOOK,
    PMML,
    SPARK,
    TORCHSERVE,
    WEB_PAGE,
    WORD_VECTORS,
    Foreign,
)
from gateway.system.files import is_file, open_regular

HEAD_BYTES: Final = 512
LFS_POINTER_HEAD: Final = b"version https://git-lfs.github.com/spec/"
#: How many words, how many numbers each; then the first word.
_VECTORS: Final = re.compile(rb"[0-9]{1,9} [0-9]{1,5}\n\S+ ")
_Unpacker: TypeAlias = "zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor"
#: The largest block of bzip2, 900 kB, may come out of a little more.
_BLOCK_BYTES: Final = 1 << 20
_STEP_BYTES: Final = 1 << 16
_UNPACK: Final[dict[bytes, Callable[[], _Unpacker]]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    **dict.fromkeys((b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"), zlib.decompressobj),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ": lzma.LZMADecompressor,
    b"\x5d\x00\x00": lzma.LZMADecompressor,
}


def recognise(path: Path) -> Foreign | None:
    """Return what an artifact is, None where nothing is known of it."""
    if path.is_dir():
        return _folder(path) or NAMES.get(path.suffix.lower())
    if not is_file(path):
        return NAMES.get(path.suffix.lower())
    head = opened_head(path)
    found = not_the_file(head) or _by_head(head)
    if found is not None:
        return found
    if zipfile.is_zipfile(path):
        return _archive(path)
    if path.name == "MLmodel":
        return NO_REGISTRY
    return NAMES.get(path.suffix.lower()) or (None if head or path.stat().st_size else EMPTY)


def not_the_file(head: bytes) -> Foreign | None:
    """Return what stands in the place of a file that was not downloaded, by its first bytes."""
    if head.startswith(LFS_POINTER_HEAD):
        return LFS_POINTER
    return WEB_PAGE if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")) else None


def _by_head(head: bytes) -> Foreign | None:
    for offset, magic, found in MAGIC:
        if head[offset:].startswith(magic):
            return found
    if b"<PMML" in head:
        return PMML
    if head.lstrip()[:1] == b"{" and b'"cells"' in head[:200]:
        return NOTEBOOK
    return WORD_VECTORS if _VECTORS.match(head) else None


def opened_head(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked where it is compressed by zlib, gzip, bzip2, xz or lzma."""
    try:
        with open_regular(path) as stream:
            head = stream.read(4 * HEAD_BYTES)
            for magic, unpacker in _UNPACK.items():
                if head.startswith(magic):
                    return _unpacked(unpacker(), head, stream)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile):
        return b""
    return head


def _unpacked(unpacker: _Unpacker, head: bytes, stream: BinaryIO) -> bytes:
    """Return the first bytes that come out; bzip2 gives none before it has read a whole block."""
    taken, found = len(head), unpacker.decompress(head, HEAD_BYTES)
    while not found and taken < _BLOCK_BYTES and (more := stream.read(_STEP_BYTES)):
        taken += len(more)
        found = unpacker.decompress(more, HEAD_BYTES)
    return found


def _archive(path: Path) -> Foreign:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    leaves = {name.rpartition("/")[2] for name in names}
    if "MANIFEST.json" in leaves and any(name.startswith("MAR-INF/") for name in names):
        return TORCHSERVE
    if names and all(name.endswith(".npy") for name in names):
        return ARRAYS
    for members, found in MEMBERS:
        if members <= leaves:
            return found
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004
    return Foreign(
        f"a ZIP archive without model.ini, so no H2O MOJO (it holds {shown or 'nothing'})",
        "unpack it and name the model in it, or export the MOJO again with model.save_mojo(...)",
    )


def _folder(path: Path) -> Foreign | None:
    for names, found in FOLDERS:
        if all((path / name).is_file() for name in names):
            return found
    if (path / "metadata").is_dir() and any((path / "metadata").glob("part-*")):
        return SPARK
    inner = next((found.parent for depth in ("*", "*/*") for found in sorted(path.glob(f"{depth}/MLmodel"))), None)
    return None if inner is None else Foreign("a folder with MLflow models in it", f"name the folder of one: {inner}")
