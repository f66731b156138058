"""
Answer what the framework's own predict returns for an artifact, as `schema.Output.own` says.

Labels, numbers, lists of several outputs, probabilities of a raw booster, outputs of a graph by their names.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from gateway.answers.answer import AnswerContext
from gateway.answers.columns import Columns, columns_of, plan_of
from gateway.answers.json_values import json_key
from gateway.own_output import NamedOutput, OutputForm
from gateway.schema import Batch, Output, OwnAnswer, Predictions, Signature

#: Reads the answers of a batch, one per row; of a graph also its outputs by name, each with all its rows.
Rows = Callable[[Batch, Predictions, AnswerContext], list[Any]]
Tensors = Callable[[Batch, Predictions, AnswerContext], list[Any] | dict[str, list[Any]]]

_READERS: Final[dict[OwnAnswer, Callable[[Columns], list[Any]]]] = {
    "value": lambda columns: columns.values,
    "number": lambda columns: [float(one) if isinstance(one, int) else one for one in columns.values],
    "probability": lambda columns: [row[1] for row in columns.probabilities or ()],
    "probabilities": lambda columns: list(columns.probabilities or ()),
    "list": lambda columns: [list(row.values()) if isinstance(row, dict) else row for row in columns.values],
    "column": lambda columns: [[value] for value in columns.values],
}
_SEVERAL: Final = frozenset({"several", "several-column"})
_OF_PROBABILITIES: Final = frozenset({"probability", "probabilities"})


def own_rows(signature: Signature) -> Rows:
    """Return what turns predictions into one answer per row: for a graph, a record of its outputs."""
    if signature.output.own == "named":
        tensors = _named(signature)
        return lambda batch, predictions, _: _records(tensors(batch, predictions))
    plan = plan_of(signature, _wanted(signature.output))
    read = _READERS[signature.output.own]
    return lambda batch, predictions, _: read(columns_of(plan, batch, predictions))


def own_tensors(signature: Signature) -> Tensors:
    """Return what turns predictions into the answer to a tensor: for a graph, its outputs by name."""
    if signature.output.own == "named":
        tensors = _named(signature)
        return lambda batch, predictions, _: tensors(batch, predictions)
    return own_rows(signature)


def _wanted(output: Output) -> set[str]:
    """Return the variables that an answer is made of."""
    return {"probabilities" if output.own in _OF_PROBABILITIES else "value"}


def _named(signature: Signature) -> Callable[[Batch, Predictions], dict[str, list[Any]]]:
    output = signature.output
    plan = plan_of(signature, {"value", "probabilities"})
    labels = [json_key(label) for label in output.labels]
    outputs = _chosen(output)

    def read(batch: Batch, predictions: Predictions) -> dict[str, list[Any]]:
        columns = columns_of(plan, batch, predictions)
        return {one.name: _form(one, columns, labels) for one in outputs}

    return read


def _chosen(output: Output) -> tuple[NamedOutput, ...]:
    """Return the outputs that a route answers, each with its place among them."""
    if not output.chosen or not all(one.form in _SEVERAL for one in output.own_outputs):
        return output.own_outputs
    by_place = {one.position: one for one in output.own_outputs}
    return tuple(replace(by_place[place], position=at) for at, place in enumerate(output.chosen) if place in by_place)


def _form(one: NamedOutput, columns: Columns, labels: list[str]) -> list[Any]:
    """Return all rows of one output of a graph."""
    if one.form == "map":
        return [dict(zip(labels, row, strict=True)) for row in columns.probabilities or ()]
    if one.form in _SEVERAL:
        values = [list(row.values())[one.position] for row in columns.values]
        return [[value] for value in values] if one.form == "several-column" else values
    if one.form == "probability":
        return [row[one.position] for row in columns.probabilities or ()]
    return _READERS[_AS_WHOLE[one.form]](columns)


_AS_WHOLE: Final[dict[OutputForm, OwnAnswer]] = {
    "value": "value",
    "column": "column",
    "list": "list",
    "probabilities": "probabilities",
}


def _records(tensors: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Return one record per row; a column of one value is a value there, as in a data frame."""
    flat = {name: [_bare(value) for value in rows] for name, rows in tensors.items()}
    return [dict(zip(flat, row, strict=True)) for row in zip(*flat.values(), strict=True)]


def _bare(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
