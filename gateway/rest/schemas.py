"""Signatures as JSON Schema, and a plausible instance of each: what catalog, OpenAPI and printed curls show."""

import shlex
from typing import Any
from urllib.parse import quote

import msgspec

from gateway.schema import Field, Scalar, Signature

#: Up to this many fields a sample is shown as a GET with parameters; more read better as JSON.
MAX_QUERY_FIELDS = 5

_KEYWORDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
    "title": "title",
    "description": "description",
    "default": "default",
}


def field_schema(field: Field) -> dict[str, Any]:
    """Return the JSON Schema of one field; our own keywords become `x-` ones."""
    schema: dict[str, Any] = {"type": [field.type, "null"] if field.nullable else field.type}
    for name, keyword in _KEYWORDS.items():
        value = getattr(field, name)
        if value is not None:
            schema[keyword] = value
    if field.enum is not None and field.unknown == "error":
        schema["enum"] = [*field.enum, None] if field.nullable else list(field.enum)
    elif field.enum is not None:
        schema["x-levels"] = list(field.enum)
    for name in ("examples", "missing", "aliases"):
        value = getattr(field, name)
        if value:
            schema[name if name == "examples" else f"x-{name}"] = list(value)
    if field.unit:
        schema["x-unit"] = field.unit
    return schema


def input_schema(signature: Signature, *, strict: bool) -> dict[str, Any]:
    """Return the JSON Schema of one instance given as an object."""
    required = [field.name for field in signature.inputs if field.required]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {field.name: field_schema(field) for field in signature.inputs},
    }
    if required:
        schema["required"] = required
    if strict:
        schema["additionalProperties"] = False
    return schema


def output_schema(signature: Signature) -> dict[str, Any]:
    """Return what the model answers: kind, labels, unit."""
    output = signature.output
    shown: dict[str, Any] = {"kind": output.kind}
    for name in ("labels", "names"):
        if value := getattr(output, name):
            shown[name] = list(value)
    for name in ("positive", "threshold", "unit", "decimals"):
        if (value := getattr(output, name)) is not None:
            shown[name] = value
    shown["probabilities"] = output.probabilities
    return shown


def sample(signature: Signature) -> dict[str, Scalar]:
    """Return one plausible instance: examples first, then defaults, levels and bounds."""
    return {field.name: _sample_value(field) for field in signature.inputs}


def _sample_value(field: Field) -> Scalar:
    for value in (*field.examples[:1], field.default, *(field.enum or ())[:1]):
        if value is not None:
            return value
    if field.type == "string":
        return "some text"
    if field.type == "boolean":
        return True
    low = field.minimum if field.minimum is not None else field.exclusive_minimum
    high = field.maximum if field.maximum is not None else field.exclusive_maximum
    middle = (low + high) / 2 if low is not None and high is not None else low if low is not None else high or 1
    return int(middle) if field.type == "integer" or float(middle).is_integer() else middle


def curl(base_url: str, path: str, signature: Signature) -> str:
    """Return a command line that a person can paste: a GET for few fields, a JSON POST for many."""
    values = sample(signature)
    url = shlex.quote(base_url + quote(path))
    if not values:
        return f"curl {url}"
    if len(values) <= MAX_QUERY_FIELDS:
        pairs = " ".join(f"--data-urlencode {shlex.quote(f'{name}={_text(value)}')}" for name, value in values.items())
        return f"curl -G {url} {pairs}"
    body = msgspec.json.encode(values).decode()
    return f"curl {url} -H 'Content-Type: application/json' -d {shlex.quote(body)}"


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
