"""
JSON bodies of one route to instances: one object, a batch, or one of the shapes in which clients wrap them.

A shape is read where it has one meaning for the route; for another one the fault tells the body to send. Knows no HTTP
and no rule of a field.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from gateway.codecs import json_shapes
from gateway.codecs.base import Decoded, refuse
from gateway.codecs.json import encode, parse
from gateway.codecs.json_inside import instances_inside
from gateway.codecs.json_pointers import bare
from gateway.codecs.json_shapes import DIALECTS, kind_of, options_of, rows_of
from gateway.codecs.positional_line import parse_line
from gateway.errors import InputError
from gateway.schema import Signature
from gateway.system.suggest import nearest
from gateway.validation.faults import member, printable

#: Words that wrap rows, also the only one.
_ROWS: Final = ("instances", "inputs", "rows", "records", "dataframe_records")
#: Words that wrap one instance, its values in order, or rows.
_VALUES: Final = ("data", "features", "input", "input_data", "X", "x", "values", "dataframe_split")
WORDS: Final = (*_VALUES[:1], *_ROWS[:1], *_VALUES[1:], *_ROWS[1:])
_WRAPPING: Final = frozenset(WORDS)
_NESTED: Final = frozenset({list, dict})
#: Characters of a body that a hint repeats.
_MOST_SHOWN: Final = 300
_OTHERWISE: Final = 'send the values of one instance as {"data": […]}, or an object of fields'


@dataclass(frozen=True, slots=True)
class JsonCodec:
    """
    Read the JSON bodies of one route; thread-safe.

    WORDS wrap instances unless they are among `fields`, the names and aliases that the route declares. Where it has one
    field, `{"instances": [1, 2]}` is two instances; where that field is text, `{"data": "a, b"}` is that text, comma
    and all. `strict` makes other names beside such a word faults, `redact` keeps values out of hints,
    `order` is that of values without names.
    """

    fields: frozenset[str]
    strict: bool = True
    one_field: bool = False
    one_text: bool = False
    redact: bool = False
    order: Sequence[str] = ()

    @classmethod
    def of(
        cls, signature: Signature, *, strict: bool = True, id_fields: Iterable[str] = (), redact: bool = False
    ) -> "JsonCodec":
        """Return the codec for a signature; build it once per route."""
        names = {name for field in signature.inputs for name in (field.name, *field.aliases)}.union(signature.dropped)
        one_field = len(signature.positions) == 1
        one_text = one_field and signature.inputs[0].type == "string"
        return cls(frozenset(names.union(id_fields)), strict, one_field, one_text, redact, signature.positions)

    def decode(self, body: bytes, check: Callable[[int], object] = int) -> Decoded:
        """
        Return the instances of a body; raises InputError for anything that is not JSON or has no such shape.

        `check` is called with the number of instances while a long body is decoded.
        """
        value = parse(body, check)
        if type(value) is str and (inner := _encoded_twice(value)) is not None:
            value = parse(inner, check)
        return self._whole(value, check)

    def _whole(self, value: Any, check: Callable[[int], object]) -> Decoded:
        if type(value) is dict:
            return self._object(value, check)
        if type(value) is list:
            return Decoded(self._rows(value, "$"), False)
        return refuse("json-type", f"{kind_of(value)} alone is not an instance", expected=DIALECTS)

    def _object(self, value: dict[str, Any], check: Callable[[int], object]) -> Decoded:
        """Read one instance, a table, or what a word wraps."""
        if not _WRAPPING.isdisjoint(value):
            for word in WORDS:
                if word in value and word not in self.fields:
                    return self._worded(value, word, check)
        return self._plain(value, check)

    def _worded(self, value: dict[str, Any], word: str, check: Callable[[int], object]) -> Decoded:
        """Read an object with a word that may wrap something; beside fields most words are unknown names."""
        if len(value) > 1:
            table = json_shapes.framed(value, "$", self.fields)
            if table is not None:
                return self._table(table, "$", options_of(value))
            if word not in WORDS[:2] and not self.fields.isdisjoint(value):
                return self._plain(value, check)
        return self._wrapped(value, word, check)

    def _plain(self, value: dict[str, Any], check: Callable[[int], object]) -> Decoded:
        """Read an object of fields; where its first member is a list or an object, all are looked at."""
        options = options_of(value)
        if options or type(next(iter(value.values()), None)) in _NESTED:
            return self._nested(value, options, check)
        self._check_fields(value, "$")
        return Decoded([value], True, parameters=options)

    def _check_fields(self, value: dict[str, Any], at: str) -> None:
        """Refuse an object without any field that holds instances further inside."""
        if not value or not self.fields.isdisjoint(value):
            return
        inside = instances_inside(value, self.fields, len(self.order))
        if inside is not None:
            name = next((one for one in value if not one.startswith("_")), "")
            message = f"{printable(name)} is not a field of this route"
            refuse("unknown-field", message, at=member(at, name), expected=DIALECTS, hint=self._send(inside))

    def _nested(self, value: dict[str, Any], options: Mapping[str, Any], check: Callable[[int], object]) -> Decoded:
        """Read an object that holds lists or objects: columns, rows by label, or one instance that is none."""
        content = {name: one for name, one in value.items() if name not in options} if options else value
        table = json_shapes.table(content, "$", self.fields, check)
        if table is not None:
            return self._table(table, "$", options)
        if len(content) == 1 and type(next(iter(content.values()))) in _NESTED:
            self._refuse_wrapper(*next(iter(content.items())))
        self._check_fields(content, "$")
        return Decoded([value], True, parameters=options)

    def _refuse_wrapper(self, name: str, content: Any) -> None:
        """Refuse a word that wraps something and is neither known nor a misspelt field."""
        if name in self.fields or nearest(name, self.fields) is not None:
            return
        message = f"{printable(name)} is not a field of this route"
        inside = instances_inside(content, self.fields, len(self.order))
        sent = content if inside is None else inside
        refuse("unknown-field", message, at=member("$", name), expected=DIALECTS, hint=self._send(sent))

    def _wrapped(self, body: dict[str, Any], word: str, check: Callable[[int], object]) -> Decoded:
        """Read `{"data": …}`, `{"instances": …}` and so on."""
        at = f"$.{word}"
        options = options_of(body)
        beside = [name for name in body if name != word and name not in options]
        if beside and self.strict:
            message = f"{encode(beside[0][:80]).decode()} must not stand beside {word}"
            refuse(
                "unknown-field",
                message,
                at=member("$", beside[0]),
                expected=f"{word} alone",
                hint=self._alone(body, word),
            )
        content = body[word]
        if type(content) is str and word in _VALUES:
            return self.line(content, at, options)
        if type(content) is dict:
            # The words of a data frame are no names of fields where it is said to be one.
            names = frozenset[str]() if word == "dataframe_split" else self.fields
            table = json_shapes.framed(content, at, names) or json_shapes.table(content, at, self.fields, check)
            if table is not None:
                return self._table(table, at, options)
            self._check_fields(content, at)
            return Decoded([content], True, False, at, options)
        if type(content) is not list:
            hint = self._send({"data": content}) if type(content) is str and not self.one_text else None
            message = f"{word} must be a list, not {kind_of(content)}"
            refuse("json-type", message, at=at, expected=DIALECTS, hint=hint)
        scalar = bool(content) and type(content[0]) not in (list, dict)
        if word in _VALUES and scalar:
            return Decoded([content], True, False, at, options)
        if scalar and self.one_field:
            rows = [[value] for value in content]
            return Decoded(rows, False, False, at, options, bare(at))
        return Decoded(self._rows(content, at), False, False, at, options)

    def _alone(self, body: dict[str, Any], word: str) -> str:
        """Return the hint for names beside a word: rows with the names beside them, else what the word wraps."""
        rest = {name: one for name, one in body.items() if name == word or name.startswith("_")}
        inside = instances_inside(body, self.fields, len(self.order))
        named = type(inside) is dict and "columns" in inside and "columns" not in self.fields
        return self._send(inside if named else rest, "options start with an underscore")

    def _table(self, table: json_shapes.Read, at: str, options: Mapping[str, Any]) -> Decoded:
        rows, locator, columns = table
        if not rows:
            refuse("empty-batch", "the batch has no instances", at=at, expected="at least one instance")
        return Decoded(rows, False, False, at, options, locator, columns)

    def _rows(self, rows: list[Any], at: str) -> list[Any]:
        first = rows[0] if rows else None
        is_flat = bool(rows) and type(first) not in (dict, list)
        return rows_of(rows, at, self._send({"data": rows}) if is_flat else None)

    def _send(self, content: Any, otherwise: str = _OTHERWISE) -> str:
        """Return the hint that tells the body to send, with the values of the client where they are few."""
        wanted = {"data": content} if type(content) is not dict else content
        shown = "" if self.redact else encode(wanted).decode("utf-8", "replace")
        if not shown or len(shown) > _MOST_SHOWN:
            return otherwise
        return f"send {shown}"

    def line(self, text: str, at: str, options: Mapping[str, Any] = MappingProxyType({})) -> Decoded:
        """
        Read the values of one instance in order: `1,106,70`; a single text field takes the whole text.

        For any other route, a text that is itself a JSON object or list is that.
        """
        if self.one_text:
            return Decoded([[text]], True, True, at, options)
        if (inner := _encoded_twice(text)) is None:
            return Decoded([parse_line(text, at=at)], True, True, at, options)
        try:
            value = parse(inner)
            decoded = self._whole({"data": value} if type(value) is list else value, int)
        except InputError as error:
            raise json_shapes.inside(at, error) from None
        decoded.parameters = {**options, **decoded.parameters}
        return decoded


def _encoded_twice(text: str) -> bytes | None:
    """Return the JSON inside a text that holds an object or a list, None for other texts."""
    stripped = text.strip()
    return stripped.encode("utf-8", "surrogatepass") if stripped[:1] in ("{", "[") else None
