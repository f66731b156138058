"""The grammar of `response` templates: which variables there are, and what is wrong with one. Pure."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.system.suggest import did_you_mean, listing, nearest

#: The key whose mapping is spread into the object it stands in.
SPREAD: Final = "*"

#: name -> what it stands for. `…` marks an argument.
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
}
_SPELLINGS: Final = (
    *(f"${name}" for name in VARIABLES if name != "probability"),
    "$probability.<label>",
    '$probability["<label>"]',
    "$inputs.<field>",
)
_WITH_ARGUMENT: Final = frozenset({"probability", "inputs"})
_MAPPINGS: Final = frozenset({"inputs", "probabilities", "value"})
_VARIABLE: Final = re.compile(
    r"""\$(?P<name>[A-Za-z_]\w*)(?:\.(?P<dotted>.+)|\[(?P<quote>["'])(?P<quoted>.*)(?P=quote)\])?""", re.DOTALL
)
#: A variable in the middle of a text, which would be answered as it stands.
_INSIDE: Final = re.compile(rf"[^$]\$({'|'.join(VARIABLES)})\b")
#: What begins the format of a number in other template languages.
_FORMAT: Final = re.compile(r"\s*[:|%]")


@dataclass(frozen=True, slots=True)
class Variable:
    """Name one variable and its argument, if it has one."""

    name: str
    argument: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFault:
    """Name one fault of a template; `where` are the keys and indices that lead to it."""

    where: tuple[str | int, ...]
    message: str
    expected: str | None = None
    fix: str | None = None
    code: str = "bad-template"


def parse_variable(text: str) -> Variable | str | None:
    """Return the variable that `text` is, an escaped or ordinary text as None, or the name of an unknown one."""
    if not text.startswith("$") or text.startswith("$$"):
        return None
    match = _VARIABLE.fullmatch(text)
    if match is None or match["name"] not in VARIABLES:
        return match["name"] if match else text[1:]
    argument = match["dotted"] if match["dotted"] is not None else match["quoted"]
    if (argument is not None and match["name"] not in _WITH_ARGUMENT) or (
        match["name"] == "probability" and argument is None
    ):
        return text[1:]
    return Variable(match["name"], argument)


def template_faults(
    template: Any, labels: Sequence[Any] | None = None, fields: Sequence[str] | None = None
) -> list[TemplateFault]:
    """
    Return every fault of a template.

    `labels` and `fields` are checked where they are known; None means that only the artifact knows them.
    """
    return list(_faults(template, (), None if labels is None else [_text(label) for label in labels], fields))


def _text(label: Any) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def _faults(
    node: Any, where: tuple[str | int, ...], labels: Sequence[str] | None, fields: Sequence[str] | None
) -> Iterator[TemplateFault]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == SPREAD:
                yield from _spread_faults(value, (*where, key))
            yield from _faults(value, (*where, key), labels, fields)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _faults(value, (*where, index), labels, fields)
    elif isinstance(node, float) and not math.isfinite(node):
        yield TemplateFault(where=where, message=f"{node} is not JSON", expected="a finite number", fix="write null")
    elif isinstance(node, str):
        yield from _variable_faults(node, where, labels, fields)


def _spread_faults(value: Any, where: tuple[str | int, ...]) -> Iterator[TemplateFault]:
    variable = parse_variable(value) if isinstance(value, str) else None
    if isinstance(variable, str):
        return  # unknown: said by _variable_faults
    if not isinstance(variable, Variable) or variable.name not in _MAPPINGS or variable.argument is not None:
        yield TemplateFault(
            where=where,
            message="key '*' spreads a mapping, and this is none",
            expected="$inputs, $probabilities, or a $value that is a map",
            fix='"*": $inputs',
        )


def _variable_faults(
    text: str, where: tuple[str | int, ...], labels: Sequence[str] | None, fields: Sequence[str] | None
) -> Iterator[TemplateFault]:
    variable = parse_variable(text)
    if isinstance(variable, str):
        yield TemplateFault(
            where=where,
            message=f"unknown variable '{text}'",
            expected=listing(_SPELLINGS, most=len(_SPELLINGS)),
            fix=_guess(text) or f"write '${text}' if the text itself is meant",
        )
    elif variable is None and (inside := _INSIDE.search(text)):
        yield TemplateFault(
            where=where,
            message=f"variable '${inside[1]}' inside a text",
            expected="a variable as the whole value, or a text without variables",
            fix=f"give it a key of its own: {inside[1]}: ${inside[1]}",
        )
    elif variable is not None and variable.argument is not None:
        known, what = (labels, "label") if variable.name == "probability" else (fields, "field")
        if known is not None and variable.argument not in known:
            yield TemplateFault(
                where=where,
                message=f"there is no {what} '{variable.argument}'",
                expected=listing(known),
                fix=did_you_mean(variable.argument, known) or f"name a {what} that the model has",
            )


def _guess(text: str) -> str | None:
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
