"""Repairs of linear models: classes of a classifier, generalised linear models, partial least squares."""

from typing import Any, Final

import numpy as np
from sklearn._loss.loss import HalfGammaLoss, HalfPoissonLoss, HalfTweedieLoss, HalfTweedieLossIdentity

from gateway.loaders.versions.old_answers import OneVsRestDiscriminant, OneVsRestLogistic, OneVsRestLogisticCV
from gateway.loaders.versions.repair import Attributes, Repair

_PAIR: Final = 2
#: Solvers that told classes apart one by one where the others of their time did not, whatever `multi_class` says.
_ONE_BY_ONE: Final = frozenset({"liblinear", "newton-cholesky"})


def _binarizer_classes(part: Any, found: Attributes) -> None:
    found.setdefault("classes_", found["_label_binarizer"].classes_)


def _loss_name(part: Any, found: Attributes) -> None:
    names = {"log": "log_loss", "squared_loss": "squared_error"}
    found["loss"] = names.get(found["loss"], found["loss"])


def _logistic(part: Any, found: Attributes) -> None:
    """Answer many classes one by one, or two by the softmax of both signs, where it was fitted so."""
    chosen, count = found.pop("multi_class"), len(found["classes_"])
    told_apart = chosen in {"ovr", "warn"} or (
        chosen in {"auto", "deprecated"} and (count <= _PAIR or found["solver"] in _ONE_BY_ONE)
    )
    if count > _PAIR and told_apart:
        part.__class__ = OneVsRestLogisticCV if type(part).__name__.endswith("CV") else OneVsRestLogistic
    elif count == _PAIR and not told_apart:
        # softmax of (-d, d) is the logistic function of 2 d.
        found["coef_"], found["intercept_"] = 2 * found["coef_"], 2 * np.asarray(found["intercept_"])


def _discriminant(part: Any, found: Attributes) -> None:
    if len(found["classes_"]) > _PAIR:
        part.__class__ = OneVsRestDiscriminant


def _generalised(part: Any, found: Attributes) -> None:
    kind = type(part).__name__
    if kind == "PoissonRegressor":
        loss: Any = HalfPoissonLoss()
    elif kind == "GammaRegressor":
        loss = HalfGammaLoss()
    else:
        power, link = found["power"], found["link"]
        is_identity = link == "identity" or (link == "auto" and power <= 0)
        loss = (HalfTweedieLossIdentity if is_identity else HalfTweedieLoss)(power)
    if "_base_loss" not in found:
        found["_base_loss"] = loss
    for name in ("_family_instance", "_link_instance"):
        found.pop(name, None)


def _least_squares(part: Any, found: Attributes) -> None:
    """Put the scale of the columns into the coefficients: until 1.4 columns were divided by it before."""
    for name in ("x_mean_", "y_mean_", "x_std_", "y_std_", "norm_y_weights"):
        if name in found:
            found[f"_{name.removesuffix('_')}"] = found.pop(name)
    if "intercept_" not in found:  # before 1.1, with one row per column
        found["coef_"], found["intercept_"] = found["coef_"].T, found["_y_mean"]
    coefficients = found.pop("_coef_") if "_coef_" in found else found["coef_"]
    found["coef_"] = coefficients / found["_x_std"]
    found.setdefault("_predict_1d", False)


def _ransac(part: Any, found: Attributes) -> None:
    found.setdefault("estimator", found.pop("base_estimator"))


ROWS: Final = (
    Repair(("RidgeClassifier", "RidgeClassifierCV"), "1.9", _binarizer_classes, "it was computed from the binarizer"),
    Repair(
        ("SGDClassifier", "SGDRegressor", "SGDOneClassSVM", "Perceptron"),
        "1.3",
        _loss_name,
        "the same losses under other names",
    ),
    Repair(
        ("LogisticRegression", "LogisticRegressionCV"),
        "1.9",
        _logistic,
        "the formula of its own version: normalised logistic functions, or the softmax of both signs",
    ),
    Repair(("LinearDiscriminantAnalysis",), "0.21", _discriminant, "the formula of its own version"),
    Repair(
        ("PoissonRegressor", "GammaRegressor", "TweedieRegressor"),
        "1.1",
        _generalised,
        "the link function follows from class, power and link",
    ),
    Repair(("_PLS",), "1.5", _least_squares, "dividing the coefficients by the scale is dividing the columns by it"),
    Repair(("RANSACRegressor",), "1.3", _ransac, "the same parameter under another name"),
)
