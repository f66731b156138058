"""The outputs of a model with several: which of them a route answers, and the names of their probabilities."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gateway.answers.json_values import json_key, numbers, plain
from gateway.schema import Output, OutputPart, Predictions


def probability_names(output: Output) -> tuple[str, ...]:
    """Return what may follow `$probability.`: labels, outputs of 0 and 1, or `output` and `output.label`."""
    if output.kind == "classification":
        return tuple(json_key(label) for label in output.labels)
    if not output.parts:
        return output.names if output.probabilities else ()
    return tuple(_argument for name, part in told(output) for _argument in (name, *_arguments(name, part)))


def _arguments(name: str, part: OutputPart) -> list[str]:
    return [f"{name}.{json_key(label)}" for label in part.labels]


def told(output: Output) -> tuple[tuple[str, OutputPart], ...]:
    """Return name and description of the outputs that have probabilities of their labels."""
    return tuple((name, part) for name, part in zip(output.names, output.parts, strict=False) if part.probabilities)


def rows_of(output: Output, predictions: Predictions) -> list[list[Any]]:
    """Return one list of JSON values per instance: 0 and 1, numbers, classes, or lists of numbers."""
    rows = np.asarray(predictions.values)
    if output.chosen:
        rows = rows[:, list(output.chosen)]
    if output.kind == "multi_label":
        return [[int(value) for value in row] for row in rows.tolist()]
    if output.parts:
        columns = [_cells(part, rows[:, at], output.decimals) for at, part in enumerate(output.parts)]
        return [list(row) for row in zip(*columns, strict=True)]
    if rows.dtype.kind == "f":
        return [numbers(row, output.decimals) for row in rows.tolist()]
    return [[plain(value) for value in row] for row in rows.tolist()]


def _cells(part: OutputPart, cells: Any, decimals: int | None) -> list[Any]:
    values = cells.tolist()
    if part.type != "number" or part.labels:
        return [plain(value) for value in values]
    if part.width:
        return [numbers(list(value), decimals) for value in values]
    return numbers(values, decimals)


def probability_tables(output: Output, predictions: Predictions) -> dict[str, list[list[Any]]]:
    """Return the probabilities of each output that has some, one list per instance in the order of its labels."""
    places = output.chosen or range(len(output.names))
    by_name = dict(zip(output.names, places, strict=True))
    return {
        name: [numbers(row, output.decimals) for row in np.asarray(predictions.each[by_name[name]]).tolist()]
        for name, _ in told(output)
    }


def chosen_probabilities(output: Output, table: Any) -> Any:
    """Return the columns of a table of probabilities, one per output of 0 and 1, that the route answers."""
    return table[:, list(output.chosen)] if output.chosen and output.kind == "multi_label" else table


def resolve(output: Output, argument: str) -> tuple[str, int | None]:
    """Return the output that an argument of `$probability` names, and which of its labels; None stands for all."""
    for name, part in told(output):
        if argument == name:
            return name, None
        if argument in (arguments := _arguments(name, part)):
            return name, arguments.index(argument)
    raise KeyError(argument)


def labels_of(output: Output, name: str) -> Sequence[str]:
    """Return the labels of one output as keys of a JSON object."""
    return [json_key(label) for label in output.parts[output.names.index(name)].labels]
