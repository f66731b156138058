"""Read the head of a NumPy file: type and shape of its array, and whether its bytes are a pickle."""

import ast
import struct
from typing import IO, Any, Final

_MAGIC_BYTES: Final = 6
_MOST_BYTES: Final = 65_536
#: Types of records that hold objects, and of plain arrays of them.
_OBJECTS: Final = ("|O", "O")


def told_array(stream: IO[bytes]) -> tuple[str, bool]:
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
