"""JSON Schema of a signature, for catalog and OpenAPI."""

from typing import Any

from gateway.artifacts.manifest import Manifest
from gateway.schema import Field, OutputPart, Signature
from gateway.validation.keywords import LIMITS

_KEYWORDS = {
    **LIMITS,
    "title": "title",
    "description": "description",
    "default": "default",
}


def field_schema(field: Field) -> dict[str, Any]:
    """Return the JSON Schema of one field; keywords of the gateway get the prefix `x-`."""
    kinds = [*_kinds(field), *(["null"] if field.nullable else [])]
    schema: dict[str, Any] = {"type": kinds if len(kinds) > 1 else field.type}
    if field.booleans_as_numbers and field.type == "boolean":
        schema["enum"] = [True, False, 1, 0, *([None] if field.nullable else [])]
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
    if field.unused:
        schema["x-unused"] = True
    if field.unit:
        schema["x-unit"] = field.unit
    return schema


def _kinds(field: Field) -> list[str]:
    """Return the JSON types of a value; where true and false are 1 and 0, both are taken."""
    if field.takes_integers and field.type == "string":
        return ["string", "integer"]
    if not field.booleans_as_numbers:
        return [field.type]
    return ["boolean", "number"] if field.type == "boolean" else [field.type, "boolean"]


def dropped_schema(signature: Signature) -> dict[str, Any]:
    """Return the schema of the columns that the pipeline drops: a request may hold them, with any value."""
    shown = {"x-dropped": True, "description": "dropped by the pipeline: any value, or none, gives the same answer"}
    return dict.fromkeys(signature.dropped, shown)


def input_schema(signature: Signature, *, strict: bool) -> dict[str, Any]:
    """Return the JSON Schema of one instance as an object."""
    required = [field.name for field in signature.inputs if field.required]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {field.name: field_schema(field) for field in signature.inputs} | dropped_schema(signature),
    }
    if required:
        schema["required"] = required
    if strict:
        schema["additionalProperties"] = False
    return schema


def output_schema(signature: Signature) -> dict[str, Any]:
    """Return the description of a model's output: kind, labels, unit."""
    output = signature.output
    shown: dict[str, Any] = {"kind": output.kind}
    for name in ("labels", "names"):
        if value := getattr(output, name):
            shown[name] = list(value)
    for name in ("positive", "threshold", "unit", "decimals"):
        if (value := getattr(output, name)) is not None:
            shown[name] = value
    if output.parts:
        shown["outputs"] = [_part(name, part) for name, part in zip(output.names, output.parts, strict=True)]
    shown["probabilities"] = output.has_probabilities
    return shown


def explanation_facts(manifest: Manifest) -> dict[str, Any] | None:
    """Return whether answers can be explained, on which scale, and how much each field counts; None if unknown."""
    report = manifest.explanation
    if report is None:
        return None
    if report.reason:
        shown: dict[str, Any] = {"possible": False, "reason": report.reason}
        return shown | ({"fix": report.instead} if report.instead else {})
    shown = {"possible": True, "scale": report.scale, "of": report.of}
    if report.label is not None:
        shown["label"] = report.label
    if report.importance:
        ordered = sorted(report.importance.items(), key=lambda item: -item[1])
        shown["importance"] = {"fields": dict(ordered), "of": report.importance_of, "rows": report.importance_rows}
    return shown


def _part(name: str, part: OutputPart) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": name, "type": part.type}
    if part.labels:
        shown["labels"] = list(part.labels)
    if part.width:
        shown["width"] = part.width
    return shown | {"probabilities": part.probabilities}
