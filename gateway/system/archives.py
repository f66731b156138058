"""
Bounds of ZIP archives, checked by the table of contents before any member is read: entries, sizes, ratio, names.

Unpacks nothing. The sizes are what the archive says; a member that lies about its own is cut off there by zipfile.
"""

import io
import re
import stat
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from gateway.system import files

#: The table of contents of an archive with 100,000 members.
TABLE_BYTES: Final = 8 * 2**20
_SHOWN: Final = 80
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_ENCRYPTED: Final = 0x1


class UnsafeArchiveError(Exception):
    """Say what is wrong with an archive; `is_too_large` where it would fill memory or disk."""

    def __init__(self, reason: str, *, is_too_large: bool = False) -> None:
        super().__init__(reason)
        self.is_too_large = is_too_large


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """
    Limit an archive: how many members it has, and to how many bytes they unpack.

    Up to `harmless_bytes` they may unpack to any multiple of their size, above that to `most_ratio` times the archive.
    """

    most_members: int = 100_000
    #: Arrays of zeros may shrink as much as they like below this size; memory holds it.
    harmless_bytes: int = 256 * 2**20
    #: Real models shrink to a half or a tenth; deflate's own limit is 1,032.
    most_ratio: int = 200


#: Those of models: a forest of 10,000 trees has 40,000 members as skops.
OF_MODELS: Final = Bounds()


class _Bounded(io.RawIOBase):
    """Read a file for zipfile, which takes the size of the table of contents from the file itself."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size <= TABLE_BYTES:
            found = self._file.read(size if size >= 0 else TABLE_BYTES + 1)
            if len(found) <= TABLE_BYTES:
                return found
        raise OSError(None, f"a table of contents of more than {TABLE_BYTES:,} bytes")

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def members_of(path: Path) -> list[zipfile.ZipInfo]:
    """Return the table of contents of an archive; raises zipfile.BadZipFile, or OSError for one that is too long."""
    with files.open_regular(path) as file, zipfile.ZipFile(_Bounded(file)) as archive:
        return archive.infolist()


def check(path: Path, bounds: Bounds = OF_MODELS) -> None:
    """Raise UnsafeArchiveError for an archive that no program which saves models writes; otherwise as `members_of`."""
    try:
        members = members_of(path)
    except OSError as error:
        raise UnsafeArchiveError(error.strerror or str(error), is_too_large=True) from error
    check_members(members, path.stat().st_size, bounds)


def check_members(members: list[zipfile.ZipInfo], packed: int, bounds: Bounds) -> None:
    """Raise UnsafeArchiveError for a table of contents beyond the bounds, or with names that lead out of a folder."""
    if len(members) > bounds.most_members:
        reason = f"it holds {len(members):,} members, at most {bounds.most_members:,} are read"
        raise UnsafeArchiveError(reason, is_too_large=True)
    size = sum(member.file_size for member in members)
    if size > bounds.harmless_bytes and size > bounds.most_ratio * packed:
        raise UnsafeArchiveError(f"{packed} bytes that unpack to {size}", is_too_large=True)
    for member in members:
        if fault := fault_of(member):
            raise UnsafeArchiveError(f"its member {member.filename[:_SHOWN]!r} {fault}")
    name, count = Counter(member.filename for member in members).most_common(1)[0] if members else ("", 0)
    if count > 1:
        raise UnsafeArchiveError(f"it holds {name[:_SHOWN]} twice")


def fault_of(member: zipfile.ZipInfo) -> str:
    """Return what is wrong with the name or the kind of a member, or ''."""
    # `filename` ends at a NUL and has the separators of this system; other programs may read the name as it stands.
    name = member.orig_filename
    parts = name.replace("\\", "/").split("/")
    if "\0" in name or any(ord(letter) < ord(" ") for letter in name):
        return "has a control character in its name"
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        return "has an absolute name"
    if ".." in parts:
        return "has a name that leads out of the archive"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link"
    return "is encrypted" if member.flag_bits & _ENCRYPTED else ""
