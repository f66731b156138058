"""Explains a predictor of which one field stands for several columns: their contributions are summed back to it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gateway.explainers.base import Explainer
from gateway.explanation import Explanation
from gateway.schema import Column


class GroupedExplainer:
    """Explain the columns that the fields stand for, then add up those of each field."""

    def __init__(self, predictor: Any, explainer: Explainer) -> None:
        self._predictor = predictor
        self._explainer = explainer
        self._owners = np.array(predictor.owners, dtype=np.int64)

    def explain(self, columns: Sequence[Column]) -> Explanation:
        """Return contributions by field of the grouped signature."""
        found = self._explainer.explain(self._predictor.expanded(columns))
        fields = np.zeros((len(found.base), len(columns)))
        np.add.at(fields.T, self._owners, found.contributions.T)
        tokens = {int(self._owners[place]): rows for place, rows in found.tokens.items()}
        return Explanation(found.base, fields, found.margin, found.scale, found.labels, tokens)
