"""Explains regressors whose target was scaled in training: what they answer is scaled back."""

from typing import Any, Final

import numpy as np

from gateway.errors import NotExplainable
from gateway.explainers.outputs import Numbers, OutputExplainer
from gateway.explanation import ExplanationScale

#: Their inverse is a line.
_LINES: Final = {"StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"}


class TargetScaleExplainer:
    """Explain slope x value + shift of another explainer's value."""

    def __init__(
        self, of: OutputExplainer, slope: float = 1.0, shift: float = 0.0, scale: ExplanationScale = "value"
    ) -> None:
        self._of = of
        self._slope = slope
        self._shift = shift
        self.scale = scale
        self.outputs = of.outputs

    def margins(self, x: Any) -> Numbers:
        """Return the scaled answers."""
        return self._of.margins(x) * self._slope + self._shift

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the scaled parts."""
        found, base = self._of.contributions(x, output)
        return found * self._slope, base * self._slope + self._shift


def with_target_scale(model: Any, of: OutputExplainer) -> OutputExplainer:
    """Return the explainer of a fitted TransformedTargetRegressor over that of its regressor; raises NotExplainable."""
    transformer: Any = getattr(model, "transformer_", None)
    kind = type(transformer).__name__
    if of.scale == "value" and (kind in _LINES or (kind == "FunctionTransformer" and transformer.func is None)):
        shift, end = (float(value) for value in np.ravel(transformer.inverse_transform(np.array([[0.0], [1.0]]))))
        return TargetScaleExplainer(of, end - shift, shift)
    if of.scale == "value" and kind == "FunctionTransformer" and transformer.inverse_func is np.exp:
        return TargetScaleExplainer(of, scale="log")
    undone = getattr(getattr(transformer, "inverse_func", None), "__name__", kind)
    raise NotExplainable(
        f"its answer is bent by {undone} at the end, and is then no sum over fields",
        "train on the target itself, on one scaled by StandardScaler, or on its logarithm (func=np.log, "
        "inverse_func=np.exp), which is explained on the scale of the logarithm",
    )
