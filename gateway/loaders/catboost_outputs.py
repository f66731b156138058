"""Finds out what a CatBoost model answers, from the loss function that its file names; predicts nothing."""

import json
import math
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import catboost

from gateway.schema import Output, OwnAnswer, Scalar

PredictionType: TypeAlias = Literal["Class", "Probability", "RawFormulaVal", "Exponent", "RMSEWithUncertainty"]

_BINARY: Final = frozenset({"Logloss", "CrossEntropy", "Focal"})
_LABELS: Final = frozenset({"MultiLogloss", "MultiCrossEntropy"})
#: Their wrapper answers counts and amounts, the file alone their logarithms.
_EXPONENTS: Final = frozenset({"Poisson", "Tweedie"})
_UNCERTAIN: Final = "RMSEWithUncertainty"
_QUANTILES: Final = "MultiQuantile"


@dataclass(frozen=True, slots=True)
class Answers:
    """
    Say how to ask a model: for which kind of values, and whether for probabilities as well.

    `left_out` names what the model has and these answers do not.
    """

    output: Output
    values: PredictionType
    left_out: str = ""


def answers_of(model: catboost.CatBoost, width: int) -> Answers:
    """Return the answers of a model whose raw formula has `width` values."""
    loss = loss_of(model)
    name = str(loss.get("type", ""))
    labels = _labels(model)
    if name in _LABELS:
        is_named = len(labels) == width and labels != tuple(range(width))
        names = tuple(str(label) for label in labels) if is_named else _numbered(width)
        return Answers(Output(kind="multi_label", names=names, probabilities=True, own="list"), "Class")
    if name in _BINARY or name.startswith("MultiClass") or len(labels) > 1:
        return _classes(name, labels or tuple(range(max(width, 2))))
    if name == _UNCERTAIN:
        output = Output(kind="multi_output", names=("mean", "variance"), own="list", own_differs=_differs("variance"))
        return Answers(output, "RMSEWithUncertainty")
    if width > 1:
        return Answers(Output(kind="multi_output", names=_names(name, loss, width), own="list"), "RawFormulaVal")
    if name in _EXPONENTS:
        return Answers(Output(kind="regression", own_differs=_differs("value")), "Exponent")
    left_out = "" if name else "the file does not tell its loss function: its raw values are answered"
    return Answers(Output(kind="regression"), "RawFormulaVal", left_out)


def loss_of(model: catboost.CatBoost) -> dict[str, Any]:
    """Return type and params of the loss function, nothing where the file names none."""
    found = params_of(model).get("loss_function") or _json_of(model, "loss_function")
    return found if isinstance(found, dict) else {}


def params_of(model: catboost.CatBoost) -> dict[str, Any]:
    """Return the options of the training that the file keeps; raises ValueError for text that is no JSON."""
    found = _json_of(model, "params")
    return found if isinstance(found, dict) else {}


def _json_of(model: catboost.CatBoost, name: str) -> Any:
    told = model.get_metadata()
    # A model that `sum_models` made has params without text, and its loss function beside them.
    return json.loads((told[name] if name in told.keys() else "") or "{}")  # noqa: SIM118 - the proxy has no `in`


def fault_of_classes(model: catboost.CatBoost) -> str:
    """Say where classes are not as many as the values of a leaf: CatBoost then answers memory beside it."""
    width = len(model.get_leaf_values()) // max(sum(model.get_tree_leaf_counts()), 1)
    params = _json_of(model, "class_params")
    # Names may be more than classes: those that training was told of and did not meet.
    names, places = params.get("class_names") or (), params.get("class_to_label") or ()
    if len(places) not in {0, width, max(width, 2)}:
        return f"it has {len(places)} classes, its trees tell {max(width, 2)} apart"
    count = len(names) or params.get("classes_count")
    if count and not all(0 <= place < count for place in places):
        return f"a class of it is none of {count}"
    if len(set(map(str, names))) < len(names) or len(set(places)) < len(places):
        return "it has a class twice"
    return ""


def _classes(loss: str, labels: tuple[Scalar, ...]) -> Answers:
    has_probabilities = loss in _BINARY or loss == "MultiClass"
    positive = labels[1] if len(labels) == 2 else None  # noqa: PLR2004 - only of two classes is one the positive one
    # CatBoostClassifier.predict answers a column where the loss knows several classes, even of two.
    own: OwnAnswer = "column" if loss.startswith("MultiClass") or positive is None else "value"
    output = Output(kind="classification", labels=labels, probabilities=has_probabilities, positive=positive, own=own)
    left_out = (
        "" if has_probabilities else f"{loss or 'this loss'} gives no probabilities that add up to 1: labels only"
    )
    return Answers(output, "Class", left_out)


def _labels(model: catboost.CatBoost) -> tuple[Scalar, ...]:
    found = model.classes_
    return () if found is None else tuple(value.item() if hasattr(value, "item") else value for value in found)


def _names(loss: str, told: dict[str, Any], width: int) -> tuple[str, ...]:
    alphas = str((told.get("params") or {}).get("alpha", "")).split(",")
    if loss == _QUANTILES and len(set(alphas)) == width and all(_is_number(alpha) for alpha in alphas):
        return tuple(f"q{alpha.strip()}" for alpha in alphas)
    return _numbered(width)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"y{i}" for i in range(width))


def _differs(what: str) -> str:
    return f"CatBoost answers the logarithm of the {what} for a file that it loaded, this route the {what} itself"
