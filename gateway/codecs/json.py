"""JSON bodies in every dialect to instances, and values to JSON. Knows no HTTP and no rule of a field."""

import codecs
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from gateway.codecs import json_pieces
from gateway.codecs.base import Decoded, refuse
from gateway.codecs.json_faults import explain_body, reject_duplicates
from gateway.codecs.json_pointers import bare
from gateway.codecs.json_size import count
from gateway.codecs.positional_line import parse_line
from gateway.schema import Signature
from gateway.validation.faults import member

_WORDS = ("data", "instances")
_decoder = msgspec.json.Decoder()
#: Members of an object that is decoded in one go; tables have at most 10,000 columns.
MAX_MEMBERS = 50_000
_FEW_OBJECTS = 100
#: Rows that are looked at in one call, which holds the interpreter.
_ROWS = 50_000
_DIALECTS = 'an object of fields, {"data": […]}, {"instances": […]}, or an array of objects or lists'


@dataclass(frozen=True, slots=True)
class JsonCodec:
    """
    Read the JSON bodies of one route; thread-safe.

    `data` and `instances` are dialect words unless they are among `fields`, the names and aliases that the route
    declares. Where it has one field, `{"instances": [1, 2]}` is two instances; where that field is text,
    `{"data": "a, b"}` is that text, comma and all. `strict` makes other names beside a dialect word faults.
    """

    fields: frozenset[str]
    strict: bool = True
    one_field: bool = False
    one_text: bool = False

    @classmethod
    def of(cls, signature: Signature, *, strict: bool = True, id_fields: Iterable[str] = ()) -> "JsonCodec":
        """Return the codec for a signature; build it once per route."""
        names = {name for field in signature.inputs for name in (field.name, *field.aliases)}.union(signature.dropped)
        one_field = len(signature.positions) == 1
        one_text = one_field and signature.inputs[0].type == "string"
        return cls(frozenset(names.union(id_fields)), strict, one_field, one_text)

    def decode(self, body: bytes, check: Callable[[int], object] = int) -> Decoded:
        """
        Return the instances of a body; raises InputError for anything that is not JSON or not a dialect.

        `check` is called with the number of instances while a long body is decoded.
        """
        value = parse(body, check)
        if type(value) is dict:
            for word in _WORDS:
                if word in value and word not in self.fields:
                    return self._wrapped(value, word)
            return Decoded([value], True, parameters=_options(value))
        if type(value) is list:
            return Decoded(_rows(value, "$"), False)
        return refuse("json-type", f"{_kind(value)} alone is not an instance", expected=_DIALECTS)

    def _wrapped(self, body: dict[str, Any], word: str) -> Decoded:
        """Read `{"data": …}` or `{"instances": …}`."""
        at = f"$.{word}"
        options = _options(body)
        beside = [name for name in body if name != word and name not in options]
        if beside and self.strict:
            message = f"{json.dumps(beside[0][:80])} must not stand beside {word}"
            refuse(
                "unknown-field",
                message,
                at=member("$", beside[0]),
                expected=f"{word} alone",
                hint="options start with an underscore",
            )
        content = body[word]
        if word == "data" and type(content) is str:
            return self.line(content, at, options)
        if type(content) is not list:
            refuse("json-type", f"{word} must be a list, not {_kind(content)}", at=at, expected=_DIALECTS)
        scalar = bool(content) and type(content[0]) not in (list, dict)
        if word == "data" and scalar:
            return Decoded([content], True, False, at, options)
        if scalar and self.one_field:
            rows = [[value] for value in content]
            return Decoded(rows, False, False, at, options, bare(at))
        return Decoded(_rows(content, at), False, False, at, options)

    def line(self, text: str, at: str, options: Mapping[str, Any] = MappingProxyType({})) -> Decoded:
        """Read the values of one instance in order: `1,106,70`; a single text field takes the whole text."""
        return Decoded([[text] if self.one_text else parse_line(text, at=at)], True, True, at, options)


def _options(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name.startswith("_")}


def _rows(rows: list[Any], at: str) -> list[Any]:
    """Check that a batch is not empty and of one kind."""
    kinds: set[type] = set()
    for start in range(0, len(rows), _ROWS):
        kinds.update(map(type, rows[start : start + _ROWS]))
    if kinds in ({dict}, {list}):
        return rows
    if not rows:
        refuse("empty-batch", "the batch has no instances", at=at, expected="at least one instance")
    first = type(rows[0])
    if first not in (dict, list):
        hint = 'send the values of one instance as {"data": […]}' if at == "$" else None
        refuse("json-type", f"{_kind(rows[0])} is not an instance", at=f"{at}[0]", expected=_DIALECTS, hint=hint)
    index = next(index for index, row in enumerate(rows) if type(row) is not first)
    message = f"a batch holds objects or lists, not both: {_kind(rows[index])} follows {_kind(rows[0])}"
    return refuse("mixed-batch", message, at=f"{at}[{index}]", expected=_kind(rows[0]))


_KINDS = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null")


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
