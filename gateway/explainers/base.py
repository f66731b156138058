"""
The shape of this folder: an Explainer finds the contributions of every field to the answers of one predictor.

Explainers may import frameworks and know no route. They look into loaded predictors, as compilers do.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.explanation import Explanation
from gateway.schema import Column


class Explainer(Protocol):
    """Explain the answers of one predictor; thread-safe."""

    def explain(self, columns: Sequence[Column]) -> Explanation:
        """
        Return contributions with a column for each field of the predictor's signature.

        `columns` are those of Predictor.predict. Raises NotExplainable for rows that have no exact explanation.
        """
        ...
