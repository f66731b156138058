"""Tokens of texts: what each one adds to the contribution of its field."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gateway.explainers.pipelines import MatrixColumn

Numbers = npt.NDArray[np.float64]
Tokens = dict[int, list[list[tuple[str, float]]]]


class TokenColumns:
    """Hold the columns that count terms of a text, by the field that they belong to."""

    def __init__(self, columns: Sequence[MatrixColumn], owners: npt.NDArray[np.int64]) -> None:
        self._tokens = [column.token for column in columns]
        counting = np.array([token is not None for token in self._tokens], dtype=bool)
        self._places = {int(field): np.flatnonzero(counting & (owners == field)) for field in set(owners[counting])}

    def read(self, contributions: Numbers) -> Tokens:
        """Return the tokens of each row that contribute, largest first."""
        return {field: [self._row(row, places) for row in contributions] for field, places in self._places.items()}

    def _row(self, row: Numbers, places: npt.NDArray[np.intp]) -> list[tuple[str, float]]:
        amounts = row[places]
        chosen = np.flatnonzero(amounts)
        chosen = chosen[np.argsort(-np.abs(amounts[chosen]), kind="stable")]
        return [(str(self._tokens[places[at]]), float(amounts[at])) for at in chosen]
