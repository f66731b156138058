"""Sums the contributions of a matrix's columns to the fields that they are made of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.explainers.pipelines import Columns, owners_of
from gateway.explainers.tokens import TokenColumns
from gateway.explanation import Explanation

Numbers = npt.NDArray[np.float64]


class FieldSums:
    """Sum contributions of columns to the fields that own them; those without an owner join the base value."""

    def __init__(self, columns: Columns, names: Sequence[str]) -> None:
        owners = owners_of(columns, names)
        self._width = len(names)
        self.places = {int(owner): _as_slice(np.flatnonzero(owners == owner)) for owner in np.unique(owners)}
        self._tokens = TokenColumns(columns, owners)

    def of(self, found: Explanation) -> Explanation:
        """Return an explanation of columns as one of fields."""
        fields, base = self.sums(found.contributions, found.base)
        tokens = self._tokens.read(found.contributions)
        return Explanation(base, fields, found.margin, found.scale, found.labels, tokens)

    def sums(self, contributions: Numbers, base: Numbers) -> tuple[Numbers, Numbers]:
        """Return the contributions of fields, and the base value."""
        fields = np.zeros((len(base), self._width))
        for owner, places in self.places.items():
            amounts = contributions[:, places].sum(axis=1)
            if owner < 0:
                base = base + amounts
            else:
                fields[:, owner] = amounts
        return fields, base


def _as_slice(places: Any) -> Any:
    """Return neighbouring places as a slice, which copies nothing."""
    start, stop = int(places[0]), int(places[-1]) + 1
    return slice(start, stop) if stop - start == len(places) else places
