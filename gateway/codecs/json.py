"""Bytes to JSON values, strictly, and values to bytes. Knows no HTTP, no shape and no rule of a field."""

import codecs
import json
import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from gateway.codecs import json_pieces
from gateway.codecs.base import refuse
from gateway.codecs.json_faults import explain_body, reject_duplicates
from gateway.codecs.json_size import count

_decoder = msgspec.json.Decoder()
#: Members of an object that is decoded in one go; tables have at most 10,000 columns.
MAX_MEMBERS = 50_000
_FEW_OBJECTS = 100


def parse(body: bytes, check: Callable[[int], object] = int) -> Any:
    """
    Decode strict UTF-8 JSON with or without a byte order mark; raises InputError, also for duplicate keys.

    `check` is called with the number of elements of a long array while it is decoded.
    """
    if body.startswith(codecs.BOM_UTF8):
        body = body[3:]
    is_long = len(body) > json_pieces.PIECE
    if is_long and _members_of_one(body) > MAX_MEMBERS:
        message = f"the object has more than {MAX_MEMBERS} members"
        refuse("too-many-fields", message, expected="an object of fields", hint="send rows as a list of objects")
    try:
        value = json_pieces.decode(body, check) if is_long else _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        explain_body(body, problem)
    # Every member has a colon: as many colons as decoded members prove that none was dropped. Colons inside texts and
    # nested values make the second, slower look necessary.
    if (count(body, b":") if is_long else body.count(b":")) != _members(value):
        reject_duplicates(body)
    return value


def _members_of_one(body: bytes) -> int:
    """Return about how many members a body has that is one object and no list of them; quotes in texts are escaped."""
    if count(body, b"{") > _FEW_OBJECTS:
        return 0
    return count(body, b'":') - count(body, b'\\":')


def _members(value: Any, depth: int = 2) -> int:
    """Count the members of objects down to the depth of a batch of flat instances, or of a wrapped table."""
    if type(value) is list:
        return sum(len(row) for row in value if type(row) is dict)
    if type(value) is not dict:
        return 0
    return len(value) + (sum(_members(inner, depth - 1) for inner in value.values()) if depth else 0)


def encode(value: Any) -> bytes:
    """
    Encode a value as compact UTF-8 JSON; NaN and infinities become null, numpy's scalars and arrays plain JSON.

    Text that no encoding can carry (lone surrogates) is escaped instead of failing.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return json.dumps(_plain(value), separators=(",", ":"), allow_nan=False).encode()


def _from_numpy(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


_encoder = msgspec.json.Encoder(enc_hook=_from_numpy)


def _plain(value: Any) -> Any:
    """Copy a value into a form that the standard library encodes as `_encoder` would."""
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
