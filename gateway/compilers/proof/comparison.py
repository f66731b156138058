"""Compares two answers to the same rows: numbers within a tolerance, labels but for ties. Knows no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.compilers.base import Declined
from gateway.schema import ABSOLUTE, RELATIVE, Column, Predictions, Signature

_HALF = 0.5


@dataclass(slots=True)
class Difference:
    """Hold what equal answers still differ by; `max_difference` is relative where a value exceeds 1."""

    max_difference: float = 0.0
    ties: int = 0


class Comparison:
    """Compare answers of one signature; `tolerance` replaces the absolute one."""

    def __init__(self, signature: Signature, tolerance: float | None) -> None:
        self._signature = signature
        self._absolute = ABSOLUTE if tolerance is None else tolerance

    def run(self, columns: Sequence[Column], expected: Predictions, found: Predictions) -> Difference:
        """Return what is left of a difference between equal answers; raises Declined at the first that is too large."""
        if (expected.probabilities is None) != (found.probabilities is None):
            raise Declined("only one of them answers probabilities")
        seen = Difference()
        if expected.probabilities is not None:
            self._numbers(columns, expected.probabilities, found.probabilities, seen)
        if self._signature.output.kind in {"classification", "multi_label"}:
            self._labels(columns, expected, found, seen)
        else:
            self._numbers(columns, expected.values, found.values, seen)
        return seen

    def _numbers(self, columns: Sequence[Column], expected: Any, found: Any, seen: Difference) -> None:
        wanted, got = np.asarray(expected, dtype=np.float64), np.asarray(found, dtype=np.float64)
        if wanted.shape != got.shape:
            raise Declined(f"the answers have the shapes {wanted.shape} and {got.shape}")
        with np.errstate(all="ignore"):
            difference = np.abs(wanted - got)
            same = (wanted == got) | (np.isnan(wanted) & np.isnan(got))
            close = np.isfinite(wanted) & (difference <= self._absolute + RELATIVE * np.abs(wanted))
            wrong = ~(same | close)
            counted = (difference / np.maximum(np.abs(wanted), 1.0))[np.isfinite(difference) & ~same]
        if wrong.any():
            row = int(np.argwhere(wrong)[0][0])
            raise Declined(f"expected {wanted[row].tolist()}, got {got[row].tolist()} for {self._shown(columns, row)}")
        seen.max_difference = max(seen.max_difference, float(counted.max(initial=0.0)))

    def _labels(self, columns: Sequence[Column], expected: Predictions, found: Predictions, seen: Difference) -> None:
        wanted, got = np.asarray(expected.values), np.asarray(found.values)
        if wanted.shape != got.shape:
            raise Declined(f"the labels have the shapes {wanted.shape} and {got.shape}")
        for at in map(tuple, np.argwhere(wanted != got)):
            if not self._is_tie(expected.probabilities, at, int(wanted[at]), int(got[at])):
                raise Declined(f"expected label {wanted[at]}, got {got[at]} for {self._shown(columns, at[0])}")
            seen.ties += 1

    def _is_tie(self, probabilities: npt.NDArray[np.float64] | None, at: Any, wanted: int, got: int) -> bool:
        """Say whether the original itself found both labels equally likely, within the tolerance."""
        if probabilities is None:
            return False
        if self._signature.output.kind == "multi_label":
            return bool(abs(probabilities[at] - _HALF) <= self._absolute)
        row = probabilities[at[0]]
        return bool(abs(row[wanted] - row[got]) <= 2 * self._absolute)

    def _shown(self, columns: Sequence[Column], row: int) -> str:
        pairs = list(zip(self._signature.names, columns, strict=True))
        return ", ".join(f"{name}={str(column[row])[:40]!r}" for name, column in pairs[:12])
