"""
Predictions -> JSON answers: the default ones and those of `response` templates, compiled once per model.

A template is any JSON value; a string that starts with `$` is a variable (templates.py lists them), `$$` escapes, the
key "*" spreads a mapping. Knows no HTTP and no registry.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gateway.answers.columns import Columns, Plan, columns_of, json_key, plain, plan_of
from gateway.answers.templates import SPREAD, Variable, parse_variable, template_faults
from gateway.errors import RegistryError
from gateway.schema import Batch, Output, OutputKind, Predictions, Signature
from gateway.system.suggest import listing

JSON: TypeAlias = Any
#: Builds one value of one answer from the columns of a chunk and the row in it.
_Cell: TypeAlias = Callable[[Columns, int], JSON]


@dataclass(slots=True)
class AnswerContext:
    """Carry what an answer may name besides inputs and predictions."""

    model: str = ""
    version: str = ""
    request_id: str = ""


class Answer:
    """
    Turn a batch and its predictions into one JSON value per instance.

    Answers a whole chunk at a time, because numpy's scalars are slow one by one: each variable that the template
    names becomes a list once. Immutable, so any number of threads may use one.
    """

    def __init__(self, signature: Signature, template: JSON = None) -> None:
        self._cell, self._plan = _compile(signature, template)

    def __call__(self, batch: Batch, predictions: Predictions, context: AnswerContext) -> list[JSON]:
        """Return the answers in the order of the batch; NaN and infinity are null, scalars are Python's."""
        columns = columns_of(self._plan, batch, predictions)
        columns.context = context
        cell = self._cell
        return [cell(columns, row) for row in range(batch.size)]


def compile_answer(signature: Signature, template: JSON = None) -> Answer:
    """
    Compile the template of a route, or the default answer of its kind of model.

    Raises RegistryError `bad-template` when it names something that this signature does not have.
    """
    return Answer(signature, template)


#: The answer of a route without `response`, for models with and without probabilities.
_DEFAULT: Final[dict[bool, JSON]] = {
    False: {"prediction": "$value"},
    True: {"prediction": "$value", "probabilities": "$probabilities"},
}


def default_template(signature: Signature) -> JSON:
    """Return the template of the default answer, as the docs and OpenAPI show it."""
    return _DEFAULT[signature.output.probabilities and signature.output.kind in {"classification", "multi_label"}]


def _compile(signature: Signature, template: JSON) -> tuple[_Cell, Plan]:
    if template is None:
        template = default_template(signature)
    output = signature.output
    names = output.labels if output.kind == "classification" else output.names
    known = names if names or not output.probabilities else None
    faults = template_faults(template, known, signature.names)
    problems = [fault.message for fault in faults] or list(_unavailable(template, signature))
    if problems:
        raise RegistryError(
            f"response: {'; '.join(problems)}",
            code="bad-template",
            count=len(problems),
            hint=next((fault.fix for fault in faults if fault.fix), None) or "change `response` of the route",
        )
    wanted: set[str] = set()
    cell = _node(template, signature, wanted)
    return cell, plan_of(signature, wanted)


#: Kinds of models for which a variable has no meaning.
_NOT_FOR: Final[Mapping[str, frozenset[OutputKind]]] = {
    "label": frozenset({"regression", "multi_output", "multi_label", "json"}),
    "probability": frozenset({"regression", "multi_output", "json"}),
    "probabilities": frozenset({"regression", "multi_output", "json"}),
}


def _unavailable(template: JSON, signature: Signature) -> Sequence[str]:
    """Name the variables that this kind of model cannot fill."""
    output = signature.output
    found = []
    for variable in _variables(template):
        if output.kind in _NOT_FOR.get(variable.name, ()):
            found.append(f"${variable.name} has no meaning for a model of kind {output.kind}")
        elif variable.name in {"probability", "probabilities"} and not output.probabilities:
            found.append(f"${variable.name} needs probabilities, which this model does not answer")
        elif variable.name == "probability" and variable.argument not in {
            json_key(name) for name in (output.labels or output.names)
        }:
            known = listing(f"'{json_key(name)}'" for name in (output.labels or output.names))
            found.append(f"there is no label '{variable.argument}' ({known})")
    return found


def _variables(template: JSON) -> list[Variable]:
    if isinstance(template, dict):
        return [variable for value in template.values() for variable in _variables(value)]
    if isinstance(template, list):
        return [variable for value in template for variable in _variables(value)]
    variable = parse_variable(template) if isinstance(template, str) else None
    return [variable] if isinstance(variable, Variable) else []


def _node(template: JSON, signature: Signature, wanted: set[str]) -> _Cell:
    if isinstance(template, dict):
        return _mapping(template, signature, wanted)
    if isinstance(template, list):
        items = [_node(item, signature, wanted) for item in template]
        return lambda columns, row: [item(columns, row) for item in items]
    if isinstance(template, str) and template.startswith("$"):
        if template.startswith("$$"):
            return _constant(template[1:])
        variable = parse_variable(template)
        assert isinstance(variable, Variable)  # noqa: S101 - template_faults has refused everything else
        return _variable(variable, signature, wanted)
    return _constant(plain(template))


def _constant(value: JSON) -> _Cell:
    return lambda columns, row: value


def _mapping(template: dict[str, JSON], signature: Signature, wanted: set[str]) -> _Cell:
    parts = [(key, _node(value, signature, wanted)) for key, value in template.items()]
    if SPREAD not in template:
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


def _variable(variable: Variable, signature: Signature, wanted: set[str]) -> _Cell:
    name = variable.name
    if name == "inputs":
        return _inputs(variable.argument, signature.names, wanted)
    if name in {"probability", "probabilities"}:
        wanted.add("probabilities")
        return _probabilities(variable.argument, signature.output)
    if name in {"label", "value"}:
        wanted.add("value")
        return lambda columns, row: columns.values[row]
    if name == "row_id":
        return lambda columns, row: None if columns.ids is None else columns.ids[row]
    return lambda columns, row: getattr(columns.context, name)


def _inputs(field: str | None, names: Sequence[str], wanted: set[str]) -> _Cell:
    if field is not None:
        wanted.add(f"inputs.{field}")
        return lambda columns, row: columns.inputs[field][row]
    wanted.update(f"inputs.{name}" for name in names)
    return lambda columns, row: {name: columns.inputs[name][row] for name in names}


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
