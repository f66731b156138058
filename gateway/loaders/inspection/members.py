"""Inspect the members of archives, also of those inside of archives, within bounds of members, bytes and depth."""

import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from gateway.loaders.inspection.arrays import BROKEN, NUMPY_HEAD, add_array
from gateway.loaders.inspection.pickles import may_be_pickle
from gateway.loaders.inspection.report import Inspection
from gateway.system import archives

#: Members of an archive that are read; all are listed.
MOST_READ: Final = 10_000
HEAD_BYTES: Final = 512
BYTES_IN_FRONT: Final = "other bytes stand in front of the archive"
_SCHEMA: Final = "schema.json"
_ZIP: Final = b"PK"
#: Where a tar archive says that it is one.
_TAR: Final = slice(257, 262)
_PACKED: Final = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ": "xz"}
_PLAIN: Final = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE, tarfile.DIRTYPE)


@dataclass(slots=True)
class Walk:
    """
    Carry what inspects the copy of a member under its name, and what is left of the bounds of a whole inspection.

    They are how many archives may still lie in one another, how many bytes of members may still be copied to be read,
    and how many may still be stepped over, where a packed archive has to be unpacked for that.
    """

    inspect: Callable[[Inspection, Path, str, "Walk"], None]
    depth: int = 5
    copied_bytes: int = 2**30
    passed_bytes: int = 16 * 2**30


def add_zip(found: Inspection, path: Path, walk: Walk) -> None:
    """Add the members of a ZIP archive, and what they name."""
    found.what = "an archive"
    try:
        members = archives.members_of(path)
    except BROKEN as error:
        found.warnings.append(f"the table of contents cannot be read: {getattr(error, 'strerror', None) or error}")
        return
    found.members += [(member.filename, member.file_size) for member in members]
    if min((member.header_offset for member in members), default=0):
        # Other readers may begin with these: an archive in front of an archive is another one to them.
        found.warnings.append(BYTES_IN_FRONT)
    try:
        archives.check(path)
    except archives.UnsafeArchiveError as error:
        found.warnings.append(f"{error}: no member was read")
        return
    if len(members) > MOST_READ:
        found.warnings.append(f"members behind the first {MOST_READ:,} were not read")
    with zipfile.ZipFile(path) as archive:
        for member in members[:MOST_READ]:
            try:
                _zip_member(found, archive, member, walk)
            except BROKEN as error:
                found.warnings.append(f"{member.filename} cannot be read: {error}")


def _zip_member(found: Inspection, archive: zipfile.ZipFile, member: zipfile.ZipInfo, walk: Walk) -> None:
    with archive.open(member) as stream:
        head = stream.read(HEAD_BYTES)
    if member.filename == _SCHEMA:
        found.what = "a skops file"
        found.types += _types(json.loads(archive.read(member)))
    elif member.filename == "model.ini":
        found.what = "a MOJO"
    elif head.startswith(NUMPY_HEAD):
        with archive.open(member) as stream:
            add_array(found, member.filename, stream)
    elif is_worth_a_look(member.filename, head):
        with archive.open(member) as stream:
            _inner(found, stream, member.filename, member.file_size, walk)


def open_tar(path: Path, head: bytes) -> tarfile.TarFile:
    """Open a tar archive, packed as its first bytes say: by itself tarfile looks for xz behind any zeros."""
    packed = next((name for magic, name in _PACKED.items() if head.startswith(magic)), "")
    return tarfile.open(path, f"r:{packed}")  # type: ignore[call-overload, no-any-return]


def add_tar(found: Inspection, path: Path, head: bytes, walk: Walk) -> None:
    """Add the members of a tar archive, also a packed one, and what they name."""
    found.what = "a tar archive"
    try:
        with open_tar(path, head) as archive:
            for number, member in enumerate(archive):
                found.members.append((member.name, member.size))
                if not _tar_member(found, archive, member, walk):
                    return
                if number >= MOST_READ:
                    found.warnings.append(f"members behind the first {MOST_READ:,} were not read")
                    return
    except BROKEN as error:
        found.warnings.append(f"what follows {len(found.members):,} members cannot be read: {error}")


def _tar_member(found: Inspection, archive: tarfile.TarFile, member: tarfile.TarInfo, walk: Walk) -> bool:
    """Add one member; return whether there is a way on."""
    name = member.name.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/"):
        found.warnings.append(f"its member {name[:80]!r} has a name that leads out of the archive")
    if member.type not in _PLAIN:
        found.warnings.append(f"its member {name[:80]!r} is a link or a device")
        return True
    # A packed archive is unpacked as far as its members say that they reach.
    if not 0 <= member.size <= walk.passed_bytes:
        found.warnings.append(f"its member {name[:80]!r} is too large: it and what follows were not read")
        return False
    walk.passed_bytes -= member.size
    stream = archive.extractfile(member) if member.isreg() else None
    if stream is not None:
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        if head.startswith(NUMPY_HEAD):
            add_array(found, member.name, stream)
        elif is_worth_a_look(member.name, head):
            _inner(found, stream, member.name, member.size, walk)
    return True


def is_worth_a_look(name: str, head: bytes) -> bool:
    """Say whether the begin of a member may be that of an archive, a pickle, a graph or code."""
    if head.startswith(_ZIP) or head[_TAR] == b"ustar" or name.lower().endswith((".onnx", ".py", ".tar", ".zip")):
        return True
    return may_be_pickle(name, head)


def _inner(found: Inspection, stream: IO[bytes], name: str, size: int, walk: Walk) -> None:
    """Copy a member and inspect the copy."""
    if not walk.depth:
        found.warnings.append(f"{name} lies in too many archives: it was not read")
    elif size > walk.copied_bytes:
        found.warnings.append(f"{name} is too large: it was not read")
    else:
        walk.copied_bytes -= size
        inner = Inspection(file=name, size_bytes=0, what="")
        with tempfile.NamedTemporaryFile(prefix="gateway-inspect-") as copy:
            shutil.copyfileobj(stream, copy)
            copy.flush()
            walk.depth -= 1
            walk.inspect(inner, Path(copy.name), name, walk)
            walk.depth += 1
        found.add(inner)
        if found.what in {"an archive", "a tar archive"} and inner.what == "a pickle":
            found.what += " with a pickle"


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
