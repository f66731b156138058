"""
Explains predictors of scikit-learn: the last step by its own explainer, its columns summed back to the fields.

Steps in front of a model of another loader (a bundle) are followed in the same way.
"""

from collections.abc import Sequence
from typing import Any, Final

from gateway.estimators.wrappers import first_step, front_and_model, is_nothing
from gateway.explainers import explainer_for
from gateway.explainers.base import Explainer
from gateway.explainers.field_sums import FieldSums
from gateway.explainers.matrix import matrix_explainer
from gateway.explainers.outputs import OutputExplainer, explain_outputs
from gateway.explainers.pipelines import Columns, MatrixColumn, columns_behind
from gateway.explainers.target_scale import with_target_scale
from gateway.explanation import Explanation
from gateway.schema import Column, Output

#: Cells of a matrix that are explained at once: 32 MB.
_CELLS: Final = 4_000_000

#: Wrappers that move the threshold between two labels, not the score.
_THRESHOLDS: Final = {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}


def explainer_of(predictor: Any, output: Output) -> Explainer:
    """Return the explainer of an estimator, of steps in front of another loader's model, or of that model renamed."""
    if hasattr(predictor, "estimator"):
        return PipelineExplainer(predictor, output)
    inner = explainer_for(getattr(predictor.model, "lowered_as", ""), predictor.model, output)
    return StagedExplainer(predictor, inner) if hasattr(predictor, "front") else inner


class PipelineExplainer:
    """Explain a fitted estimator, in blocks of rows so that the matrix of many words stays small."""

    def __init__(self, predictor: Any, output: Output) -> None:
        self._predictor = predictor
        self._output = output
        steps, self._explainer = _parted(predictor.estimator)
        self._steps = [step for step in steps if not (is_nothing(step) or hasattr(step, "fit_resample"))]
        names = predictor.signature.names
        columns = columns_behind(self._steps, _columns_at_fit(predictor), names)
        self._width = max(len(columns), 1)
        self._fields = FieldSums(columns, names)

    def explain(self, columns: Sequence[Column]) -> Explanation:
        """Return the contributions of every field."""
        x = self._predictor.as_fitted(columns)
        for step in self._steps:
            x = step.transform(x)
        if hasattr(x, "tocsr"):
            x = x.tocsr()
        block = max(_CELLS // self._width, 1)
        rows = len(columns[0])
        parts = [self._block(x, start, min(start + block, rows)) for start in range(0, max(rows, 1), block)]
        return parts[0] if len(parts) == 1 else Explanation.joined(parts)

    def _block(self, x: Any, start: int, stop: int) -> Explanation:
        rows = x.iloc[start:stop] if hasattr(x, "iloc") else x[start:stop]
        return self._fields.of(explain_outputs(self._explainer, rows, self._output))


class StagedExplainer:
    """Explain a model of another loader, whose columns fitted steps make."""

    def __init__(self, predictor: Any, inner: Explainer) -> None:
        self._predictor = predictor
        self._inner = inner
        steps, last = front_and_model(predictor.front)
        names = predictor.signature.names
        self._fields = FieldSums(columns_behind([*steps, last], _columns_at_fit(predictor), names), names)

    def explain(self, columns: Sequence[Column]) -> Explanation:
        """Return the contributions of every field."""
        return self._fields.of(self._inner.explain(self._predictor.columns_of_model(columns)))


def _parted(estimator: Any) -> tuple[list[Any], OutputExplainer]:
    """Part an estimator into all steps in front of the model at its heart, and the explainer of that model."""
    steps, model = front_and_model(estimator)
    kind = type(model).__name__
    if kind in _THRESHOLDS:
        inner, found = _parted(model.estimator_)
    elif kind == "TransformedTargetRegressor":
        inner, found = _parted(model.regressor_)
        found = with_target_scale(model, found)
    else:
        return steps, matrix_explainer(model)
    return [*steps, *inner], found


def _columns_at_fit(predictor: Any) -> Columns:
    """Return the columns that the first step was fitted on, in its order."""
    fields = predictor.signature.inputs
    own = [MatrixColumn(frozenset({place})) for place in range(len(fields))]
    if predictor.inputs.shape != "frame":
        return own
    places = {field.name: place for place, field in enumerate(fields)}
    known = [
        str(name) for name in first_step(getattr(predictor, "estimator", None) or predictor.front).feature_names_in_
    ]
    # A column that no step uses is not asked for.
    return [own[places[name]] if name in places else MatrixColumn(frozenset()) for name in known]
