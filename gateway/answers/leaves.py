"""
Columns of an answer for table formats (CSV, Parquet): the scalar leaves of a `response` template.

Leaves that repeat an input are left out: the input columns stand beside the answer already.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.answers.explanations import Explain
from gateway.answers.json_values import json_key
from gateway.answers.outputs import labels_of, resolve, told
from gateway.answers.templates import SPREAD, Constant, ListNode, Node, ObjectNode, Unknown, Variable, template_of
from gateway.schema import Output, Signature


@dataclass(frozen=True, slots=True)
class Leaf:
    """Hold the name, path and type of one column of an answer; a "json" leaf is written as JSON text."""

    name: str
    path: tuple[str | int, ...]
    type: str


def leaves_of(signature: Signature, template: Any = None) -> tuple[Leaf, ...]:
    """Return the columns of the answers of a route."""
    return tuple(_leaves(template_of(signature, template), (), signature))


def explained_leaves(leaves: Sequence[Leaf], signature: Signature, explain: Explain, *, is_object: bool) -> list[Leaf]:
    """
    Return the columns of explained answers: those of the answers by the same names, then those of the explanation.

    `is_object` says that the explanation stands among the members of the answer (ExplainedAnswer).
    """
    answer = leaves if is_object else [replace(leaf, path=("answer", *leaf.path)) for leaf in leaves]
    whys = list(_explanation(("explanation",), signature))
    if explain.largest is not None:
        whys.append(_leaf(("explanation", "others"), "number"))
    return [*answer, *whys]


def _explanation(path: tuple[str | int, ...], signature: Signature) -> Iterator[Leaf]:
    """Yield the columns of an explanation: tokens are no columns, and where a label is predicted it is told."""
    if len(signature.output.labels) > 2:  # noqa: PLR2004 - of two labels always the same one is explained
        yield _leaf((*path, "of"), _type(signature.output.labels))
    yield _leaf((*path, "base"), "number")
    for name in signature.names:
        shown = _leaf((*path, name), "number")
        yield replace(shown, path=(*path, "contributions", name))


def _leaves(node: Node, path: tuple[str | int, ...], signature: Signature) -> Iterator[Leaf]:
    match node:
        case ObjectNode(members):
            # The spread last: its members win over equal keys, as in the answer itself.
            for key, value in sorted(members, key=lambda member: member[0] == SPREAD):
                yield from _leaves(value, path if key == SPREAD else (*path, key), signature)
        case ListNode(items):
            for index, item in enumerate(items):
                yield from _leaves(item, (*path, index), signature)
        case Variable():
            yield from _variable(node, path, signature)
        case Constant(value) | Unknown(value):
            yield _leaf(path, _type([value]))


def _variable(variable: Variable, path: tuple[str | int, ...], signature: Signature) -> Iterator[Leaf]:
    name, output = variable.name, signature.output
    if name == "inputs":
        return
    if name == "explanation":
        yield from _explained(variable.argument, path, signature)
    elif name in ("label", "value"):
        yield from _value(path, output) if variable.argument is None else _one_of(path, output, variable.argument)
    elif name in ("probability", "probabilities") and output.parts:
        yield from _of_parts(variable.argument, path, output)
    elif name == "probability":
        yield _leaf(path, "number")
    elif name == "probabilities":
        names = output.labels if output.kind == "classification" else output.names
        if names:
            yield from (_leaf((*path, json_key(one)), "number") for one in names)
        else:
            yield _leaf(path, "json")
    else:
        yield _leaf(path, "string")


def _explained(member: str | None, path: tuple[str | int, ...], signature: Signature) -> Iterator[Leaf]:
    """Yield the columns of `$explanation`, or of a member of it."""
    if member is None:
        yield from _explanation(path, signature)
    elif member == "contributions":
        yield from (_leaf((*path, name), "number") for name in signature.names)
    elif member == "of":
        yield _leaf(path, _type(signature.output.labels) if signature.output.labels else "string")
    else:
        yield _leaf(path, {"scale": "string", "tokens": "json"}.get(member, "number"))


def _value(path: tuple[str | int, ...], output: Output) -> Iterator[Leaf]:
    if output.kind == "classification":
        yield _leaf(path, _type(output.labels) if output.labels else "integer")
    elif output.kind == "regression":
        yield _leaf(path, "number")
    elif output.kind in ("multi_label", "multi_output") and output.names:
        for one in output.names:
            yield from _one_of((*path, one), output, one)
    else:
        yield _leaf(path, "json")


def _one_of(path: tuple[str | int, ...], output: Output, name: str) -> Iterator[Leaf]:
    """Yield the columns of one of several outputs."""
    if not output.parts:
        yield _leaf(path, "integer" if output.kind == "multi_label" else "number")
        return
    part = output.parts[output.names.index(name)]
    kind = _type(part.labels) if part.labels else part.type
    yield from (_leaf((*path, at), kind) for at in range(part.width)) if part.width else (_leaf(path, kind),)


def _of_parts(argument: str | None, path: tuple[str | int, ...], output: Output) -> Iterator[Leaf]:
    if argument is None:
        for name, _ in told(output):
            yield from _of_parts(name, (*path, name), output)
        return
    name, place = resolve(output, argument)
    if place is not None:
        yield _leaf(path, "number")
    else:
        yield from (_leaf((*path, key), "number") for key in labels_of(output, name))


def _leaf(path: tuple[str | int, ...], kind: str) -> Leaf:
    return Leaf(".".join(map(str, path)) or "prediction", path, kind)


def _type(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "integer"
    if kinds <= {int, float}:
        return "number"
    return "string" if kinds == {str} else "json"


def column_names(taken: Sequence[str], leaves: Sequence[Leaf], *, errors: bool = False) -> list[str]:
    """Name the columns of an answer so that none is called like an input column ("prediction" -> "prediction_2")."""
    used, names = set(taken), []
    for wanted in [leaf.name for leaf in leaves] + ["error"] * errors:
        name, number = wanted, 1
        while name in used:
            number += 1
            name = f"{wanted}_{number}"
        used.add(name)
        names.append(name)
    return names


def leaf_columns(leaves: Sequence[Leaf], answers: Sequence[Any]) -> list[list[Any]]:
    """Return the values of each leaf for some answers; None where an answer has no such leaf."""
    return [[_reach(answer, leaf) for answer in answers] for leaf in leaves]


def _reach(answer: Any, leaf: Leaf) -> Any:
    for step in leaf.path:
        try:
            answer = answer[step]
        except (KeyError, IndexError, TypeError):
            return None
    if leaf.type == "json" and answer is not None and not isinstance(answer, str):
        return json.dumps(answer)
    return answer
