"""Read the head of a NumPy file: type and shape of its array, and whether its bytes are a pickle."""

import ast
import struct
import tarfile
import zipfile
import zlib
from typing import IO, Any, Final

from gateway.loaders.inspection.report import Inspection

NUMPY_HEAD: Final = b"\x93NUMPY"
#: What readers of archives and heads raise for bytes that are none.
BROKEN: Final = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error, OSError, EOFError, RuntimeError),
    *(ValueError, KeyError, TypeError, SyntaxError, MemoryError),
)
_MAGIC_BYTES: Final = 6
_MOST_BYTES: Final = 65_536
#: Types of records that hold objects, and of plain arrays of them.
_OBJECTS: Final = ("|O", "O")


def add_array(found: Inspection, name: str, stream: IO[bytes]) -> None:
    """Add what the head of a NumPy file says; raises one of BROKEN."""
    told, holds_pickle = _told(stream)
    found.arrays.append(f"{name}: {told}")
    if holds_pickle:
        found.warnings.append(f"{name} is an array of objects, which NumPy reads as a pickle")


def _told(stream: IO[bytes]) -> tuple[str, bool]:
    """Return what the head says, and whether the array is one of objects; raises ValueError where it says nothing."""
    stream.read(_MAGIC_BYTES)
    major = stream.read(2)[:1]
    size = struct.unpack("<H", stream.read(2))[0] if major == b"\x01" else struct.unpack("<I", stream.read(4))[0]
    if size > _MOST_BYTES:
        raise ValueError("its head is too long")
    head: Any = ast.literal_eval(stream.read(size).decode("latin1").strip())
    if not isinstance(head, dict) or not {"descr", "shape"} <= set(head):
        raise ValueError("its head is none of NumPy")
    return f"{head['descr']} {head['shape']}", _holds_objects(head["descr"])


def _holds_objects(told: Any) -> bool:
    if isinstance(told, str):
        return told.startswith(_OBJECTS)
    return any(_holds_objects(part) for part in told) if isinstance(told, list | tuple) else False
