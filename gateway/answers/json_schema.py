"""The JSON Schema of the answers of a route, made from its `response` template or the default one."""

from typing import Any, Final, get_args

from gateway.answers.explanations import MEMBERS
from gateway.answers.json_values import json_key
from gateway.answers.outputs import labels_of, resolve, told
from gateway.answers.templates import (
    SPREAD,
    Constant,
    ListNode,
    Node,
    ObjectNode,
    Unknown,
    Variable,
    detail_template,
    template_of,
)
from gateway.explanation import ExplanationScale
from gateway.schema import Output, OutputPart, Signature

Schema = dict[str, Any]

_NUMBER: Final[Schema] = {"type": ["number", "null"]}
_PROBABILITY: Final[Schema] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_TEXTS: Final = {
    "model": "name of the model",
    "version": "version of the model",
    "request_id": "id of the request",
}


def answer_schema(signature: Signature, template: Any) -> Schema:
    """Return the schema of the answer to one instance."""
    return _node(template_of(signature, template), signature)


def detail_schema(signature: Signature, template: Any) -> Schema:
    """Return the schema of the answer to one instance with `_detail=true`."""
    return answer_schema(signature, detail_template(signature, template))


def explanation_schema(signature: Signature | None) -> Schema:
    """
    Return the schema of an explanation, of any model where none is given.

    With `_explain=N` it has N contributions and the sum of the `others`.
    """
    of: Schema = {}
    parts: Schema = {"type": "object", "additionalProperties": _NUMBER}
    if signature is not None:
        of = {"enum": list(signature.output.labels)} if signature.output.labels else {"type": "null"}
        parts |= {"properties": dict.fromkeys(signature.names, _NUMBER), "additionalProperties": False}
    tokens = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": _NUMBER}}
    members: Schema = {"of": of, "scale": {"enum": list(get_args(ExplanationScale))}, "base": _NUMBER}
    members |= {"contributions": parts, "others": _NUMBER, "margin": _NUMBER, "tokens": tokens}
    for name, meaning in MEMBERS.items():
        members[name] = members[name] | {"description": meaning}
    required = [name for name in members if name not in ("others", "tokens")]
    return {"type": "object", "properties": members, "required": required, "additionalProperties": False}


def batch_schema(one: Schema, shape: str) -> Schema:
    """Return the schema of the answer to a batch of instances, in the shape that the route declares."""
    many: Schema = {"type": "array", "items": one}
    if shape == "wrapped":
        return {"type": "object", "properties": {"predictions": many}, "required": ["predictions"]}
    if shape == "list":
        return many
    by_id = {"type": "object", "additionalProperties": one, "description": "row id -> answer, when rows have ids"}
    return {"anyOf": [by_id, many]}


def value_schema(output: Output) -> Schema:
    """Return the schema of `$value`: class, number, map or list."""
    if output.kind == "classification":
        return {"enum": list(output.labels)} if output.labels else {}
    if output.kind == "json":
        return {}
    if output.kind == "regression":
        return _NUMBER | ({"x-unit": output.unit} if output.unit else {})
    if output.parts:
        return _map({name: _part(part) for name, part in zip(output.names, output.parts, strict=True)})
    item: Schema = {"enum": [0, 1]} if output.kind == "multi_label" else _NUMBER
    if output.names:
        return _map(dict.fromkeys(output.names, item))
    return {"type": "array", "items": item}


def _part(part: OutputPart) -> Schema:
    if part.labels:
        return {"enum": list(part.labels)}
    one: Schema = {"type": [part.type, "null"]}
    return {"type": "array", "items": one, "minItems": part.width, "maxItems": part.width} if part.width else one


def _of_parts(argument: str | None, output: Output) -> Schema:
    if argument is None:
        return _map({name: _of_parts(name, output) for name, _ in told(output)})
    name, place = resolve(output, argument)
    return _PROBABILITY if place is not None else _map(dict.fromkeys(labels_of(output, name), _PROBABILITY))


def _node(node: Node, signature: Signature) -> Schema:
    match node:
        case ObjectNode():
            return _object(node, signature)
        case ListNode(nodes):
            items = [_node(item, signature) for item in nodes]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
        case Variable():
            return _variable(node, signature)
        case Constant(value) | Unknown(value):
            return {"const": value}


def _object(node: ObjectNode, signature: Signature) -> Schema:
    properties: Schema = {}
    is_open = False
    for key, value in node.members:
        schema = _node(value, signature)
        if key != SPREAD:
            properties[key] = schema
        elif "properties" in schema:
            properties |= schema["properties"]
        else:
            is_open = True
    shown = _map(properties)
    if is_open:
        del shown["additionalProperties"]
    return shown


def _map(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _variable(variable: Variable, signature: Signature) -> Schema:
    name, argument = variable.name, variable.argument
    if name in ("label", "value"):
        found = value_schema(signature.output)
        return found if argument is None else found["properties"][argument]
    if name in ("probability", "probabilities") and signature.output.parts:
        return _of_parts(argument, signature.output)
    if name == "probability":
        return _PROBABILITY | {"description": f"probability of {argument}"}
    if name == "probabilities":
        output = signature.output
        names = output.labels if output.kind == "classification" else output.names
        return _map({json_key(label): _PROBABILITY for label in names}) if names else {"type": ["array", "null"]}
    if name == "inputs":
        kinds = {field.name: {"type": [field.type, "null"]} for field in signature.inputs}
        return _map(kinds) if argument is None else kinds[argument]
    if name == "explanation":
        found = explanation_schema(signature)
        return found if argument is None else found["properties"][argument]
    if name == "row_id":
        return {"type": ["string", "number", "null"], "description": "id of the row"}
    return {"type": "string", "description": _TEXTS[name]}
