"""Explains pipelines inside of ensembles: their last step, its columns summed back to those of the ensemble."""

from typing import Any

from gateway.estimators.wrappers import first_step, front_and_model, is_nothing
from gateway.explainers.field_sums import FieldSums
from gateway.explainers.outputs import Numbers, OutputExplainer
from gateway.explainers.pipelines import MatrixColumn, columns_behind


class InnerPipelineExplainer:
    """Explain the last step of a pipeline in the columns that reach the pipeline."""

    def __init__(self, pipeline: Any, last: OutputExplainer) -> None:
        steps, _ = front_and_model(pipeline)
        self._steps = [step for step in steps if not (is_nothing(step) or hasattr(step, "fit_resample"))]
        first = first_step(pipeline)
        width = int(first.n_features_in_)
        names = [str(name) for name in getattr(first, "feature_names_in_", [f"x{place}" for place in range(width)])]
        columns = [MatrixColumn(frozenset({place})) for place in range(width)]
        self._sums = FieldSums(columns_behind(self._steps, columns, names), names)
        self._last = last
        self.scale = last.scale
        self.outputs = last.outputs

    def margins(self, x: Any) -> Numbers:
        """Return the margins of the last step."""
        return self._last.margins(self._transformed(x))

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the contributions of the columns of `x`."""
        return self._sums.sums(*self._last.contributions(self._transformed(x), output))

    def _transformed(self, x: Any) -> Any:
        for step in self._steps:
            x = step.transform(x)
        return x
