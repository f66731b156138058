"""
Predictions to JSON answers: a `response` template is compiled once per model into one function per node.

The default answer is a template, too. Knows no HTTP and no registry.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.answers.check import template_faults, unavailable
from gateway.answers.columns import Columns, Plan, columns_of, plan_of
from gateway.answers.json_values import json_key, plain
from gateway.answers.outputs import labels_of, probability_names, resolve, told
from gateway.answers.templates import (
    SPREAD,
    Constant,
    ListNode,
    Node,
    ObjectNode,
    Unknown,
    Variable,
    default_template,
    detail_template,
    parse,
)
from gateway.errors import RegistryError
from gateway.schema import Batch, Output, Predictions, Signature

JSON: TypeAlias = Any
#: Builds one value of one answer from the columns of a chunk and the row in it.
_Cell: TypeAlias = Callable[[Columns, int], JSON]


@dataclass(slots=True)
class AnswerContext:
    """Carry the values that an answer may name besides inputs and predictions."""

    model: str = ""
    version: str = ""
    request_id: str = ""


class Answer:
    """
    Turn a batch and its predictions into one JSON value per instance.

    `template` is the `response` of a route; None stands for the default answer. Raises RegistryError `bad-template`
    when it names something that this signature does not have. Answers a whole chunk at a time, because numpy's scalars
    are slow one by one: each variable that the template names becomes a list once. Immutable and thread-safe.
    """

    def __init__(self, signature: Signature, template: JSON = None) -> None:
        template = default_template(signature) if template is None else template
        node = parse(template)
        _refuse_faults(template, node, signature)
        compiler = _Compiler(signature)
        self._cell = compiler.cell(node)
        #: Whether the template names `$explanation`: every call of the route is explained then.
        self.explains = "explanation" in compiler.wanted
        self._plan: Plan = plan_of(signature, compiler.wanted)

    def __call__(self, batch: Batch, predictions: Predictions, context: AnswerContext) -> list[JSON]:
        """Return the answers in the order of the batch; NaN and infinity are null, scalars are Python's."""
        columns = columns_of(self._plan, batch, predictions)
        columns.context = context
        cell = self._cell
        return [cell(columns, row) for row in range(batch.size)]


class DetailedAnswer:
    """Answer what `_detail=true` asks for; compiled when it is first asked, so idle routes pay nothing. Thread-safe."""

    __slots__ = ("_answer", "_signature", "_template")

    def __init__(self, signature: Signature, template: JSON) -> None:
        self._signature, self._template = signature, template
        self._answer: Answer | None = None

    def __call__(self, batch: Batch, predictions: Predictions, context: AnswerContext) -> list[JSON]:
        """Return the answer of the route and the default one as one object per instance."""
        answer = self._answer
        if answer is None:  # two threads at once may both compile it; either result holds
            answer = self._answer = Answer(self._signature, detail_template(self._signature, self._template))
        return answer(batch, predictions, context)


def _refuse_faults(template: JSON, node: Node, signature: Signature) -> None:
    output = signature.output
    names = probability_names(output)
    known = names if names or not output.probabilities else None
    faults = template_faults(template, known, signature.names, output.names)
    problems = [fault.message for fault in faults] or list(unavailable(node, signature))
    if problems:
        raise RegistryError(
            f"response: {'; '.join(problems)}",
            code="bad-template",
            count=len(problems),
            hint=next((fault.fix for fault in faults if fault.fix), None) or "change `response` of the route",
        )


class _Compiler:
    """Compile nodes to functions, and collect in `wanted` which columns they read."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self.wanted: set[str] = set()

    def cell(self, node: Node) -> _Cell:
        """Return the function that builds the value of a node for one row."""
        match node:
            case ObjectNode(members):
                return _object([(key, self.cell(value)) for key, value in members])
            case ListNode(nodes):
                items = [self.cell(item) for item in nodes]
                return lambda columns, row: [item(columns, row) for item in items]
            case Variable():
                return self._variable(node)
            case Constant(value) | Unknown(value):
                constant = plain(value)
                return lambda columns, row: constant

    def _variable(self, variable: Variable) -> _Cell:
        name = variable.name
        if name == "inputs":
            return self._inputs(variable.argument)
        if name in {"probability", "probabilities"}:
            self.wanted.add("probabilities")
            output = self._signature.output
            return _of_parts(variable.argument, output) if output.parts else _probabilities(variable.argument, output)
        if name in {"label", "value"}:
            self.wanted.add("value")
            if (chosen := variable.argument) is not None:
                return lambda columns, row: columns.values[row][chosen]
            return lambda columns, row: columns.values[row]
        if name == "explanation":
            self.wanted.add("explanation")
            return _explanation(variable.argument)
        if name == "row_id":
            return lambda columns, row: None if columns.ids is None else columns.ids[row]
        return lambda columns, row: getattr(columns.context, name)

    def _inputs(self, field: str | None) -> _Cell:
        names: Sequence[str] = self._signature.names if field is None else [field]
        self.wanted.update(f"inputs.{name}" for name in names)
        if field is not None:
            return lambda columns, row: columns.inputs[field][row]
        return lambda columns, row: {name: columns.inputs[name][row] for name in names}


def _explanation(member: str | None) -> _Cell:
    """Return an explanation, or a member of it; null where the predictions were not explained."""
    if member is None:
        return lambda columns, row: columns.explanations[row] if columns.explanations else None
    return lambda columns, row: columns.explanations[row].get(member) if columns.explanations else None


def _object(parts: Sequence[tuple[str, _Cell]]) -> _Cell:
    if all(key != SPREAD for key, _ in parts):
        return lambda columns, row: {key: cell(columns, row) for key, cell in parts}

    def spread(columns: Columns, row: int) -> JSON:
        answer: dict[str, JSON] = {}
        for key, cell in parts:
            value = cell(columns, row)
            if key != SPREAD:
                answer[key] = value
            elif isinstance(value, dict):
                answer.update(value)
        return answer

    return spread


def _of_parts(argument: str | None, output: Output) -> _Cell:
    """Return the probabilities of all outputs, of one, or of one label of one."""
    if argument is None:
        cells = [(name, _of_parts(name, output)) for name, _ in told(output)]
        return lambda columns, row: {name: cell(columns, row) for name, cell in cells}
    name, place = resolve(output, argument)
    if place is not None:
        return lambda columns, row: columns.each[name][row][place]
    keys = labels_of(output, name)
    return lambda columns, row: dict(zip(keys, columns.each[name][row], strict=True))


def _probabilities(label: str | None, output: Output) -> _Cell:
    keys = [json_key(name) for name in (output.labels if output.kind == "classification" else output.names)]
    if label is not None:
        index = keys.index(label)
        return lambda columns, row: None if columns.probabilities is None else columns.probabilities[row][index]
    if not keys:
        return lambda columns, row: None if columns.probabilities is None else columns.probabilities[row]
    return lambda columns, row: (
        None if columns.probabilities is None else dict(zip(keys, columns.probabilities[row], strict=True))
    )
