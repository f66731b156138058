"""
Inputs and outputs of a model, as the gateway's own signature describes them: as_json() is what it reads.

The names and meanings of the fields are those of gateway/schema.py; a test holds both to each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Sequence, Union

import numpy as np

Scalar = Union[str, int, float, bool]
#: One array per field; see make_column for their types.
Columns = Sequence[Any]

#: The missing value in every column.
MISSING = math.nan


@dataclass(frozen=True)
class Field:
    """Describe one input."""

    name: str
    type: str = "number"
    required: bool = True
    nullable: bool = False
    default: Scalar | None = None
    enum: tuple[Scalar, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    aliases: tuple[str, ...] = ()
    description: str | None = None
    booleans_as_numbers: bool = False
    whole: bool = False
    unused: bool = False
    takes_integers: bool = False

    @property
    def column_type(self) -> str:
        """Return the type of the column that the model gets: booleans that are 1 and 0 for it come as numbers."""
        return "number" if self.booleans_as_numbers and self.type == "boolean" else self.type


@dataclass(frozen=True)
class Output:
    """Describe what a model answers; `labels` are in the order of the probability columns."""

    kind: str = "regression"
    labels: tuple[Scalar, ...] = ()
    probabilities: bool = False
    positive: Scalar | None = None
    names: tuple[str, ...] = ()
    own: str = "value"
    own_differs: str = ""


@dataclass(frozen=True)
class Signature:
    """Bind inputs to outputs; `inputs` stand in the order in which the model wants its columns."""

    inputs: tuple[Field, ...]
    output: Output
    names_known: bool = True
    trained_on: tuple[str, ...] = ()


@dataclass
class Predictions:
    """
    Hold the answers to a batch.

    `values` are codes of labels (classification), numbers (regression), a table (multi_output, multi_label), or a list
    of JSON values (json).
    """

    values: Any
    probabilities: Any | None = None


class Model:
    """
    Answer columns with predictions: what every kind of model is made into.

    `predict` takes one array per input, in their order, never changes them, and may be called from several threads.
    """

    signature: Signature
    warnings: tuple[str, ...] = ()
    #: Of what predicts, where that is no package of this environment.
    versions: dict[str, str] | None = None

    def predict(self, columns: Columns) -> Predictions:
        """Predict every instance; the answer has as many rows as the columns."""
        raise NotImplementedError


def as_json(described: Any) -> Any:
    """Return a description as JSON values, without what has its default value."""
    if isinstance(described, tuple):
        return [as_json(one) for one in described]
    if not hasattr(described, "__dataclass_fields__"):
        return described
    shown: dict[str, Any] = {}
    for one in fields(described):
        value = getattr(described, one.name)
        if value != one.default:
            shown[one.name] = as_json(value)
    return shown


def make_column(field_type: str, values: Sequence[Any]) -> Any:
    """
    Build the array of one field from Python values, where NaN stands for missing.

    number: float64; integer: int64, or float64 where a value is missing; string: object; boolean: bool, or object where
    a value is missing.
    """
    if field_type == "number":
        return np.asarray(values, dtype=np.float64)
    has_missing = field_type != "string" and any(value != value for value in values)
    if field_type == "integer":
        return np.asarray(values, dtype=np.float64 if has_missing else np.int64)
    if field_type == "boolean" and not has_missing:
        return np.asarray(values, dtype=np.bool_)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def sample_columns(inputs: Sequence[Field], number: float = 0, missing: bool = False) -> list[Any]:
    """Make one row of plausible values, or one row per nullable field in which only that field is missing."""
    holes = [i for i, field in enumerate(inputs) if field.nullable] if missing else [-1]
    columns = []
    for i, field in enumerate(inputs):
        plain: Any = field.enum[0] if field.enum else {"string": "text", "boolean": False}.get(field.type, number)
        columns.append(make_column(field.column_type, [MISSING if hole == i else plain for hole in holes]))
    return columns
