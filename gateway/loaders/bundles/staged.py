"""A predictor of two stages: scikit-learn's steps, then a model of another loader. Knows neither of them closely."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.loaders.base import Skew
from gateway.loaders.bundles.widths import takes_no_columns
from gateway.loaders.sklearn_rows import Inputs, as_fitted
from gateway.schema import Column, Predictions, Predictor, Signature


class StagedPredictor:
    """Transform with fitted steps, then ask a model that takes their columns."""

    def __init__(self, front: Any, inputs: Inputs, model: Any) -> None:
        self._front = front
        self._inputs = inputs
        self._model = model
        # What a cell that a sparse table does not hold is to a framework: missing to XGBoost, to all others a zero.
        self._absent: float = (
            model.absent_cell(is_of_words=takes_no_columns(front)) if hasattr(model, "absent_cell") else 0.0
        )
        self.warnings: tuple[str, ...] = tuple(getattr(model, "warnings", ()))
        self.skew: Skew | None = None
        self.signature = Signature(inputs=inputs.fields, output=model.signature.output, names_known=inputs.names_known)

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        table = dense(self._front.transform(as_fitted(self._inputs, columns)), self._absent)
        found: Predictions = self._model.predict(list(table.T))
        return found


class RenamedPredictor:
    """Ask a model under names of columns and classes that other files of the bundle tell."""

    def __init__(self, model: Predictor, signature: Signature, warnings: Sequence[str], skew: Skew | None) -> None:
        self._model = model
        self.signature = signature
        self.warnings = (*getattr(model, "warnings", ()), *warnings)
        self.skew = skew

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        return self._model.predict(columns)


def dense(found: Any, absent: float) -> npt.NDArray[Any]:
    """Return a table as an array; `absent` fills the cells that a sparse one does not hold."""
    if not hasattr(found, "tocoo"):
        return np.asarray(found)
    cells = found.tocoo()
    table = np.full(cells.shape, absent, dtype=np.float64)
    table[cells.row, cells.col] = cells.data
    return table
