"""
The syntax of `response` templates: JSON, parsed once into nodes.

A string that starts with `$` is a variable, `$$` escapes, the key "*" spreads a mapping into its object. Parsing never
fails: a `$` that begins no variable becomes an `Unknown` node, which `check.py` reports.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gateway.schema import Signature

JSON: TypeAlias = Any
#: The key whose mapping is spread into its object.
SPREAD: Final = "*"

#: name -> meaning.
VARIABLES: Final = {
    "label": "the class",
    "value": "the prediction: class, number, map or list",
    "probability": "the probability of one label",
    "probabilities": "label -> probability",
    "inputs": "field -> value as the model saw it; missing is null",
    "model": "name of the route",
    "version": "version of the model",
    "request_id": "id of the request",
    "row_id": "id of the row, where the route names an id field",
    "explanation": "what each field adds to the answer, where the model can be explained exactly",
}
_WITH_ARGUMENT: Final = frozenset({"probability", "inputs", "value", "explanation"})
_VARIABLE: Final = re.compile(
    r"""\$(?P<name>[A-Za-z_]\w*)(?:\.(?P<dotted>.+)|\[(?P<quote>["'])(?P<quoted>.*)(?P=quote)\])?""", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Constant:
    """Hold a JSON scalar that every answer repeats; a text is unescaped already."""

    value: JSON


@dataclass(frozen=True, slots=True)
class Variable:
    """Name one variable and its argument, if it has one."""

    name: str
    argument: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Hold a text that starts with `$` and is no variable."""

    text: str


@dataclass(frozen=True, slots=True)
class ListNode:
    """Hold the items of a list."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class ObjectNode:
    """Hold the members of an object in their order; the value under SPREAD is spread into it."""

    members: "tuple[tuple[str, Node], ...]"


Node: TypeAlias = Constant | Variable | Unknown | ListNode | ObjectNode


def parse(template: JSON) -> Node:
    """Parse a template, or a part of one."""
    if isinstance(template, dict):
        return ObjectNode(tuple((key, parse(value)) for key, value in template.items()))
    if isinstance(template, list):
        return ListNode(tuple(map(parse, template)))
    if isinstance(template, str) and template.startswith("$"):
        return Constant(template[1:]) if template.startswith("$$") else _variable(template)
    return Constant(template)


def _variable(text: str) -> Variable | Unknown:
    match = _VARIABLE.fullmatch(text)
    if match is None or match["name"] not in VARIABLES:
        return Unknown(text)
    name = match["name"]
    argument = match["dotted"] if match["dotted"] is not None else match["quoted"]
    if argument is not None and name not in _WITH_ARGUMENT:
        return Unknown(text)
    if argument is None and name == "probability":
        return Unknown(text)
    return Variable(name, argument)


def variables_of(node: Node) -> Iterator[Variable]:
    """Yield the variables below a node, in their order."""
    match node:
        case Variable():
            yield node
        case ListNode(items):
            for item in items:
                yield from variables_of(item)
        case ObjectNode(members):
            for _, value in members:
                yield from variables_of(value)


def without_explanation(template: JSON) -> JSON:
    """Return a template without the members and items that are explanations: the answer then stands beside one."""
    if isinstance(template, dict):
        return {key: without_explanation(value) for key, value in template.items() if not _is_explanation(value)}
    if isinstance(template, list):
        return [without_explanation(item) for item in template if not _is_explanation(item)]
    return None if _is_explanation(template) else template


def _is_explanation(template: JSON) -> bool:
    node = parse(template) if isinstance(template, str) else None
    return isinstance(node, Variable) and node.name == "explanation"


#: The answer of a route without `response`, for models without and with probabilities.
_DEFAULT: Final[dict[bool, JSON]] = {
    False: {"prediction": "$value"},
    True: {"prediction": "$value", "probabilities": "$probabilities"},
}


def default_template(signature: Signature) -> JSON:
    """Return the template of the default answer, as the docs and OpenAPI show it."""
    output = signature.output
    return _DEFAULT[output.has_probabilities and output.kind in {"classification", "multi_label", "multi_output"}]


def detail_template(signature: Signature, template: JSON) -> JSON:
    """Return the template of `_detail=true`: the answer of the route beside the members of the default one."""
    own = default_template(signature)
    return {"answer": own if template is None else template, **own}


def template_of(signature: Signature, template: JSON) -> Node:
    """Parse the template of a route; None stands for the default answer of its kind of model."""
    return parse(default_template(signature) if template is None else template)
