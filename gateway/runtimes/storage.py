"""
A compiled model as one file: msgpack with numpy arrays as (dtype, shape, bytes). No pickle, nothing that could run.

Knows nothing about what a program means: each runtime brings the type of its programs, and a file of another shape is
refused by the name of what does not fit.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, get_args, get_origin

import msgspec
import numpy as np

from gateway.runtimes.base import Draft
from gateway.schema import Signature
from gateway.system import atomic, files
from gateway.system.gateway_code import RUNNING, source_digest

P = TypeVar("P", bound=msgspec.Struct)

#: Raised when a runtime changes what it understands; older files then count as unreadable.
FORMAT = 3
MOST_BYTES = 2**31
_ARRAY = 1


class _Head(msgspec.Struct):
    """Say whether the rest can be understood."""

    format: int = 0
    code: str = ""


class _Document(_Head, kw_only=True, forbid_unknown_fields=True):
    runtime: str
    signature: Signature
    program: msgspec.Raw


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_read_head: Final = msgspec.msgpack.Decoder(_Head).decode
_read_document: Final = msgspec.msgpack.Decoder(_Document).decode


@dataclass(frozen=True, slots=True)
class Stored:
    """Hold what a file says; `program` is still in bytes, for the runtime to decode."""

    runtime: str
    signature: Signature
    program: bytes


def write(path: Path, draft: Draft) -> str:
    """Write atomically and return the sha256 of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = _Document(
        format=FORMAT,
        code=source_digest(RUNNING),
        runtime=draft.runtime,
        signature=draft.signature,
        program=msgspec.Raw(msgspec.msgpack.encode(draft.program, enc_hook=to_wire)),
    )
    data = msgspec.msgpack.encode(document)
    atomic.replace_bytes(path, data)
    return hashlib.sha256(data).hexdigest()


def read(path: Path, sha256: str) -> Stored:
    """
    Return what was written.

    Raises OSError or ValueError where the file is absent, altered, of another format, or proven with other code than
    would run it here: a committed generation outlives an upgrade of the gateway.
    """
    data = files.read(path, MOST_BYTES)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError("the file was altered since it was proven")
    head = _read_head(data)
    if head.format != FORMAT:
        raise ValueError(f"format {head.format}, expected {FORMAT}")
    if head.code != source_digest(RUNNING):
        raise ValueError("it was proven with other code of this gateway")
    document = _read_document(data)
    return Stored(document.runtime, document.signature, bytes(document.program))


def program_decoder(kind: type[P]) -> Callable[[bytes], P]:
    """Return what reads programs of one runtime; it raises ValueError (msgspec's) that names the part that misfits."""
    return msgspec.msgpack.Decoder(kind, ext_hook=from_wire, dec_hook=_as_array).decode


def discard(path: Path) -> None:
    """Delete a compiled model, and what an interrupted `write` left of it."""
    path.unlink(missing_ok=True)
    atomic.forget_drafts(path)


def to_wire(value: object) -> object:
    """Return an array as msgpack takes it (msgspec's enc_hook)."""
    if isinstance(value, np.ndarray):
        fields = (value.dtype.str, list(value.shape), np.ascontiguousarray(value).tobytes())
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode(fields))
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a compiled model cannot hold a {type(value).__name__}")


def from_wire(code: int, data: memoryview) -> object:
    """Return the array of a msgpack extension (msgspec's ext_hook)."""
    if code != _ARRAY:
        raise ValueError(f"unknown extension {code}")
    dtype, shape, content = msgspec.msgpack.decode(data)
    return np.frombuffer(content, dtype=np.dtype(dtype)).reshape(shape)


def _as_array(kind: Any, value: object) -> object:
    """Return an array whose numbers are of the kind that the field wants; msgspec refuses what is no array."""
    scalar = get_args(get_args(kind)[1])[0]
    wanted = get_origin(scalar) or scalar
    if isinstance(value, np.ndarray) and not np.issubdtype(value.dtype, wanted):
        raise ValueError(f"Expected an array of {wanted.__name__}, got one of {value.dtype}")
    return value
