"""
Difference in answers: what two models answer to the same rows, row by row and in sum. Pure: arrays in, figures out.

The answers are those of the route, with its labels and its threshold, and not rounded.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gateway.answers.columns import columns_of, plan_of
from gateway.schema import ABSOLUTE, Batch, Output, Predictions, Signature

#: A value has changed where it differs by more than this share of the served one.
VALUE_CHANGE: Final = 0.05
#: Shares of the rows whose change is told.
QUANTILES: Final = (0.5, 0.9, 0.99, 1.0)
#: Rows with the largest changes that are told.
MOST_ROWS: Final = 20
_BINARY: Final = 2


@dataclass(slots=True)
class Side:
    """Hold what one model answered: its signature as the route has it, the rows as it read them, its predictions."""

    signature: Signature
    batch: Batch
    predictions: Predictions
    answers: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        output = replace(self.signature.output, decimals=None)
        unrounded = replace(self.signature, output=output)
        self.answers = columns_of(plan_of(unrounded, {"value"}), self.batch, self.predictions).values


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """
    Hold how the answers of a candidate differ from those of the served model.

    `what` says what changes: labels, values or answers; `changed` rows of `rows` do. `measure` names the number whose
    change is told: the probability of a label, the value, or "" where there is none; `changes` are its signed changes,
    row by row, `quantiles` those of |change| in the order of QUANTILES. `confusion` counts (served, candidate) labels.
    `largest` are the rows with the largest changes, those whose answer changes first where no number tells.
    """

    what: str
    rows: int
    changed: int
    measure: str = ""
    changes: npt.NDArray[np.float64] | None = None
    quantiles: tuple[float, ...] = ()
    confusion: dict[tuple[str, str], int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    largest: tuple[int, ...] = ()

    @property
    def share(self) -> float:
        """Return the share of rows whose answer changes."""
        return self.changed / self.rows if self.rows else 0.0


def compare_answers(served: Side, candidate: Side) -> Difference:
    """Compare the answers of two models to the same rows; their outputs are of one kind."""
    kind = served.signature.output.kind
    if kind == "classification":
        return _of_labels(served, candidate)
    if kind == "regression":
        return _of_values(served, candidate)
    apart = np.array([_distance(*pair) for pair in zip(served.answers, candidate.answers, strict=True)])
    return _made("answers", apart > ABSOLUTE, apart if np.isfinite(apart).all() else None, "largest of its numbers")


def _of_labels(served: Side, candidate: Side) -> Difference:
    pairs = [(str(old), str(new)) for old, new in zip(served.answers, candidate.answers, strict=True)]
    is_changed = np.array([old != new for old, new in pairs], dtype=bool)
    found = Counter(pairs)
    labels = tuple(dict.fromkeys(str(one) for side in (served, candidate) for one in side.signature.output.labels))
    changes, measure = _probability_changes(served, candidate)
    made = _made("labels", is_changed, changes, measure)
    return replace(made, confusion=dict(found), labels=labels)


def _probability_changes(served: Side, candidate: Side) -> tuple[npt.NDArray[np.float64] | None, str]:
    """Return the change in the probability of the positive label, else of the label that the served model answers."""
    old, new = served.predictions.probabilities, candidate.predictions.probabilities
    output = served.signature.output
    places = {str(label): place for place, label in enumerate(candidate.signature.output.labels)}
    if old is None or new is None or any(str(label) not in places for label in output.labels):
        return None, ""
    aligned = new[:, [places[str(label)] for label in output.labels]]
    label = positive_of(output)
    if label is not None:
        at = output.labels.index(label)
        return aligned[:, at] - old[:, at], f"probability of {label}"
    own = [output.labels.index(answer) for answer in served.answers]
    rows = np.arange(len(own))
    return aligned[rows, own] - old[rows, own], "probability of the label that is served"


def positive_of(output: Output) -> Any:
    """Return the label whose probability is told of a row: the positive one, else the second of two; None of more."""
    if output.positive in output.labels:
        return output.positive
    return output.labels[1] if len(output.labels) == _BINARY else None


def _of_values(served: Side, candidate: Side) -> Difference:
    old = np.asarray(served.predictions.values, dtype=np.float64)
    new = np.asarray(candidate.predictions.values, dtype=np.float64)
    apart = np.abs(new - old)
    both_missing = np.isnan(old) & np.isnan(new)
    is_changed = ~both_missing & ~(apart <= ABSOLUTE + VALUE_CHANGE * np.abs(old))
    return _made("values", is_changed, np.where(both_missing, 0.0, new - old), "value")


def _made(
    what: str, is_changed: npt.NDArray[np.bool_], changes: npt.NDArray[np.float64] | None, measure: str
) -> Difference:
    size = len(is_changed)
    sizes = np.where(np.isnan(changes), np.inf, np.abs(changes)) if changes is not None else is_changed.astype(float)
    # The largest first, of equal ones those that change the answer, then in the order of the file.
    order = np.lexsort((np.arange(size), ~is_changed, -sizes))
    largest = [int(row) for row in order[:MOST_ROWS] if sizes[row] > ABSOLUTE or is_changed[row]]
    ranked = np.sort(sizes)
    # The change that this share of the rows does not exceed: one that a row has, not one between two rows.
    places = [max(0, math.ceil(share * size) - 1) for share in QUANTILES]
    return Difference(
        what=what,
        rows=size,
        changed=int(is_changed.sum()),
        measure=measure if changes is not None else "",
        changes=changes,
        quantiles=tuple(float(ranked[place]) for place in places) if changes is not None and size else (),
        largest=tuple(largest),
    )


def _distance(old: Any, new: Any) -> float:
    """Return the largest difference of the numbers of two answers; infinite where anything else differs."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return max((_distance(old[key], new[key]) for key in old), default=0.0)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return max((_distance(*pair) for pair in zip(old, new, strict=True)), default=0.0)
    if _is_number(old) and _is_number(new):
        return abs(float(new) - float(old))
    return 0.0 if old == new else math.inf


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def mean_contributions(side: Side) -> dict[str, float]:
    """Return the mean |contribution| of each field over the rows, the largest first; empty without explanations."""
    found = side.predictions.explanation
    if found is None or not len(found.base):
        return {}
    means = np.abs(found.contributions).mean(axis=0).tolist()
    pairs = zip(side.signature.names, means, strict=True)
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def contributions_of(side: Side, row: int, most: int) -> Sequence[tuple[str, float]]:
    """Return the largest contributions to the answer of one row."""
    found = side.predictions.explanation
    if found is None:
        return ()
    pairs = zip(side.signature.names, found.contributions[row].tolist(), strict=True)
    return sorted(pairs, key=lambda pair: -abs(pair[1]))[:most]
