"""Explains CatBoost models by their own SHAP values, in float64; trees that are not symmetric by TreeSHAP."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import catboost
import numpy as np

from gateway.explainers.catboost_trees import FreeTrees
from gateway.explainers.outputs import Numbers, explain_outputs
from gateway.explanation import Explanation, ExplanationScale
from gateway.schema import Column, Output

#: Loss function -> the scale on which its answers are a sum; the raw values of all others are their answers.
_SCALES: Final[dict[str, ExplanationScale]] = {
    "Logloss": "log-odds",
    "CrossEntropy": "log-odds",
    "Focal": "log-odds",
    "MultiClass": "margin",
    "MultiClassOneVsAll": "margin",
    "Poisson": "log",
    "Tweedie": "log",
}
_TWO: Final = 2


class ModelExplainer:
    """Explain one model; `pool` makes a pool of the rows that its predict takes."""

    def __init__(self, model: catboost.CatBoost, pool: Callable[[Any], catboost.Pool]) -> None:
        self._model = model
        self._pool = pool
        loss = _loss(model)
        self._groups = len(model.get_leaf_values()) // max(sum(model.get_tree_leaf_counts()), 1)
        #: Softmax of two raw values is the sigmoid of their difference.
        self._is_pair = self._groups == _TWO and loss == "MultiClass"
        self._free = None if model._object._is_oblivious() else FreeTrees(model, self._groups)
        self.outputs = 1 if self._is_pair else self._groups
        self.scale: ExplanationScale = "log-odds" if self._is_pair else _SCALES.get(loss, "value")

    def margins(self, x: Any) -> Numbers:
        """Return the raw values of the model."""
        raw = self._model.predict(self._pool(x), prediction_type="RawFormulaVal", thread_count=1)
        found = np.asarray(raw, dtype=np.float64).reshape(-1, self._groups)
        return found[:, 1:] - found[:, :1] if self._is_pair else found

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the model's own SHAP values; those of trees that are not symmetric are none."""
        if self._free is not None:
            return self._of_free_trees(self._free, x, output)
        found = self._model.get_feature_importance(self._pool(x), type="ShapValues", thread_count=1)
        found = np.asarray(found, dtype=np.float64)
        found = found.reshape(len(found), self._groups, -1)
        one = found[:, 1] - found[:, 0] if self._is_pair else found[:, output]
        return one[:, :-1], one[:, -1]

    def _of_free_trees(self, trees: FreeTrees, x: Any, output: int) -> tuple[Numbers, Numbers]:
        rows = np.asarray(x, dtype=np.float64)
        last = 1 if self._is_pair else output
        found, base = trees.contributions(rows, last), trees.base[last]
        if self._is_pair:
            found, base = found - trees.contributions(rows, 0), base - trees.base[0]
        return found, np.full(len(rows), base)


class PredictorExplainer:
    """Explain the predictor of a model's file."""

    def __init__(self, predictor: Any, output: Output) -> None:
        self._predictor = predictor
        self._output = output
        self._explainer = ModelExplainer(predictor.model, predictor.pool_of_rows)

    def explain(self, columns: Sequence[Column]) -> Explanation:
        """Return the contributions of every field."""
        return explain_outputs(self._explainer, self._predictor.rows(columns), self._output)


def explainer_of(predictor: Any, output: Output) -> PredictorExplainer:
    """Return the explainer of a loaded model; raises NotExplainable."""
    return PredictorExplainer(predictor, output)


def of_wrapper(model: catboost.CatBoost) -> ModelExplainer:
    """Return the explainer of CatBoostClassifier and its like."""
    categories, texts = model.get_cat_feature_indices(), model.get_text_feature_indices()
    return ModelExplainer(
        model, lambda x: catboost.Pool(x, cat_features=categories, text_features=texts, thread_count=1)
    )


def _loss(model: catboost.CatBoost) -> str:
    told = model.get_metadata()
    params = json.loads((told["params"] if "params" in told.keys() else "") or "{}")  # noqa: SIM118 - a proxy
    loss = params.get("loss_function")
    return str(loss.get("type", "")) if isinstance(loss, dict) else ""
