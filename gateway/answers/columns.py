"""Convert arrays to lists of JSON values, once per chunk: Python scalars, null for missing and non-finite numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gateway.answers.explanations import explanations_of
from gateway.answers.json_values import numbers, plain
from gateway.answers.outputs import chosen_probabilities, probability_tables, rows_of
from gateway.schema import Batch, Column, Output, Predictions, Signature


@dataclass(slots=True)
class Columns:
    """Hold the lists from which the answers of one chunk are built."""

    values: list[Any] = field(default_factory=list)
    probabilities: list[list[float | None]] | None = None
    each: dict[str, list[list[float | None]]] = field(default_factory=dict)
    inputs: dict[str, list[Any]] = field(default_factory=dict)
    ids: list[Any] | None = None
    explanations: list[dict[str, Any]] = field(default_factory=list)
    context: Any = None


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Hold the choice of lists that every chunk needs; `inputs` are (position, name, type).

    `explained` is the signature whose fields the explanations name, None where there are none.
    """

    output: Output
    value: bool
    probabilities: bool
    inputs: tuple[tuple[int, str, str], ...]
    explained: Signature | None = None


def plan_of(signature: Signature, wanted: set[str]) -> Plan:
    """Return the plan for the variables of a template: "value", "probabilities", "explanation", "inputs.<field>"."""
    inputs = tuple(
        (position, one.name, one.type)
        for position, one in enumerate(signature.inputs)
        if f"inputs.{one.name}" in wanted
    )
    explained = signature if "explanation" in wanted else None
    return Plan(signature.output, "value" in wanted, "probabilities" in wanted, inputs, explained)


def columns_of(plan: Plan, batch: Batch, predictions: Predictions) -> Columns:
    """Return the lists of one chunk."""
    columns = Columns(ids=None if batch.ids is None else [plain(one) for one in batch.ids])
    for position, name, kind in plan.inputs:
        columns.inputs[name] = _inputs(kind, batch.columns[position])
    if plan.probabilities and predictions.probabilities is not None:
        found = chosen_probabilities(plan.output, predictions.probabilities)
        columns.probabilities = _matrix(found, plan.output.decimals)
    elif plan.probabilities and predictions.each:
        columns.each = probability_tables(plan.output, predictions)
    if plan.explained is not None and predictions.explanation is not None:
        columns.explanations = explanations_of(plan.explained, predictions.explanation)
    if plan.value:
        columns.values = _values(plan.output, predictions)
    return columns


def _inputs(kind: str, column: Column) -> list[Any]:
    values: list[Any] = column.tolist()
    if kind == "integer" and column.dtype.kind == "f":
        # A missing value turned the whole column into floats; the others are still whole numbers.
        return [None if math.isnan(value) else int(value) for value in values]
    if kind == "boolean" and column.dtype.kind == "f":
        return [None if math.isnan(value) else bool(value) for value in values]
    if column.dtype.kind in "ib" or (len(values) == 1 and type(values[0]) is str):
        return values
    return [plain(value) for value in values]


def _values(output: Output, predictions: Predictions) -> list[Any]:
    if output.kind == "classification":
        return _labels(output, predictions)
    if output.kind == "json":
        return [plain(value) for value in predictions.values]
    if output.kind == "regression":
        return numbers(np.asarray(predictions.values).tolist(), output.decimals)
    listed = rows_of(output, predictions)
    return [dict(zip(output.names, row, strict=True)) for row in listed] if output.names else list(listed)


def _labels(output: Output, predictions: Predictions) -> list[Any]:
    labels = output.labels
    indices = np.asarray(predictions.values).tolist()
    if output.threshold is not None and output.positive in labels and predictions.probabilities is not None:
        indices = _by_threshold(output, predictions.probabilities, indices)
    if not labels:
        return [plain(index) for index in indices]
    return [labels[int(index)] for index in indices]


def _by_threshold(output: Output, rows: Any, indices: Sequence[Any]) -> list[Any]:
    """
    Return the index of `positive` from the threshold on, else of the most probable other label.

    A row whose probability is NaN keeps the answer of the model.
    """
    positive = output.labels.index(output.positive)
    threshold = output.threshold or 0.0
    if len(rows) > 1 and len(output.labels) == 2:  # noqa: PLR2004 - the other label is the only one
        return _by_threshold_of_two(positive, threshold, np.asarray(rows), indices)
    others = [index for index in range(len(output.labels)) if index != positive]

    def decide(row: Sequence[float], index: Any) -> Any:
        if math.isnan(row[positive]):
            return index
        return positive if row[positive] >= threshold else max(others, key=row.__getitem__)

    return [decide(row, index) for row, index in zip(rows.tolist(), indices, strict=True)]


def _by_threshold_of_two(positive: int, threshold: float, rows: Any, indices: Sequence[Any]) -> list[Any]:
    probability = rows[:, positive]
    found = np.where(probability >= threshold, positive, 1 - positive)
    return list(np.where(np.isnan(probability), indices, found).tolist())


def _matrix(rows: Any, decimals: int | None) -> list[list[Any]]:
    return [numbers(row, decimals) for row in np.asarray(rows).tolist()]
