"""Explanations of answers: parts by field that add up to what the model answered. Pure data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

#: Where the parts of an explanation add up: logarithm of the odds or of the value, the value itself, a raw score
#: (margin), a probability, or the mean depth at which trees isolate a row.
ExplanationScale: TypeAlias = Literal["log-odds", "log", "value", "margin", "probability", "path-length"]

#: An explanation is exact where |base + sum - margin| <= this x (|base| + sum of |contributions|).
EXPLANATION_ERROR: Final = 1e-5


@dataclass(slots=True)
class Explanation:
    """
    Hold the exact parts of the answers to a batch: base + sum of contributions = margin, for each instance.

    `contributions` (n, fields) has a column per field of `Signature.inputs`. `margin` is what the predictor itself
    answers on `scale`, never the sum. `labels` are the places in `Output.labels` of the class that is explained, None
    where a value is. `tokens` refine the contribution of text fields: place of the field -> for each instance its
    tokens with their contributions, largest first.
    """

    base: npt.NDArray[np.float64]
    contributions: npt.NDArray[np.float64]
    margin: npt.NDArray[np.float64]
    scale: ExplanationScale
    labels: npt.NDArray[np.int64] | None = None
    tokens: Mapping[int, Sequence[Sequence[tuple[str, float]]]] = field(default_factory=dict)

    @property
    def errors(self) -> npt.NDArray[np.float64]:
        """Return |base + sum - margin| of each instance, relative to |base| + the sum of |contributions|."""
        parts = np.abs(self.base) + np.abs(self.contributions).sum(axis=1)
        apart = np.abs(self.base + self.contributions.sum(axis=1) - self.margin)
        found: npt.NDArray[np.float64] = np.where(apart == 0, 0.0, np.inf)
        np.divide(apart, parts, out=found, where=parts > 0)
        return found

    def rows(self, start: int, stop: int) -> "Explanation":
        """Return the explanation of some of the instances."""
        return Explanation(
            self.base[start:stop],
            self.contributions[start:stop],
            self.margin[start:stop],
            self.scale,
            None if self.labels is None else self.labels[start:stop],
            {place: rows[start:stop] for place, rows in self.tokens.items()},
        )

    @staticmethod
    def joined(parts: Sequence["Explanation"]) -> "Explanation":
        """Return the explanations of several chunks as that of one batch."""
        first = parts[0]
        labels = [part.labels for part in parts if part.labels is not None]
        return Explanation(
            np.concatenate([part.base for part in parts]),
            np.concatenate([part.contributions for part in parts]),
            np.concatenate([part.margin for part in parts]),
            first.scale,
            np.concatenate(labels) if labels else None,
            {place: [row for part in parts for row in part.tokens[place]] for place in first.tokens},
        )
