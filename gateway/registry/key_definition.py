"""
Describe one key of registry.yaml: its kind of value, its limits and its meaning.

A field of the spec carries its key as `Annotated[type, Key("…")]`. Parser, JSON Schema and docs read the keys.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

Kind: TypeAlias = Literal[
    "text",  # a scalar, taken as it is written (`version: 1.10` stays "1.10")
    "text_or_list",  # one text, or a list of several; a list of one is that one
    "flag",
    "number",
    "integer",
    "choice",
    "bytes",  # 33554432 or 32MiB
    "scalar",
    "scalars",  # a list of scalars
    "one_or_more",  # a scalar or a list of scalars
    "bounds",  # a list of two whole numbers, the lower first
    "texts",  # a list of text
    "text_or_texts",
    "json",
    "section",  # a mapping with rules of its own
    "reserved",
    "inferred",  # what the type of the field says
]
#: Kind of a field that names none.
_KINDS: Final[Mapping[Any, Kind]] = {str: "text", bool: "flag", int: "integer", float: "number"}


@dataclass(frozen=True, slots=True)
class Key:
    """
    Describe one key.

    Name, attribute, kind and choices come from the annotated field where they are not given. `above` excludes the
    bound itself. `for_types` are the field types an input keyword has a meaning for; `in_defaults` admits the key under
    the top-level `defaults`.
    """

    doc: str
    kind: Kind = "inferred"
    name: str = ""
    attribute: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    for_types: tuple[str, ...] = ()
    in_defaults: bool = False

    @property
    def target(self) -> str:
        """Return the attribute of the spec that holds the value."""
        return self.attribute or self.name


def table(**keys: Key) -> dict[str, Key]:
    """Return keys by name."""
    return {name: replace(key, name=name) for name, key in keys.items()}


def keys_of(spec: type) -> dict[str, Key]:
    """Return the keys that fill a dataclass, by name, in the order of its fields."""
    found = {}
    for attribute, hint in get_type_hints(spec, include_extras=True).items():
        if get_origin(hint) is Annotated:
            value, key = get_args(hint)
            base = _without_none(value)
            choices = get_args(base) if get_origin(base) is Literal else ()
            kind = key.kind
            if kind == "inferred":
                kind = "choice" if choices else _KINDS[base]
            name = key.name or attribute
            found[name] = replace(key, name=name, attribute=attribute, kind=kind, choices=choices)
    return found


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        parts = [part for part in get_args(hint) if part is not type(None)]
        return parts[0] if len(parts) == 1 else hint
    return hint
