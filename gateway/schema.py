"""
Types of inputs and outputs: fields, signatures, batches, predictions, predictors.

Pure data. Knows no framework, no wire format and no registry syntax.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.explanation import Explanation
from gateway.own_output import NamedOutput, OwnParam

Scalar: TypeAlias = str | int | float | bool
Column: TypeAlias = npt.NDArray[Any]
FieldType: TypeAlias = Literal["number", "integer", "string", "boolean"]
OutputKind: TypeAlias = Literal["classification", "regression", "multi_label", "multi_output", "json"]
#: The value; the probability of the second label; one probability per label; one list of values per instance.
OwnAnswer: TypeAlias = Literal["value", "number", "probability", "probabilities", "list", "column", "named"]

#: The missing value in every column: frameworks agree on NaN, while None is silently skipped by some imputers.
MISSING = math.nan

#: Two answers are equal where |d| <= ABSOLUTE + RELATIVE x |expected|: float32 sums in another order, or on another
#: CPU, differ by about 1e-7; this leaves room and is still below any rounded answer.
ABSOLUTE, RELATIVE = 1e-6, 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """
    Describe one input: its type, its limits, and what to do when it is absent.

    Keywords are JSON Schema's, in snake case; `missing` lists values that mean "missing", `unknown` says what to do
    with a level outside `enum`. `required=False` without `default` means: absent is missing.
    With `booleans_as_numbers` true and false are 1 and 0 for the model: a number takes them as well, and a boolean
    takes 1 and 0. `whole` says that the model itself takes no fraction, so that no registry may admit one. `unused`
    says that the pipeline drops the value before anything reads it. `takes_integers` lets a text be sent
    as a whole number and reads its digits: a category that training may have seen as either.
    """

    name: str
    type: FieldType = "number"
    required: bool = True
    nullable: bool = False
    default: Scalar | None = None
    enum: tuple[Scalar, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    missing: tuple[Scalar, ...] = ()
    unknown: Literal["error", "missing"] = "error"
    aliases: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    unit: str | None = None
    examples: tuple[Scalar, ...] = ()
    booleans_as_numbers: bool = False
    whole: bool = False
    unused: bool = False
    takes_integers: bool = False

    @property
    def column_type(self) -> FieldType:
        """Return the type of the column that the model gets: booleans that are 1 and 0 for it come as numbers."""
        return "number" if self.booleans_as_numbers and self.type == "boolean" else self.type


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPart:
    """
    Describe one of several outputs: a number, a class among `labels`, or `width` numbers for each instance.

    `probabilities` says that the model answers one for each label.
    """

    type: FieldType = "number"
    labels: tuple[Scalar, ...] = ()
    probabilities: bool = False
    width: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """
    Describe what a model answers.

    `labels` are in the order of the probability columns. `names` are the outputs of a multi-output or multi-label
    model; `parts` describe them where they are not all one number, and tell of their probabilities; `chosen` are their
    places among the predictor's where the registry chooses some. `threshold` applies to the probability of `positive`
    and overrides the label of the model. `own` says what the framework's own predict returns for the artifact;
    `own_differs` says why it answers otherwise than this signature, in which case no answer of ours may pass for the
    framework's. `own_outputs` are the outputs of a graph that the framework answers by name (`own` is "named"),
    `own_as_frame` whether it does so row by row whatever was sent, or never; None where that depends on the request.
    `own_params` are what an MLflow model declares.
    """

    kind: OutputKind = "regression"
    labels: tuple[Scalar, ...] = ()
    probabilities: bool = False
    positive: Scalar | None = None
    threshold: float | None = None
    unit: str | None = None
    decimals: int | None = None
    names: tuple[str, ...] = ()
    parts: tuple[OutputPart, ...] = ()
    chosen: tuple[int, ...] = ()
    own: OwnAnswer = "value"
    own_outputs: tuple[NamedOutput, ...] = ()
    own_as_frame: bool | None = None
    own_params: tuple[OwnParam, ...] = ()
    own_differs: str = ""

    @property
    def has_probabilities(self) -> bool:
        """Say whether anything of the answer is a probability."""
        return self.probabilities or any(part.probabilities for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """
    Bind inputs to outputs.

    `inputs` stand in the order in which the predictor wants its columns; `positional` is the order of bare lists of
    values. `names_known` is false when the artifact had no feature names and ours (x0, x1, …) were made up.
    `trained_on` are all columns of the training frame in their order, where the pipeline drops some of them.
    """

    inputs: tuple[Field, ...]
    output: Output
    positional: tuple[str, ...] = ()
    names_known: bool = True
    trained_on: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the field names in predictor order."""
        return tuple(field.name for field in self.inputs)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Return the columns that the pipeline drops: a request may hold them, and no answer depends on them."""
        known = {name for field in self.inputs for name in (field.name, *field.aliases)}
        return tuple(name for name in self.trained_on if name not in known)

    @property
    def positions(self) -> tuple[str, ...]:
        """Return the field names in the order of positional data."""
        return self.positional or self.names


@dataclass(slots=True)
class Batch:
    """
    Hold validated instances as columns, one array per field in predictor order.

    By `Field.column_type`: number -> float64; integer -> int64, or float64 where a value is missing; string -> object
    (str, missing NaN); boolean -> bool_, or object where a value is missing. `ids` are the row ids. `ignored` are the
    names of the request that belong to no field. `invalid` counts by field the values that could not be read and became
    missing ones, where the registry wants that; None stands for none.
    """

    columns: list[Column]
    size: int
    ids: list[Any] | None = None
    ignored: Sequence[str] = ()
    invalid: Mapping[str, int] | None = None

    def chunks(self, rows: int) -> Iterator["Batch"]:
        """Yield slices of at most `rows` instances; the arrays are views."""
        for start in range(0, self.size, rows):
            stop = min(start + rows, self.size)
            ids = None if self.ids is None else self.ids[start:stop]
            yield Batch([column[start:stop] for column in self.columns], stop - start, ids)


@dataclass(slots=True)
class Predictions:
    """
    Hold what a predictor found for a batch.

    classification: `values` are indices into `Output.labels` (n,), `probabilities` (n, k) or None.
    regression: `values` (n,) float64. multi_output: `values` (n, m), objects where outputs are lists; `each` holds a
    table (n, k) of probabilities, or None, per output where one has some. multi_label: `values` (n, m) 0/1, with
    `probabilities` (n, m) or None. json: `values` is a list of n JSON values. `explanation` is set where the call asked
    for one.
    """

    values: Any
    probabilities: npt.NDArray[np.float64] | None = None
    each: Sequence[npt.NDArray[np.float64] | None] = ()
    explanation: Explanation | None = None


def make_column(field_type: str, values: Sequence[Any]) -> Column:
    """
    Build the array of one field from checked Python values, where NaN stands for missing.

    Integers stay int64 while none is missing; text stays `object`, because numpy's fixed-width strings would pad.
    """
    if field_type == "number":
        return np.asarray(values, dtype=np.float64)
    if len(values) == 1:  # the usual case of a single instance, in a third of the time
        value = values[0]
        if field_type == "string":
            single: Column = np.empty(1, dtype=object)
            single[0] = value
            return single
        has_missing = value != value  # noqa: PLR0124 - NaN is missing
    else:
        has_missing = field_type != "string" and any(value != value for value in values)  # noqa: PLR0124
    if field_type == "integer":
        return np.asarray(values, dtype=np.float64 if has_missing else np.int64)
    if field_type == "boolean" and not has_missing:
        return np.asarray(values, dtype=np.bool_)
    column: Column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


class Predictor(Protocol):
    """
    Answer columns with predictions.

    `predict` takes one array per field of `signature.inputs`, in that order, all of one length (dtypes: see
    Batch), never changes them, and may be called from several threads at once.
    """

    signature: Signature

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance; the answer has as many rows as the columns."""
