"""A predictor of two stages: scikit-learn's steps, then a model of another loader. Knows neither of them closely."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.loaders.base import Skew
from gateway.loaders.bundles.composition import Composition, told_signature
from gateway.loaders.bundles.faults import Misfit, do_not_fit
from gateway.loaders.bundles.widths import takes_no_columns
from gateway.loaders.sklearn_inputs import find_inputs, without_nullable
from gateway.loaders.sklearn_rows import Inputs, as_fitted, survives_missing
from gateway.schema import Column, Predictions, Predictor, Signature


class StagedPredictor:
    """Transform with fitted steps, then ask a model that takes their columns."""

    def __init__(self, front: Any, inputs: Inputs, model: Any) -> None:
        self.front = front
        self.inputs = inputs
        self.model = model
        # What a cell that a sparse table does not hold is to a framework: missing to XGBoost, to all others a zero.
        self._absent: float = (
            model.absent_cell(is_of_words=takes_no_columns(front)) if hasattr(model, "absent_cell") else 0.0
        )
        self.warnings: tuple[str, ...] = tuple(getattr(model, "warnings", ()))
        self.skew: Skew | None = None
        self.signature = Signature(inputs=inputs.fields, output=model.signature.output, names_known=inputs.names_known)

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        found: Predictions = self.model.predict(self.columns_of_model(columns))
        return found

    def columns_of_model(self, columns: Sequence[Column]) -> list[Column]:
        """Return what the steps make of columns."""
        return list(dense(self.front.transform(as_fitted(self.inputs, columns)), self._absent).T)


class RenamedPredictor:
    """Ask a model under names of columns and classes that other files of the bundle tell."""

    def __init__(self, model: Predictor, signature: Signature, warnings: Sequence[str], skew: Skew | None) -> None:
        self.model = model
        self.signature = signature
        self.warnings = (*getattr(model, "warnings", ()), *warnings)
        self.skew = skew

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        return self.model.predict(columns)


def dense(found: Any, absent: float) -> npt.NDArray[Any]:
    """Return a table as an array; `absent` fills the cells that a sparse one does not hold."""
    if not hasattr(found, "tocoo"):
        return np.asarray(found)
    cells = found.tocoo()
    table = np.full(cells.shape, absent, dtype=np.float64)
    table[cells.row, cells.col] = cells.data
    return table


def staged_predictor(path: Path, composition: Composition) -> Predictor:
    """Return the predictor of a composition whose model is another loader's; raises LoadError if that takes texts."""
    model: Predictor = composition.model
    front = composition.front
    if front is None:
        return RenamedPredictor(model, told_signature(model.signature, composition), composition.warnings, None)
    words = [one.name for one in model.signature.inputs if one.type == "string"]
    if words:
        raise do_not_fit(path, Misfit(f"the model takes texts in {words[0]}, and the steps before it give numbers"), "")
    inputs = find_inputs(front)
    staged = StagedPredictor(front, inputs, model)
    if any(field.nullable for field in inputs.fields) and not survives_missing(inputs, staged.predict):
        staged = StagedPredictor(front, without_nullable(inputs), model)
    staged.signature = told_signature(staged.signature, composition)
    staged.warnings = (*staged.warnings, *composition.warnings)
    return staged
