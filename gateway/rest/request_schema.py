"""What a route takes, as JSON Schema: an object of fields and aliases, a positional list, batches of both. Pure."""

from typing import Any, Final

from gateway.rest.schemas import field_schema
from gateway.schema import Field, Signature

Schema = dict[str, Any]

#: Options of a call may stand beside the fields.
_OPTIONS: Final[Schema] = {"^_": {}}
_ID: Final[Schema] = {"type": ["string", "number", "null"], "description": "id of the row, given back with its answer"}


def instance_schema(signature: Signature, *, strict: bool, id_fields: tuple[str, ...] = ()) -> Schema:
    """Return the schema of one instance as an object; of a field's name and aliases exactly one may be given."""
    properties: Schema = {}
    required, rules = [], []
    for field in signature.inputs:
        schema = value_schema(field)
        properties[field.name] = schema
        if field.aliases:
            properties |= {alias: schema | {"description": f"the same as {field.name}"} for alias in field.aliases}
            rules.append(_one_of(field))
        elif field.required:
            required.append(field.name)
    properties |= {name: _ID for name in id_fields if name not in properties}
    shown: Schema = {"type": "object", "properties": properties}
    if required:
        shown["required"] = required
    if rules:
        shown["allOf"] = rules
    if strict:
        shown |= {"additionalProperties": False, "patternProperties": _OPTIONS}
    return shown


def value_schema(field: Field) -> Schema:
    """Return the schema of a value in JSON; without the aliases, which are names and not values."""
    shown = {name: value for name, value in field_schema(field).items() if name != "x-aliases"}
    if field.missing and "enum" not in shown:
        return shown | {"description": " ".join(filter(None, (shown.get("description"), _missing(field))))}
    return shown


def _missing(field: Field) -> str:
    return f"({', '.join(map(str, field.missing))} means missing)"


def _one_of(field: Field) -> Schema:
    choices: list[Schema] = [{"required": [name]} for name in (field.name, *field.aliases)]
    if not field.required:
        choices.append({"not": {"anyOf": list(choices)}})
    return {"oneOf": choices}


def list_schema(signature: Signature) -> Schema:
    """Return the schema of one instance as a list of values in order."""
    fields = {field.name: field for field in signature.inputs}
    items = [value_schema(fields[name]) for name in signature.positions]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def body_schema(signature: Signature, reference: str, *, max_rows: int, id_fields: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a JSON body in every dialect; `reference` points at the object of fields."""
    taken = {name for field in signature.inputs for name in (field.name, *field.aliases)}.union(id_fields)
    positional = list_schema(signature)
    text: Schema = {"type": "string", "minLength": 1, "description": "the values in order, separated by commas"}
    batch: Schema = {
        "anyOf": [
            {"type": "array", "items": items, "minItems": 1, "maxItems": max_rows}
            for items in ({"$ref": reference}, positional)
        ]
    }
    choices: list[Schema] = [{"$ref": reference}]
    if "data" not in taken:
        choices.append(_wrapped("data", {"anyOf": [positional, text, batch]}))
    if "instances" not in taken:
        choices.append(_wrapped("instances", batch))
    return {"anyOf": [*choices, *batch["anyOf"]]}


def _wrapped(word: str, schema: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {word: schema},
        "required": [word],
        "additionalProperties": False,
        "patternProperties": _OPTIONS,
    }
