"""
Proves that a twin answers as its original does, row by row, before it may serve.

Labels equal (ties recorded), |d| <= 1e-6 + 1e-5 x |expected| or the tolerance of the route; rows that the original
refuses must be refused by the twin too. Knows no compiler.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.compilers.base import Declined, Predictor
from gateway.schema import Column, Predictions, Signature

#: float32 sums in another order differ by about 1e-7; these leave room and are still below any rounded answer.
ABSOLUTE, RELATIVE = 1e-6, 1e-5
#: Rows that the original refuses and that are tried one by one: more would only cost time.
MAX_REFUSED = 40
_CHUNK = 512
_HALF = 0.5


@dataclass(slots=True, kw_only=True)
class Proof:
    """
    Hold what was compared; `complete` is false where the time ran out before the last row.

    `max_difference` is relative to the expected value where that exceeds 1, `refused` counts rows that both refuse.
    """

    rows: int = 0
    max_difference: float = 0.0
    ties: int = 0
    refused: int = 0
    complete: bool = True


def prove(
    original: Predictor,
    twin: Predictor,
    batches: Iterable[Sequence[Column]],
    *,
    tolerance: float | None = None,
    deadline: float = float("inf"),
) -> Proof:
    """
    Compare over all rows; raises Declined at the first difference, naming the row.

    `deadline` is a time.monotonic() value; the first batch (the golden rows) is always compared whole.
    """
    proof = Proof()
    for number, batch in enumerate(batches):
        size = len(batch[0]) if batch else 0
        for start in range(0, size, _CHUNK):
            if number and time.monotonic() > deadline:
                proof.complete = False
                return proof
            _compare_rows(original, twin, [column[start : start + _CHUNK] for column in batch], tolerance, proof)
    if proof.rows == 0:
        raise Declined("the original refused every row that the proof could make")
    return proof


def _compare_rows(
    original: Predictor, twin: Predictor, columns: list[Column], tolerance: float | None, proof: Proof
) -> None:
    expected = _ask(original, columns)
    found = _ask(twin, columns)
    if expected is None and found is None and (len(columns[0]) == 1 or proof.refused >= MAX_REFUSED):
        proof.refused += 1
        return
    if (expected is None or found is None) and len(columns[0]) > 1:
        # Some row is refused by one of them: find out which, half by half.
        middle = len(columns[0]) // 2
        for half in (slice(0, middle), slice(middle, None)):
            _compare_rows(original, twin, [column[half] for column in columns], tolerance, proof)
        return
    if expected is None or found is None:
        who = "the original" if expected is None else "the twin"
        row = {name: str(column[0])[:40] for name, column in zip(original.signature.names, columns, strict=True)}
        raise Declined(f"{who} refuses a row that the other answers: {row}")
    _Comparison(original.signature, columns, tolerance, proof).run(expected, found)


def _ask(predictor: Predictor, columns: list[Column]) -> Predictions | None:
    try:
        with np.errstate(all="ignore"):
            return predictor.predict(columns)
    except Exception:  # what a model raises for a row it does not take is its own business
        return None


class _Comparison:
    """Compare the answers to one batch and add up what is found."""

    def __init__(self, signature: Signature, columns: Sequence[Column], tolerance: float | None, proof: Proof) -> None:
        self._signature = signature
        self._columns = columns
        self._absolute = ABSOLUTE if tolerance is None else tolerance
        self._proof = proof

    def run(self, expected: Predictions, found: Predictions) -> None:
        """Raise Declined at the first difference."""
        if (expected.probabilities is None) != (found.probabilities is None):
            raise Declined("only one of them answers probabilities")
        if expected.probabilities is not None:
            self._numbers(expected.probabilities, found.probabilities)
        if self._signature.output.kind in {"classification", "multi_label"}:
            self._labels(expected, found)
        else:
            self._numbers(expected.values, found.values)
        self._proof.rows += len(self._columns[0])

    def _numbers(self, expected: Any, found: Any) -> None:
        wanted, got = np.asarray(expected, dtype=np.float64), np.asarray(found, dtype=np.float64)
        if wanted.shape != got.shape:
            raise Declined(f"the answers have the shapes {wanted.shape} and {got.shape}")
        with np.errstate(all="ignore"):
            difference = np.abs(wanted - got)
            same = (wanted == got) | (np.isnan(wanted) & np.isnan(got))
            wrong = ~(same | (difference <= self._absolute + RELATIVE * np.abs(wanted)))
            counted = (difference / np.maximum(np.abs(wanted), 1.0))[np.isfinite(difference) & ~same]
        if wrong.any():
            row = int(np.argwhere(wrong)[0][0])
            raise Declined(f"expected {wanted[row].tolist()}, got {got[row].tolist()} for {self._shown(row)}")
        self._proof.max_difference = max(self._proof.max_difference, float(counted.max(initial=0.0)))

    def _labels(self, expected: Predictions, found: Predictions) -> None:
        wanted, got = np.asarray(expected.values), np.asarray(found.values)
        if wanted.shape != got.shape:
            raise Declined(f"the labels have the shapes {wanted.shape} and {got.shape}")
        for at in map(tuple, np.argwhere(wanted != got)):
            if not self._is_tie(expected.probabilities, at, int(wanted[at]), int(got[at])):
                raise Declined(f"expected label {wanted[at]}, got {got[at]} for {self._shown(at[0])}")
            self._proof.ties += 1

    def _is_tie(self, chances: npt.NDArray[np.float64] | None, at: Any, wanted: int, got: int) -> bool:
        """Say whether the original itself found both labels equally likely, within the tolerance."""
        if chances is None:
            return False
        if self._signature.output.kind == "multi_label":
            return bool(abs(chances[at] - _HALF) <= self._absolute)
        row = chances[at[0]]
        return bool(abs(row[wanted] - row[got]) <= 2 * self._absolute)

    def _shown(self, row: int) -> str:
        pairs = list(zip(self._signature.names, self._columns, strict=True))
        return ", ".join(f"{name}={str(column[row])[:40]!r}" for name, column in pairs[:12])
