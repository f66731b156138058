"""
JSON Schema of registry.yaml for editors, generated from the keys (`# yaml-language-server: $schema=…`).

It helps while typing: only `gateway check` checks rules about several keys and about files.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.registry.executor_keys import ExecutorKeys
from gateway.registry.key_definition import Key
from gateway.registry.keys import (
    DEFAULTS_KEYS,
    EXECUTOR_KEYS,
    ID_KEYS,
    INPUT_KEYS,
    LIMIT_KEYS,
    OUTPUT_KEYS,
    PLOT_KEYS,
    READING_KEYS,
    REQUEST_LIMIT_KEYS,
    ROUTE_KEYS,
    SERVER_KEYS,
    TOP_KEYS,
)
from gateway.registry.limit_keys import LimitKeys
from gateway.registry.paths import RESERVED, RESERVED_ENDS
from gateway.registry.plot_keys import PlotKeys
from gateway.registry.reading_keys import ReadingKeys
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import OutputKeys, RouteSpec

#: Where the generated schema lies; a test holds it equal to `registry_schema()`.
SCHEMA_FILE: Final = Path(__file__).parent.parent / "registry.schema.json"

_Schema = dict[str, Any]

_SCALAR: Final[_Schema] = {"type": ["string", "number", "boolean"]}
_TEXT: Final[_Schema] = {"type": ["string", "number"], "minLength": 1}


def _text_or_list(text: _Schema) -> _Schema:
    return {"anyOf": [text, {"type": "array", "items": text, "minItems": 1, "uniqueItems": True}]}


_KINDS: Final[Mapping[str, _Schema]] = {
    "text": _TEXT,
    "text_or_list": _text_or_list(_TEXT),
    "flag": {"type": "boolean"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "choice": {},
    "bytes": {
        "anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*([KMGkmg][Ii]?)?[Bb]$"}]
    },
    "scalar": _SCALAR,
    "scalars": {"type": "array", "items": _SCALAR, "minItems": 1, "uniqueItems": True},
    "one_or_more": {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]},
    "bounds": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
    "texts": {"type": "array", "items": _TEXT, "uniqueItems": True},
    "text_or_texts": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "uniqueItems": True}]},
    "json": {},
    "section": {"type": ["object", "null"]},
    "reserved": {"not": {}},
}


def registry_schema() -> _Schema:
    """Return the schema as data (JSON Schema 2020-12)."""
    top = _object(TOP_KEYS, {})
    top["properties"]["version"] = {"const": 1, "description": TOP_KEYS["version"].doc}
    top["properties"]["defaults"] |= _section(DEFAULTS_KEYS, _defaults_of(RouteSpec))
    top["properties"]["defaults"]["properties"]["executor"] = _executor()
    top["properties"]["defaults"]["properties"]["limits"] |= _limits(LIMIT_KEYS)
    top["properties"]["server"] |= _section(SERVER_KEYS, _defaults_of(ServerSpec))
    top["properties"]["server"]["properties"]["reading"] |= _section(READING_KEYS, _defaults_of(ReadingKeys))
    top["properties"]["server"]["properties"]["limits"] |= _limits(REQUEST_LIMIT_KEYS)
    top["properties"]["routes"] |= {
        "propertyNames": {"pattern": _path_pattern()},
        "additionalProperties": {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/route"}]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "registry.yaml of the multi-model gateway",
        **top,
        "required": ["version", "routes"],
        **_artifact_or_executor(),
        "$defs": {"route": _route(), "field": _field()},
    }


def schema_text() -> str:
    """Return the content of SCHEMA_FILE."""
    return msgspec.json.format(msgspec.json.encode(registry_schema()), indent=2).decode() + "\n"


def _route() -> _Schema:
    route = _object(ROUTE_KEYS, _defaults_of(RouteSpec))
    properties = route["properties"]
    properties["aliases"]["items"] = properties["pages"]["items"] = {"type": "string", "pattern": _path_pattern()}
    properties["inputs"] |= {
        "propertyNames": {"pattern": "^[^_]"},
        "additionalProperties": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/field"}]},
    }
    properties["outputs"] |= _section(OUTPUT_KEYS, _defaults_of(OutputKeys))
    properties["reading"] |= _section(READING_KEYS, _defaults_of(ReadingKeys))
    properties["plot"] |= {**_section(PLOT_KEYS, _defaults_of(PlotKeys)), "required": ["file"]}
    properties["executor"] = _executor()
    properties["limits"] |= _limits(LIMIT_KEYS)
    properties["id"] |= {**_section(ID_KEYS, {}), "required": ["field"]}
    return route


def _artifact_or_executor() -> _Schema:
    """Return the rule that a route names an artifact, unless an executor, its own or that of all, has the model."""
    names_one = {"anyOf": [{"type": "string"}, {"required": ["artifact"]}, {"required": ["executor"]}]}
    return {
        "if": {"required": ["defaults"], "properties": {"defaults": {"type": "object", "required": ["executor"]}}},
        "else": {"properties": {"routes": {"additionalProperties": names_one}}},
    }


def _executor() -> _Schema:
    """Return the schema of `executor`: its keys, or its kind alone."""
    keys = _section(EXECUTOR_KEYS, _defaults_of(ExecutorKeys))
    return {"description": ROUTE_KEYS["executor"].doc, "anyOf": [{"enum": list(EXECUTOR_KEYS["kind"].choices)}, keys]}


def _limits(keys: Mapping[str, Key]) -> _Schema:
    return {**_section(keys, _defaults_of(LimitKeys)), "dependentRequired": {"burst": ["requests"]}}


def _field() -> _Schema:
    field = _object(INPUT_KEYS, {})
    field["properties"]["default"]["type"] = [*_SCALAR["type"], "null"]
    return field


def _path_pattern() -> str:
    reserved = "|".join(path.removeprefix("/").replace(".", r"\.") for path in RESERVED)
    ends = "|".join(RESERVED_ENDS)
    return rf"^(?!/({reserved})$)(?!.*({ends})$)(/[A-Za-z0-9._~-]+)+$"


def _section(keys: Mapping[str, Key], defaults: Mapping[str, Any]) -> _Schema:
    return {**_object(keys, defaults), "type": ["object", "null"]}


def _object(keys: Mapping[str, Key], defaults: Mapping[str, Any]) -> _Schema:
    properties = {name: _property(key, defaults.get(key.target)) for name, key in keys.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _property(key: Key, default: Any) -> _Schema:
    schema = {**_KINDS[key.kind], "description": key.doc}
    if key.kind == "reserved":
        schema["description"] = f"reserved, not available yet: {key.doc}"
    if key.choices:
        schema["enum"] = list(key.choices)
    if key.pattern:
        text = {"type": "string", "pattern": f"^{key.pattern}$"}
        schema.update(_text_or_list(text) if key.kind == "text_or_list" else text)
    bounds = {"minimum": key.minimum, "exclusiveMinimum": key.above, "maximum": key.maximum}
    schema.update({name: bound for name, bound in bounds.items() if bound is not None})
    if isinstance(default, bool | int | float | str) and default not in ("", "."):
        schema["default"] = default
    return schema


def _defaults_of(spec: type) -> dict[str, Any]:
    return {field.name: field.default for field in fields(spec)}


def write_schema() -> None:
    """Write SCHEMA_FILE; run this after a change of the keys."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    write_schema()
