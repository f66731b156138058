"""
Explains XGBoost boosters by their own contributions: TreeSHAP over the trees, or the terms of a linear booster.

Sums are float32, as those of the booster's answers are; rows for which that is too coarse are explained in float64.
"""

import json
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xgboost

from gateway.errors import NotExplainable
from gateway.explainers.outputs import Numbers, explain_outputs
from gateway.explainers.xgboost_trees import FloatTrees
from gateway.explanation import Explanation, ExplanationScale
from gateway.schema import Column, Output

#: Objective -> the scale on which its answers are a sum; the margins of all others are their values.
_SCALES: Final[dict[str, ExplanationScale]] = {
    "binary:logistic": "log-odds",
    "reg:logistic": "log-odds",
    "binary:hinge": "margin",
    "multi:softprob": "margin",
    "multi:softmax": "margin",
    "count:poisson": "log",
    "reg:gamma": "log",
    "reg:tweedie": "log",
    "survival:cox": "log",
    "survival:aft": "log",
}
_TWO: Final = 2
#: Relative error of a sum above which a row is explained in float64: half the digits that an explanation has to have.
_COARSE: Final = 2e-6
_LARGEST: Final = np.finfo(np.float32).max


class BoosterExplainer:
    """Explain one booster; `x` is a DMatrix's input: float32 rows, or a frame with categories."""

    def __init__(
        self,
        booster: xgboost.Booster,
        rounds: tuple[int, int],
        missing: float = np.nan,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        config = json.loads(booster.save_config())["learner"]
        kind = config["gradient_booster"]["name"]
        self._booster = booster
        self._rounds = rounds
        self._missing = missing
        # Only gbtree promises that several threads may predict at once (Booster.predict's documentation).
        self._turn = turn or (nullcontext() if kind == "gbtree" else threading.Lock())
        self._is_linear = kind == "gblinear"
        self._has_float_trees = not self._is_linear and "c" not in (booster.feature_types or ())
        self._trees: FloatTrees | None = None
        self._lock = threading.Lock()
        self.scale: ExplanationScale = _SCALES.get(config["objective"]["name"], "value")
        if not self._is_linear and _has_vector_leaves(booster):
            raise NotExplainable(
                "each leaf of its trees holds a value for every label (multi_strategy: multi_output_tree), for which "
                "XGBoost has no contributions",
                "train with multi_strategy='one_output_per_tree', which is XGBoost's default",
            )
        parameters = config["learner_model_param"]
        self._groups = max(int(parameters.get("num_class", 0)), int(parameters.get("num_target", 1)), 1)
        #: Softmax of two margins is the sigmoid of their difference.
        self._is_pair = self._groups == _TWO and config["objective"]["name"].startswith("multi:")
        self.outputs = 1 if self._is_pair else self._groups
        self.scale = "log-odds" if self._is_pair else self.scale

    def margins(self, x: Any) -> Numbers:
        """Return the margins of the booster."""
        found = self._ask(x, output_margin=True).reshape(len(x), self._groups)
        return found[:, 1:] - found[:, :1] if self._is_pair else found

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the booster's own contributions, in float64 where the sums of float32 are too coarse."""
        found = self._ask(x, pred_contribs=True)
        one = found[:, 1] - found[:, 0] if self._is_pair else found[:, output]
        if self._has_float_trees and isinstance(x, np.ndarray):
            apart = np.abs(one.sum(axis=1) - self.margins(x)[:, output])
            coarse = np.flatnonzero(apart > _COARSE * np.abs(one).sum(axis=1))
            if len(coarse):
                one[coarse, :-1], one[coarse, -1] = self.in_float64(x[coarse], output)
        return one[:, :-1], one[:, -1]

    def in_float64(self, x: npt.NDArray[Any], output: int) -> tuple[Numbers, Numbers]:
        """Return the contributions of numbers, added up in float64."""
        with self._lock:
            if self._trees is None:
                self._trees = FloatTrees(self._booster, self._rounds, self._groups)
        trees = self._trees
        x = np.asarray(x, dtype=np.float32)
        x = np.where(x == np.float32(self._missing), np.float32(np.nan), x)
        last = 1 if self._is_pair else output
        found, base = trees.contributions(x, last), trees.base[last]
        if self._is_pair:
            found, base = found - trees.contributions(x, 0), base - trees.base[0]
        return found, np.full(len(x), base)

    def _ask(self, x: Any, **what: bool) -> Numbers:
        if isinstance(x, np.ndarray) and not self._is_linear:
            # A DMatrix takes no infinity, the answer does: it is beyond every threshold, as the largest number is.
            x = np.clip(x.astype(np.float32), -_LARGEST, _LARGEST)
        types = self._booster.feature_types if isinstance(x, np.ndarray) else None
        matrix = xgboost.DMatrix(x, feature_types=types, missing=self._missing, enable_categorical=True, nthread=1)
        with self._turn:
            found = self._booster.predict(
                matrix, iteration_range=self._rounds, validate_features=False, strict_shape=True, **what
            )
        return np.asarray(found, dtype=np.float64)


class PredictorExplainer:
    """Explain the predictor of a booster's file."""

    def __init__(self, predictor: Any, output: Output) -> None:
        self._predictor = predictor
        self._output = output
        self._explainer = BoosterExplainer(predictor._booster, predictor._trees, turn=predictor._turn)

    def explain(self, columns: Sequence[Column]) -> Explanation:
        """Return the contributions of every field."""
        return explain_outputs(self._explainer, self._predictor.rows(columns), self._output)


def explainer_of(predictor: Any, output: Output) -> PredictorExplainer:
    """Return the explainer of a loaded booster; raises NotExplainable."""
    return PredictorExplainer(predictor, output)


def of_wrapper(model: Any) -> BoosterExplainer:
    """Return the explainer of XGBClassifier and its like, which use the best rounds of an early stop."""
    if getattr(model, "booster", None) == "gblinear":
        return BoosterExplainer(_single(model), (0, 0), _missing_of(model))
    return BoosterExplainer(_single(model), model._get_iteration_range(None), _missing_of(model))


def _single(model: Any) -> xgboost.Booster:
    booster: xgboost.Booster = model.get_booster()
    booster.set_param({"nthread": 1})
    return booster


def _missing_of(model: Any) -> float:
    return np.nan if model.missing is None else float(model.missing)


def _has_vector_leaves(booster: xgboost.Booster) -> bool:
    found = json.loads(bytes(booster[:1].save_raw("json")))["learner"]["gradient_booster"]
    trees = (found.get("gbtree") or found)["model"]["trees"]
    return any(int(tree["tree_param"].get("size_leaf_vector", 1)) > 1 for tree in trees)
