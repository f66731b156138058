"""JSON Schema of a request: an object of fields and aliases, a positional list, batches of both. Pure."""

from itertools import combinations
from typing import Any, Final

from gateway.rest.describe.schemas import dropped_schema, field_schema
from gateway.schema import Field, Signature

Schema = dict[str, Any]

_POSITIONAL: Final = 'the values in order; also as one text: "1,106,70"'
_ALSO_READ: Final = (
    "Also read: the same below features, input, inputs, input_data, X, values, rows or records; columns "
    '{"a": […], "b": […]}; {"columns": […], "data": […]}, also below dataframe_split; what to_json() of pandas writes'
)
#: Characters of a text in a query; longer texts do not fit into a URL.
MAX_PARAMETER: Final = 1000
#: Options of a call may stand beside the fields.
_OPTIONS: Final[Schema] = {"^_": {}}
_ID: Final[Schema] = {"type": ["string", "number", "null"], "description": "id of the row, given back with its answer"}


def instance_schema(signature: Signature, *, strict: bool, id_fields: tuple[str, ...] = ()) -> Schema:
    """Return the schema of one instance as an object; only one of a field's name and aliases may be present."""
    by_name = {name: field for field in signature.inputs for name in (field.name, *field.aliases)}
    properties: Schema = {
        name: value_schema(field) | ({} if name == field.name else {"description": f"the same as {field.name}"})
        for name, field in by_name.items()
    }
    properties |= dropped_schema(signature)
    properties |= {name: _ID for name in id_fields if name not in properties}
    shown: Schema = {"type": "object", "properties": properties, **_presence(signature, list(by_name))}
    if strict:
        shown |= {"additionalProperties": False, "patternProperties": _OPTIONS}
    return shown


def _presence(signature: Signature, names: list[str]) -> Schema:
    """Return the rules of presence: required fields, and no field under two names."""
    rules: Schema = {}
    aliased = [field for field in signature.inputs if field.aliases]
    if required := [field.name for field in signature.inputs if field.required and not field.aliases]:
        rules["required"] = required
    if choices := [_one_of(field) for field in aliased if field.required]:
        rules["allOf"] = choices
    if twice := [pair for field in aliased if not field.required for pair in _pairs(field)]:
        rules["not"] = {"anyOf": twice}
    if not any(field.required for field in signature.inputs):
        rules["anyOf"] = [{"required": [name]} for name in names]
    return rules


def _one_of(field: Field) -> Schema:
    return {"oneOf": [{"required": [name]} for name in (field.name, *field.aliases)]}


def _pairs(field: Field) -> list[Schema]:
    return [{"required": list(pair)} for pair in combinations((field.name, *field.aliases), 2)]


def value_schema(field: Field) -> Schema:
    """Return the schema of a value in JSON, without the aliases of its field."""
    shown = {name: value for name, value in field_schema(field).items() if name != "x-aliases"}
    if field.type == "string" and "enum" not in shown and field.min_length is None and not _takes_empty(field):
        shown["minLength"] = 1
    if field.type == "string" and field.enum is not None:
        shown |= _levels(field)
    if field.missing and "enum" not in shown:
        return shown | {"description": " ".join(filter(None, (shown.get("description"), _missing(field))))}
    return shown


def _levels(field: Field) -> Schema:
    """Return type and enum of levels: a level made of digits may be a number, and some texts mean a missing value."""
    if field.unknown == "missing":
        return {"type": ["string", "number", "null"] if field.nullable else ["string", "number"]}
    numbers = [int(level) for level in field.enum or () if str(level).isdigit() and str(int(level)) == str(level)]
    words = dict.fromkeys(map(str, [*(field.enum or ()), *field.missing]))
    if _takes_empty(field):
        words |= {"": None}
    nothing = [None] if field.nullable else []
    kinds = ["string", *(["integer"] if numbers else []), *(["null"] if nothing else [])]
    return {"type": kinds if len(kinds) > 1 else "string", "enum": [*words, *numbers, *nothing]}


def _takes_empty(field: Field) -> bool:
    return field.nullable or field.default is not None or not field.required or "" in (field.enum or ())


def form_schema(signature: Signature, id_fields: tuple[str, ...] = ()) -> Schema:
    """Return the schema of one instance as form fields: text without null; it cannot describe misspelt names."""
    shown = instance_schema(signature, strict=False, id_fields=id_fields)
    by_name = {name: field for field in signature.inputs for name in (field.name, *field.aliases)}
    shown["properties"] = {name: parameter_schema(field) for name, field in by_name.items()}
    shown["description"] = "a name that nearly equals one of these is refused, any other is ignored and counted"
    return shown


def parameter_schema(field: Field) -> Schema:
    """Return the schema of a value that is written as text, in a query or a form."""
    schema = value_schema(field) | {"type": field.type}
    if "enum" in schema:
        schema["enum"] = [
            level for level in schema["enum"] if level is not None and type(level) is type(schema["enum"][0])
        ]
    # A URL holds 4 KB, a form more: the schema of the JSON body states the limit of the field.
    if schema.get("maxLength", 0) > MAX_PARAMETER:
        del schema["maxLength"]
    # An empty text means a missing value if the field may be missing.
    return {"anyOf": [schema, {"const": ""}]} if field.nullable else schema


def _missing(field: Field) -> str:
    return f"({', '.join(map(str, field.missing))} means missing)"


def list_schema(signature: Signature) -> Schema:
    """Return the schema of one instance as a list of values in order."""
    fields = {field.name: field for field in signature.inputs}
    items = [value_schema(fields[name]) for name in signature.positions]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def body_schema(signature: Signature, reference: str, *, max_rows: int, id_fields: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a JSON body in every dialect; `reference` points to the schema of an instance."""
    taken = {name for field in signature.inputs for name in (field.name, *field.aliases)}.union(id_fields)
    positional = list_schema(signature)
    one_text = len(signature.positions) == 1 and signature.inputs[0].type == "string"
    text: list[Schema] = [value_schema(signature.inputs[0])] if one_text else []
    bare: list[Schema] = []
    if len(signature.positions) == 1:
        bare = [{"type": "array", "items": value_schema(signature.inputs[0]), "minItems": 1, "maxItems": max_rows}]
    batch: Schema = {
        "anyOf": [
            {"type": "array", "items": items, "minItems": 1, "maxItems": max_rows}
            for items in ({"$ref": reference}, positional)
        ]
    }
    choices: list[Schema] = [{"$ref": reference}]
    if "data" not in taken:
        choices.append(_wrapped("data", {"anyOf": [positional, batch, *text], "description": _POSITIONAL}))
    if "instances" not in taken:
        choices.append(_wrapped("instances", {"anyOf": [*batch["anyOf"], *bare]}))
    return {"anyOf": [*choices, *batch["anyOf"]], "description": _ALSO_READ}


def _wrapped(word: str, schema: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {word: schema},
        "required": [word],
        "additionalProperties": False,
        "patternProperties": _OPTIONS,
    }
