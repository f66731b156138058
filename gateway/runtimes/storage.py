"""
A compiled model as one file: msgpack with numpy arrays as (dtype, shape, bytes). No pickle, nothing that could run.

Knows nothing about what a program means.
"""

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from gateway.runtimes.base import Draft
from gateway.schema import Signature
from gateway.system import atomic, files
from gateway.system.own_code import RUNNING, source_digest

#: Raised when a runtime changes what it understands; older files then count as unreadable.
FORMAT = 2
MOST_BYTES = 2**31
_ARRAY = 1
#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_SIGNATURES: Final = msgspec.json.Decoder(Signature)


def write(path: Path, draft: Draft) -> str:
    """Write atomically and return the sha256 of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    signature = msgspec.to_builtins(draft.signature)
    data = msgspec.msgpack.encode(
        {
            "format": FORMAT,
            "code": source_digest(RUNNING),
            "runtime": draft.runtime,
            "signature": signature,
            "program": draft.program,
        },
        enc_hook=_to_wire,
    )
    atomic.replace_bytes(path, data)
    return hashlib.sha256(data).hexdigest()


def read(path: Path, sha256: str) -> Draft:
    """
    Return what was written.

    Raises OSError or ValueError where the file is absent, altered, of another format, or proven with other code than
    would run it here: a committed generation outlives an upgrade of the gateway.
    """
    data = files.read(path, MOST_BYTES)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError("the file was altered since it was proven")
    found = msgspec.msgpack.decode(data, ext_hook=_from_wire)
    if found.get("format") != FORMAT:
        raise ValueError(f"format {found.get('format')}, expected {FORMAT}")
    if found.get("code") != source_digest(RUNNING):
        raise ValueError("it was proven with other code of this gateway")
    signature = msgspec.convert(found["signature"], Signature)  # safe in threads: _SIGNATURES has looked at the type
    return Draft(runtime=found["runtime"], program=found["program"], signature=signature)


def discard(path: Path) -> None:
    """Delete a compiled model, and what an interrupted `write` left of it."""
    path.unlink(missing_ok=True)
    atomic.forget_drafts(path)


def _to_wire(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        fields = (value.dtype.str, list(value.shape), np.ascontiguousarray(value).tobytes())
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode(fields))
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a compiled model cannot hold a {type(value).__name__}")


def _from_wire(code: int, data: memoryview) -> Any:
    if code != _ARRAY:
        raise ValueError(f"unknown extension {code}")
    dtype, shape, content = msgspec.msgpack.decode(data)
    return np.frombuffer(content, dtype=np.dtype(dtype)).reshape(shape)
