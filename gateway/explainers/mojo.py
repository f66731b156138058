"""
Explains H2O models: GBM, DRF and XGBoost by the contributions of H2O's scoring classes, GLM by its coefficients.

H2O's classes answer chances and values only, so that a margin is what their answer says of it (mojo_margins.py).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from gateway.errors import NotExplainable
from gateway.estimators.mojo_glm import Linear, UnknownGlm, read_glm
from gateway.explainers.mojo_margins import Numbers, margin_of
from gateway.explainers.outputs import explain_outputs
from gateway.explanation import Explanation, ExplanationScale
from gateway.schema import Column, Output

_INSTEAD: Final = "H2O models of GBM, XGBoost and DRF are explained by their trees, GLM by its coefficients"
_SINGLE: Final = "serve its best single model, such as aml.get_best_model(algorithm='gbm')"

#: Why an algorithm has no exact parts.
_REFUSED: Final[dict[str, tuple[str, str]]] = {
    "stackedensemble": ("a stacked ensemble answers from the answers of its models, which mix all fields", _SINGLE),
    "deeplearning": ("the layers of a neural network mix all fields", _INSTEAD),
    "isolationforest": ("H2O has no contributions for isolation forests", _INSTEAD),
    "extendedisolationforest": ("each split of an extended isolation forest mixes fields", _INSTEAD),
    "kmeans": ("a cluster is the nearest of several centres, no sum over fields", _INSTEAD),
    "rulefit": ("a rule is made of several fields at once", _INSTEAD),
}
_SCALES: Final[dict[str, ExplanationScale]] = {"logit": "log-odds", "log": "log", "identity": "value"}
_LOG_OBJECTIVES: Final = {"count:poisson", "reg:gamma", "reg:tweedie"}
_OBJECTIVE: Final = re.compile(rb"(?:binary|reg|count|multi|rank):[a-z]+")


class MojoExplainer:
    """Explain one MOJO; rows are coded as the model reads them."""

    def __init__(self, predictor: Any, output: Output, parts: "TreesExplainer | GlmExplainer") -> None:
        self._predictor = predictor
        self._output = output
        self._parts = parts

    def explain(self, columns: Sequence[Column]) -> Explanation:
        """Return the contributions of every field."""
        rows = self._predictor.rows(columns)
        return explain_outputs(_Asked(self._parts, rows), rows, self._output)


class _Asked:
    """Hold the parts of the first output of a batch, which its margins need as well: H2O is asked once."""

    def __init__(self, parts: "TreesExplainer | GlmExplainer", rows: Numbers) -> None:
        self.scale: ExplanationScale = parts.scale
        self.outputs = parts.outputs
        self._parts = parts
        self._rows = rows
        self._first = parts.contributions(rows, 0)

    def margins(self, x: Numbers) -> Numbers:
        """Return the margins of the model's answers."""
        return self._parts.margins(x, self._first)

    def contributions(self, x: Numbers, output: int) -> tuple[Numbers, Numbers]:
        """Return the parts of one output."""
        return self._first if x is self._rows and output == 0 else self._parts.contributions(x, output)


def explainer_of(predictor: Any, output: Output) -> MojoExplainer:
    """Return the explainer of a MOJO; raises NotExplainable by the algorithm's name."""
    info, names = predictor.archive.sections("")
    algorithm = info["algo"]
    if algorithm in _REFUSED:
        raise NotExplainable(*_REFUSED[algorithm])
    if info.get("balance_classes") == "true":
        raise NotExplainable(
            "balance_classes corrects the probabilities behind the model's sums", "train without balance_classes"
        )
    if algorithm == "glm":
        return MojoExplainer(predictor, output, _glm(predictor, info, names))
    if algorithm not in {"gbm", "drf", "xgboost"}:
        raise NotExplainable(f"H2O has no contributions for models of {info.get('algorithm', algorithm)}", _INSTEAD)
    return MojoExplainer(predictor, output, TreesExplainer(predictor, info))


class TreesExplainer:
    """Explain GBM, DRF and XGBoost by H2O's own contributions, levels summed back to their column."""

    outputs = 1

    def __init__(self, predictor: Any, info: Mapping[str, str]) -> None:
        _refuse_trees(info)
        self.scale = _scale_of_trees(predictor, info)
        self._predictor = predictor
        # XGBoost's answers are float32.
        self._precision: type[np.floating[Any]] = np.float32 if info["algo"] == "xgboost" else np.float64
        self._contributions = predictor.contributions()
        self._width = len(predictor.signature.inputs)
        self._has_offset = info.get("offset_column") not in (None, "", "null")
        self._owners = _owners(self._contributions.names, predictor.signature.inputs)

    def margins(self, x: Numbers, first: tuple[Numbers, Numbers]) -> Numbers:
        """Return the margins of the model's answers."""
        found, base = first
        answer = _answer(self._predictor.answers(x))
        return margin_of(answer, base + found.sum(axis=1), self.scale, self._precision).reshape(-1, 1)

    def contributions(self, x: Numbers, output: int) -> tuple[Numbers, Numbers]:
        """Return H2O's contributions, and an offset as its own."""
        columns = x[:, : self._width - 1] if self._has_offset else x
        found, base = self._contributions.of(columns)
        fields = np.zeros((len(x), self._width))
        np.add.at(fields.T, self._owners, found.T)
        if self._has_offset:
            fields[:, -1] += x[:, -1]
        return fields, base


