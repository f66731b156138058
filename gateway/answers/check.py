"""
Every fault of a `response` template: unknown variables, misplaced ones, and those that a model cannot fill.

Labels, fields and the kind of model come from the artifact; they are checked where they are known.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.answers.explanations import MEMBERS
from gateway.answers.json_values import json_key
from gateway.answers.outputs import probability_names
from gateway.answers.templates import (
    SPREAD,
    VARIABLES,
    Constant,
    ListNode,
    Node,
    ObjectNode,
    Unknown,
    Variable,
    parse,
    variables_of,
)
from gateway.schema import OutputKind, Signature
from gateway.system.suggest import did_you_mean, listing, nearest

_SPELLINGS: Final = (
    *(f"${name}" for name in VARIABLES if name != "probability"),
    "$probability.<label>",
    '$probability["<label>"]',
    "$inputs.<field>",
    "$value.<output>",
    "$explanation.<member>",
)
_MAPPINGS: Final = frozenset({"inputs", "probabilities", "value"})
#: A variable in the middle of a text, which would be answered as it stands.
_INSIDE: Final = re.compile(rf"[^$]\$({'|'.join(VARIABLES)})\b")
#: The beginning of a number format in other template languages.
_FORMAT: Final = re.compile(r"\s*[:|%]")
#: Kinds of models for which a variable has no meaning.
_NOT_FOR: Final[Mapping[str, frozenset[OutputKind]]] = {
    "label": frozenset({"regression", "multi_output", "multi_label", "json"}),
    "probability": frozenset({"regression", "multi_output", "json"}),
    "probabilities": frozenset({"regression", "multi_output", "json"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFault:
    """Name one fault of a template; `where` are the keys and indices that lead to it."""

    where: tuple[str | int, ...]
    message: str
    expected: str | None = None
    fix: str | None = None
    code: str = "bad-template"


def template_faults(
    template: Any,
    labels: Sequence[Any] | None = None,
    fields: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> list[TemplateFault]:
    """
    Return every fault of a template.

    `labels`, `fields` and `outputs` are checked where they are known; None means that only the artifact knows them.
    """
    check = _Check(None if labels is None else [json_key(label) for label in labels], fields, outputs)
    return list(check.faults(parse(template), ()))


def unavailable(node: Node, signature: Signature) -> Iterator[str]:
    """Yield a message for each variable that this kind of model cannot fill."""
    output = signature.output
    keys = probability_names(output)
    for variable in variables_of(node):
        if output.kind in _NOT_FOR.get(variable.name, ()) and not (output.parts and variable.name != "label"):
            yield f"${variable.name} has no meaning for a model of kind {output.kind}"
        elif variable.name in {"probability", "probabilities"} and not output.has_probabilities:
            yield f"${variable.name} needs probabilities, which this model does not answer"
        elif variable.name == "probability" and variable.argument not in keys:
            known = listing(f"'{key}'" for key in keys)
            yield f"there is no label '{variable.argument}' ({known})"


@dataclass(frozen=True, slots=True)
class _Check:
    labels: Sequence[str] | None
    fields: Sequence[str] | None
    outputs: Sequence[str] | None

    def faults(self, node: Node, where: tuple[str | int, ...]) -> Iterator[TemplateFault]:
        match node:
            case ObjectNode(members):
                for key, value in members:
                    if key == SPREAD:
                        yield from _spread_faults(value, (*where, key))
                    yield from self.faults(value, (*where, key))
            case ListNode(items):
                for index, item in enumerate(items):
                    yield from self.faults(item, (*where, index))
            case Constant(value):
                yield from _constant_faults(value, where)
            case Unknown(text):
                yield TemplateFault(
                    where=where,
                    message=f"unknown variable '{text}'",
                    expected=listing(_SPELLINGS, most=len(_SPELLINGS)),
                    fix=_guess(text) or f"write '${text}' if the text itself is meant",
                )
            case Variable(name, argument) if argument is not None:
                yield from self._argument_faults(name, argument, where)

    def _argument_faults(self, name: str, argument: str, where: tuple[str | int, ...]) -> Iterator[TemplateFault]:
        known, kind = {
            "probability": (self.labels, "label"),
            "inputs": (self.fields, "field"),
            "value": (self.outputs, "output"),
            "explanation": (tuple(MEMBERS), "member"),
        }[name]
        if kind == "output" and known is not None and not known:
            yield TemplateFault(
                where=where, message="$value has no parts: the model has one output", fix="write '$value'"
            )
            return
        whose = "an explanation" if kind == "member" else "the model"
        if known is not None and argument not in known:
            yield TemplateFault(
                where=where,
                message=f"there is no {kind} '{argument}'",
                expected=listing(known),
                fix=did_you_mean(argument, known) or f"name a {kind} that {whose} has",
            )


def _spread_faults(value: Node, where: tuple[str | int, ...]) -> Iterator[TemplateFault]:
    if isinstance(value, Unknown):
        return  # reported as an unknown variable
    is_member = isinstance(value, Variable) and (value.name, value.argument) == ("explanation", "contributions")
    if is_member:
        return
    if not isinstance(value, Variable) or value.name not in _MAPPINGS or value.argument is not None:
        yield TemplateFault(
            where=where,
            message="key '*' spreads a mapping, and this is none",
            expected="$inputs, $probabilities, $explanation.contributions, or a $value that is a map",
            fix='"*": $inputs',
        )


def _constant_faults(value: Any, where: tuple[str | int, ...]) -> Iterator[TemplateFault]:
    if isinstance(value, float) and not math.isfinite(value):
        yield TemplateFault(where=where, message=f"{value} is not JSON", expected="a finite number", fix="write null")
    elif isinstance(value, str) and (inside := _INSIDE.search(value)):
        yield TemplateFault(
            where=where,
            message=f"variable '${inside[1]}' inside a text",
            expected="a variable as the whole value, or a text without variables",
            fix=f"give it a key of its own: {inside[1]}: ${inside[1]}",
        )


def _guess(text: str) -> str | None:
    """Return the fix for an unknown variable whose meaning can be guessed."""
    for name in VARIABLES:
        if text[1:].startswith(name) and _FORMAT.match(text, 1 + len(name)):
            return f"write '${name}': it takes no format; `outputs: {{decimals: 2}}` rounds the numbers of an answer"
    head = re.split(r"[.\[]", text[1:], maxsplit=1)[0]
    if head == "probability":
        return "name the label: $probability.<label>, or take $probabilities"
    if head in VARIABLES:
        return f"write '${head}': it has no parts"
    guess = nearest(head, VARIABLES)
    return f"did you mean '${guess}'?" if guess else None
