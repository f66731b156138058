"""
Proves that a compiled model answers as its original does, row by row, before it may serve.

Labels equal (ties recorded), |d| <= 1e-6 + 1e-5 x |expected| or the tolerance of the route; rows that the original
refuses must be refused by the compiled model too. Knows no compiler.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.compilers.base import Declined
from gateway.compilers.proof.comparison import Comparison
from gateway.schema import Column, Predictions, Predictor

#: Different rows that both must answer where the inputs allow so many: fewer say too little about a whole model.
FLOOR = 100
#: Rows that the compiled model refuses and of which the original is asked one by one: more would only cost time.
MAX_REFUSED = 200
_CHUNK = 512


@dataclass(slots=True)
class Proof:
    """
    Hold what was compared; `complete` is false where the time ran out before the last row.

    `max_difference` is relative to the expected value where that exceeds 1, `refused` counts rows that both refuse.
    `exhaustive` says that the batches hold every instance there is. `answered` are different rows that both answer,
    the first FLOOR of them.
    """

    rows: int = 0
    max_difference: float = 0.0
    ties: int = 0
    refused: int = 0
    complete: bool = True
    exhaustive: bool = False
    answered: dict[tuple[str, ...], tuple[Any, ...]] = field(default_factory=dict)

    @property
    def is_enough(self) -> bool:
        """Say whether so many different rows were answered that the compiled model may be believed."""
        return len(self.answered) >= FLOOR

    def require_enough(self) -> None:
        """Raise Declined where too few rows were answered; all rows of a small space are enough."""
        if self.is_enough or (self.exhaustive and self.complete):
            return
        why = "no more were found that the original answers" if self.complete else "then the time ran out"
        raise Declined(
            f"only {len(self.answered)} different rows could be compared, a proof needs {FLOOR}: {why} "
            f"({self.refused} refused); golden rows help"
        )

    def note(self, columns: Sequence[Column]) -> None:
        """Remember rows that both answer."""
        for row in zip(*[column.tolist() for column in columns], strict=True):
            if self.is_enough:
                return
            self.answered.setdefault(tuple(map(repr, row)), row)


def prove(
    original: Predictor,
    compiled: Predictor,
    batches: Iterable[Sequence[Column]],
    *,
    tolerance: float | None = None,
    deadline: float = float("inf"),
    proof: Proof | None = None,
) -> Proof:
    """
    Compare over all rows; raises Declined at the first difference, naming the row.

    `deadline` is a time.monotonic() value; the first batch (the golden rows) is always compared whole. `proof` is
    filled in while the batches are drawn, so that they may depend on it.
    """
    proof = Proof() if proof is None else proof
    prover = _Prover(original, compiled, tolerance, proof)
    for number, batch in enumerate(batches):
        size = len(batch[0]) if batch else 0
        for start in range(0, size, _CHUNK):
            if number and time.monotonic() > deadline:
                proof.complete = False
                return proof
            prover.run([column[start : start + _CHUNK] for column in batch])
    if proof.rows == 0:
        raise Declined("the original refused every row that the proof could make")
    return proof


class _Prover:
    """Ask both about the same rows, part them where one refuses, and compare what both answer."""

    def __init__(self, original: Predictor, compiled: Predictor, tolerance: float | None, proof: Proof) -> None:
        self._original, self._compiled, self._proof = original, compiled, proof
        self._comparison = Comparison(original.signature, tolerance)

    def run(self, columns: Sequence[Column]) -> None:
        """Compare one batch; raises Declined."""
        expected, found = _ask(self._original, columns), _ask(self._compiled, columns)
        if expected is not None and found is not None:
            self._compare(columns, expected, found)
        elif len(columns[0]) == 1:
            self._refused(columns, expected, found)
        elif expected is None and found is None:
            self._sift(columns)
        else:
            self._halve(columns)

    def _compare(self, columns: Sequence[Column], expected: Predictions, found: Predictions) -> None:
        """Compare the answers to a batch, and what the compiled model's shorter way answers to each row of it alone."""
        proof = self._proof
        seen = self._comparison.run(columns, expected, found)
        if len(columns[0]) > 1:
            self._comparison.run(columns, expected, self._one_by_one(columns))
        proof.rows += len(columns[0])
        proof.ties += seen.ties
        proof.max_difference = max(proof.max_difference, seen.max_difference)
        proof.note(columns)

    def _one_by_one(self, columns: Sequence[Column]) -> Predictions:
        found = []
        for row in range(len(columns[0])):
            alone = [column[row : row + 1] for column in columns]
            answer = _ask(self._compiled, alone)
            if answer is None:
                raise Declined(
                    f"the compiled model refuses alone a row that it answers in a batch: {self._shown(alone)}"
                )
            found.append(answer)
        probabilities = [answer.probabilities for answer in found if answer.probabilities is not None]
        return Predictions(
            np.concatenate([np.asarray(answer.values) for answer in found]),
            np.concatenate(probabilities) if len(probabilities) == len(found) else None,
        )

    def _sift(self, columns: Sequence[Column]) -> None:
        """
        Part a batch that both refuse.

        Asking the compiled model costs nothing: what it answers is compared in one go, what it refuses is asked for
        alone.
        """
        takes = _taken(self._compiled, columns)
        if takes.all():
            self._halve(columns)
            return
        if takes.any():
            self.run([column[takes] for column in columns])
        for row in np.flatnonzero(~takes).tolist():
            if self._proof.refused >= MAX_REFUSED:
                return
            self.run([column[row : row + 1] for column in columns])

    def _halve(self, columns: Sequence[Column]) -> None:
        middle = len(columns[0]) // 2
        for half in (slice(0, middle), slice(middle, None)):
            self.run([column[half] for column in columns])

    def _refused(self, columns: Sequence[Column], expected: Predictions | None, found: Predictions | None) -> None:
        if expected is None and found is None:
            self._proof.refused += 1
            return
        who = "the original" if expected is None else "the compiled model"
        raise Declined(f"{who} refuses a row that the other answers: {self._shown(columns)}")

    def _shown(self, columns: Sequence[Column]) -> dict[str, str]:
        pairs = zip(self._original.signature.names, columns, strict=True)
        return {name: str(column[0])[:40] for name, column in pairs}


def _ask(predictor: Predictor, columns: Sequence[Column]) -> Predictions | None:
    try:
        with np.errstate(all="ignore"):
            return predictor.predict(columns)
    except Exception:  # what a model raises for a row it does not take is its own business
        return None


def _taken(compiled: Predictor, columns: Sequence[Column]) -> npt.NDArray[np.bool_]:
    """Say of each row of a refused batch whether the compiled model answers it alone."""
    size = len(columns[0])
    found = np.zeros(size, dtype=np.bool_)
    for row in range(size):
        found[row] = _ask(compiled, [column[row : row + 1] for column in columns]) is not None
    return found
