"""Explains a stub that answers the sum of its numbers: each number is its own contribution."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gateway.errors import NotExplainable
from gateway.explainers.base import Explainer
from gateway.explanation import Explanation
from gateway.schema import Column, Output


def explainer_of(predictor: Any, output: Output) -> Explainer:
    """Return the explainer of a stub; raises NotExplainable where its script says what it answers."""
    if output.kind != "regression" or predictor.is_scripted:
        raise NotExplainable("a stub answers what its script says", "leave `answer` out of a stub that sums numbers")
    return StubExplainer(predictor)


class StubExplainer:
    """Explain one stub; takes as long as its predict."""

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor

    def explain(self, columns: Sequence[Column]) -> Explanation:
        """Return the numbers themselves."""
        margin = np.asarray(self._predictor.predict(columns).values, dtype=np.float64)
        parts = [np.zeros(len(one)) if one.dtype == object else one.astype(np.float64) for one in columns]
        return Explanation(np.zeros(len(margin)), np.stack(parts, axis=1), margin, "value")
