"""Explains LightGBM boosters by their own contributions, TreeSHAP in float64."""

from collections.abc import Sequence
from typing import Any, Final

import lightgbm
import numpy as np

from gateway.errors import NotExplainable
from gateway.explainers.outputs import Numbers, explain_outputs
from gateway.explanation import Explanation, ExplanationScale
from gateway.schema import Column, Output

#: Objective -> the scale on which its answers are a sum; the margins of all others are their values.
_SCALES: Final[dict[str, ExplanationScale]] = {
    "binary": "log-odds",
    "cross_entropy": "log-odds",
    "xentropy": "log-odds",
    "cross_entropy_lambda": "margin",
    "xentlambda": "margin",
    "multiclass": "margin",
    "softmax": "margin",
    "multiclassova": "margin",
    "poisson": "log",
    "gamma": "log",
    "tweedie": "log",
}
_TWO: Final = 2


class BoosterExplainer:
    """Explain one booster; `x` is what its predict takes, `rounds` those that it would use."""

    def __init__(self, booster: lightgbm.Booster, rounds: int) -> None:
        header = _header(booster)
        objective, *options = header.get("objective", "").split(" ")
        if header.get("is_linear") == "1" or _has_linear_leaves(booster):
            raise NotExplainable(
                "its leaves hold linear models (linear_tree), for which LightGBM has no contributions",
                "train without linear_tree: constants in the leaves are explained",
            )
        self._booster = booster
        self._rounds = rounds
        self._groups = int(header["num_tree_per_iteration"])
        #: Softmax of two margins is the sigmoid of their difference.
        self._is_pair = self._groups == _TWO and objective in {"multiclass", "softmax"}
        self.outputs = 1 if self._is_pair else self._groups
        self.scale: ExplanationScale = "log-odds" if self._is_pair else _SCALES.get(objective, "value")
        if self.scale == "value" and "sqrt" in options:
            self.scale = "margin"  # the answer is the square of the sum, with its sign
        slope = next((float(option[8:]) for option in options if option.startswith("sigmoid:")), 1.0)
        #: What turns sums of trees into the scale: a binary objective may have a sigmoid of another slope.
        self._factor = slope if objective == "binary" else 1.0
        if "average_output" in header:
            # A random forest answers the mean of its trees; its raw scores and contributions are those of their sum.
            known = booster.num_trees() // self._groups
            self._factor /= known if rounds <= 0 else min(rounds, known)

    def margins(self, x: Any) -> Numbers:
        """Return the raw scores of the booster, as log-odds where they are those."""
        found = self._factor * self._ask(x, raw_score=True).reshape(-1, self._groups)
        return found[:, 1:] - found[:, :1] if self._is_pair else found

    def contributions(self, x: Any, output: int) -> tuple[Numbers, Numbers]:
        """Return the booster's own contributions."""
        found = self._ask(x, pred_contrib=True)
        found = self._factor * found.reshape(len(found), self._groups, -1)
        one = found[:, 1] - found[:, 0] if self._is_pair else found[:, output]
        return one[:, :-1], one[:, -1]

    def _ask(self, x: Any, **what: bool) -> Numbers:
        found = self._booster.predict(x, num_iteration=self._rounds, num_threads=1, **what)
        return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)


class PredictorExplainer:
    """Explain the predictor of a booster's file."""

    def __init__(self, predictor: Any, output: Output) -> None:
        self._predictor = predictor
        self._output = output
        self._explainer = BoosterExplainer(predictor.booster, predictor.rounds)

    def explain(self, columns: Sequence[Column]) -> Explanation:
        """Return the contributions of every field."""
        return explain_outputs(self._explainer, self._predictor.rows(columns), self._output)


def explainer_of(predictor: Any, output: Output) -> PredictorExplainer:
    """Return the explainer of a loaded booster; raises NotExplainable."""
    return PredictorExplainer(predictor, output)


def of_wrapper(model: Any) -> BoosterExplainer:
    """Return the explainer of LGBMClassifier and its like, which use the best rounds of an early stop."""
    booster = model if isinstance(model, lightgbm.Booster) else model.booster_
    best = booster.best_iteration
    return BoosterExplainer(booster, best if isinstance(best, int) and best > 0 else -1)


def _header(booster: lightgbm.Booster) -> dict[str, str]:
    """Return the lines before the first tree of the booster's text."""
    lines = booster.model_to_string(num_iteration=1).partition("\nTree=0")[0].splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _has_linear_leaves(booster: lightgbm.Booster) -> bool:
    return "\nis_linear=1" in booster.model_to_string(num_iteration=-1)