class GlmExplainer:
    """Explain a GLM: coefficient x value, the coefficient of the level, and an offset as its own."""

    def __init__(self, predictor: Any, linear: Linear, scale: ExplanationScale, *, has_offset: bool) -> None:
        self._predictor = predictor
        self._linear = linear
        self._has_offset = has_offset
        self._width = len(predictor.signature.inputs)
        self.scale = scale
        self.outputs = len(linear.intercepts)

    def margins(self, x: Numbers, first: tuple[Numbers, Numbers]) -> Numbers:
        """Return the margins of the model's answers; those of several classes up to the sum that softmax takes off."""
        parts = [first, *(self.contributions(x, output) for output in range(1, self.outputs))]
        totals = np.column_stack([base + found.sum(axis=1) for found, base in parts])
        answers = self._predictor.answers(x)
        if self.outputs == 1:
            return margin_of(_answer(answers), totals[:, 0], self.scale, np.float64).reshape(-1, 1)
        top = totals.max(axis=1, keepdims=True)
        sums = np.log(np.exp(totals - top).sum(axis=1, keepdims=True)) + top
        found = margin_of(answers.probabilities, totals - sums, "log", np.float64)
        return np.asarray(found + sums, dtype=np.float64)

    def contributions(self, x: Numbers, output: int) -> tuple[Numbers, Numbers]:
        """Return the terms of one sum."""
        fields = np.zeros((len(x), self._width))
        for column, weights in self._linear.levels.items():
            codes = np.where(np.isnan(x[:, column]), len(weights) - 1, x[:, column]).astype(np.int64)
            fields[:, column] = weights[codes, output]
        for column, (own, mean) in self._linear.numbers.items():
            fields[:, column] = np.where(np.isnan(x[:, column]), mean, x[:, column]) * own[output]
        if self._has_offset:
            fields[:, -1] += x[:, -1]
        return fields, np.full(len(x), self._linear.intercepts[output])


def _glm(predictor: Any, info: Mapping[str, str], names: Sequence[str]) -> GlmExplainer:
    scale: ExplanationScale | None = "margin" if info["link"] == "multinomial" else _SCALES.get(info["link"])
    if scale is None:
        raise NotExplainable(f"a GLM with the link {info['link']}", "GLMs with logit, log and identity are explained")
    if any(key.startswith("interaction") and value not in {"", "null", "[]"} for key, value in info.items()):
        raise NotExplainable("its interactions are made of several fields at once", "a GLM without interactions")
    signature = predictor.signature
    count = int(info["n_features"])
    levels = [len(field.enum or ()) if field.type == "string" else 0 for field in signature.inputs]
    try:
        linear = read_glm(info, [signature.names.index(name) for name in names[:count]], levels)
    except UnknownGlm as reason:
        raise NotExplainable(f"the terms of {reason} are not known", _INSTEAD) from reason
    return GlmExplainer(predictor, linear, scale, has_offset=len(signature.inputs) > count)


def _refuse_trees(info: Mapping[str, str]) -> None:
    kind = info.get("algorithm", info["algo"])
    if info["category"] not in {"Binomial", "Regression"}:
        raise NotExplainable(
            f"H2O has no contributions for a {kind} of more than two classes",
            "models of several classes by XGBoost's or LightGBM's own library are explained",
        )
    if info.get("binomial_double_trees") == "true":
        raise NotExplainable("H2O has no contributions for binomial_double_trees", "train without it")
    if info.get("booster") == "gblinear":
        raise NotExplainable("H2O has no contributions for a linear booster (gblinear)", "GLM is explained")


def _scale_of_trees(predictor: Any, info: Mapping[str, str]) -> ExplanationScale:
    is_pair = info["category"] == "Binomial"
    if info["algo"] == "drf":
        return "probability" if is_pair else "value"
    if info["algo"] == "xgboost":
        objective = _OBJECTIVE.search(predictor.archive.read("boosterBytes"))
        is_log = objective is not None and objective.group().decode() in _LOG_OBJECTIVES
        return "log-odds" if is_pair else "log" if is_log else "value"
    link = info.get("link_function", "logit" if is_pair else "identity")
    if link not in _SCALES:
        raise NotExplainable(f"a GBM with the link {link}", _INSTEAD)
    return _SCALES[link]


def _owners(names: Sequence[str], fields: Sequence[Any]) -> Any:
    """Return the field of each of H2O's columns, which is the field itself or one of its levels."""
    places: dict[str, set[int]] = {}
    for place, field in enumerate(fields):
        own = (field.name, *(f"{field.name}.{level}" for level in (*(field.enum or ()), "missing(NA)")))
        for name in own:
            places.setdefault(name, set()).add(place)
    unclear = [name for name in names if len(places.get(name, ())) != 1]
    if unclear:
        raise NotExplainable(f"H2O's column '{unclear[0]}' is of no single field", "give the columns plain names")
    return np.array([next(iter(places[name])) for name in names], dtype=np.int64)


def _answer(found: Any) -> Numbers:
    return np.asarray(found.values if found.probabilities is None else found.probabilities[:, 1], dtype=np.float64)
