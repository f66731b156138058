"""
Ask a model for its answers to golden rows and to a file of rows, in a child process within the limits of preparing.

The child (`answers_child.py`) loads the original, not its compiled model: the answers are those that preparing scores.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from gateway.errors import GatewayError, Problem
from gateway.explanation import Explanation, ExplanationScale
from gateway.prepare.child_supervisor import PrepareLimits, supervised
from gateway.prepare.entry import Entry
from gateway.prepare.exchanged_inputs import Exchange
from gateway.registry.server_keys import ServerSpec
from gateway.schema import MISSING, Batch, Predictions, Signature, make_column


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Carry a question to the child: the entry of a model, and the rows that it is asked for.

    `golden` and `table` are paths of files, "" for none. `beside` are columns of the table that are returned as they
    stand; `explain` asks for explanations where the model has them. `others` are the numbers of another model for the
    rows of the table, else of the golden rows: its values, or probabilities of the label at `label`. They are to show
    whether two inputs look exchanged.
    """

    entry: Entry
    server: ServerSpec = field(default_factory=ServerSpec)
    golden: str = ""
    table: str = ""
    beside: tuple[str, ...] = ()
    explain: bool = False
    others: tuple[float, ...] = ()
    label: int = 0


@dataclass(slots=True)
class StoredExplanation:
    """Carry an explanation without arrays."""

    base: list[float]
    contributions: list[list[float]]
    margin: list[float]
    scale: ExplanationScale
    labels: list[int] | None


@dataclass(slots=True, kw_only=True)
class StoredRows:
    """Carry rows and their answers without arrays; null is a missing value, `names` are the columns of the file."""

    columns: list[list[Any]]
    size: int
    values: list[Any]
    probabilities: list[list[float | None]] | None = None
    each: list[list[list[float | None]] | None] = field(default_factory=list)
    beside: dict[str, list[Any]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    explanation: StoredExplanation | None = None


@dataclass(slots=True, kw_only=True)
class Told:
    """Carry what the child found: the artifact's own signature, that of its route, and the answers; or a problem."""

    problem: Problem | None = None
    native: Signature | None = None
    merged: Signature | None = None
    golden: StoredRows | None = None
    table: StoredRows | None = None
    exchange: Exchange | None = None


@dataclass(slots=True)
class Rows:
    """Hold rows, and what a model answered to them; `beside` are cells of further columns of the file."""

    batch: Batch
    predictions: Predictions
    beside: dict[str, list[Any]]
    names: tuple[str, ...]


@dataclass(slots=True)
class Answers:
    """Hold the answers of one model; `native` is the signature of its artifact, `merged` that of its route."""

    native: Signature
    merged: Signature
    golden: Rows | None
    table: Rows | None
    exchange: Exchange | None = None


_decode: Final = msgspec.json.Decoder(Told).decode


def ask(question: Question, limits: PrepareLimits) -> Answers:
    """Return the answers of a model; raises GatewayError with what kept it from answering."""
    told = msgspec.json.encode(question)
    problem, stdout = supervised("gateway.prepare.answers_child", told, limits, Path(question.entry.cache_dir))
    found = _decode(stdout) if stdout.endswith(b"\n") else None
    if found is not None and found.problem is not None:
        problem = found.problem
    if problem is not None or found is None or found.native is None or found.merged is None:
        problem = problem or Problem("prepare-crashed", "the process that asked the model ended before it was done")
        raise GatewayError(problem.message, code=problem.code, hint=problem.hint)
    return Answers(
        found.native,
        found.merged,
        None if found.golden is None else _rows(found.golden, found.native),
        None if found.table is None else _rows(found.table, found.native),
        found.exchange,
    )


def _rows(stored: StoredRows, signature: Signature) -> Rows:
    columns = [
        make_column(one.column_type, [MISSING if value is None else value for value in values])
        for one, values in zip(signature.inputs, stored.columns, strict=True)
    ]
    is_number = signature.output.kind in {"classification", "regression", "multi_label"}
    predictions = Predictions(
        _array(stored.values) if is_number else stored.values,
        None if stored.probabilities is None else _array(stored.probabilities),
        tuple(None if table is None else _array(table) for table in stored.each),
        None if stored.explanation is None else _explanation(stored.explanation),
    )
    return Rows(Batch(columns, stored.size), predictions, stored.beside, stored.names)


def _array(values: Any) -> Any:
    """Return an array of numbers, where null is NaN."""
    if all(type(value) is int for value in values):
        return np.asarray(values, dtype=np.int64)
    return np.asarray(values, dtype=np.float64)


def _explanation(stored: StoredExplanation) -> Explanation:
    return Explanation(
        np.asarray(stored.base, dtype=np.float64),
        np.asarray(stored.contributions, dtype=np.float64),
        np.asarray(stored.margin, dtype=np.float64),
        stored.scale,
        None if stored.labels is None else np.asarray(stored.labels, dtype=np.int64),
    )
