"""Repairs of trees and what is made of them: forests, boosting, bagging."""

from typing import Any, Final

import numpy as np
from scipy.special import softmax
from sklearn._loss.loss import (
    AbsoluteError,
    ExponentialLoss,
    HalfBinomialLoss,
    HalfMultinomialLoss,
    HalfPoissonLoss,
    HalfSquaredError,
    HuberLoss,
    PinballLoss,
)
from sklearn.ensemble._iforest import _average_path_length

from gateway.loaders.versions.old_answers import DiscreteAdaBoost, LogProbabilities, MeanAdaBoost, RealAdaBoost
from gateway.loaders.versions.old_ties import FirstOfEqualBoosting, OneVsRestLastOfEqual
from gateway.loaders.versions.repair import Attributes, Repair, Unrepairable

_PAIR: Final = 2
_LOSS_NAMES: Final = {
    "deviance": "log_loss",
    "ls": "squared_error",
    "lad": "absolute_error",
    "binary_crossentropy": "log_loss",
    "categorical_crossentropy": "log_loss",
    "auto": "log_loss",
    "least_squares": "squared_error",
    "least_absolute_deviation": "absolute_error",
}


def _fractions(part: Any, found: Attributes) -> None:
    """Turn the weights of the classes in each leaf into fractions; what is fractions already stays."""
    values = found["tree_"].value
    total = values.sum(axis=2, keepdims=True)
    total[total == 0.0] = 1.0
    values /= total


def _renamed_base(part: Any, found: Attributes) -> None:
    for old, new in (("base_estimator", "estimator"), ("base_estimator_", "estimator_")):
        if old in found:
            found.setdefault(new, found.pop(old))


def _path_lengths(part: Any, found: Attributes) -> None:
    trees = [member.tree_ for member in found["estimators_"]]
    found.setdefault("_average_path_length_per_tree", tuple(_average_path_length(t.n_node_samples) for t in trees))
    found.setdefault("_decision_path_lengths", tuple(tree.compute_node_depths() for tree in trees))


def _path_lengths_of_0_20(part: Any, found: Attributes) -> None:
    raise Unrepairable("it measured the paths of small leaves otherwise, which no later version does")


def _old_behaviour(part: Any, found: Attributes) -> None:
    """Until 0.21 the threshold stood beside the offset, and was compared after it."""
    if found.pop("behaviour") == "old":
        found["offset_"] = found["offset_"] + found.pop("_threshold_")


def _real_boosting(part: Any, found: Attributes) -> None:
    if found["algorithm"] == "SAMME.R":
        part.__class__ = RealAdaBoost


def _discrete_boosting(part: Any, found: Attributes) -> None:
    if found["algorithm"] == "SAMME":
        part.__class__ = DiscreteAdaBoost


def _mean_boosting(part: Any, found: Attributes) -> None:
    if found["algorithm"] == "SAMME":
        part.__class__ = MeanAdaBoost


def _loss_name(part: Any, found: Attributes) -> None:
    found["loss"] = _LOSS_NAMES.get(found["loss"], found["loss"])


def _boosting_loss(part: Any, found: Attributes) -> None:
    _loss_name(part, found)
    count = len(found["classes_"]) if "classes_" in found else 1
    alpha = found.get("alpha", 0.9)
    made: Any = {
        "log_loss": lambda: HalfMultinomialLoss(n_classes=count) if count > _PAIR else HalfBinomialLoss(),
        "exponential": ExponentialLoss,
        "squared_error": HalfSquaredError,
        "absolute_error": AbsoluteError,
        "huber": lambda: HuberLoss(quantile=alpha),
        "quantile": lambda: PinballLoss(quantile=alpha),
        "poisson": HalfPoissonLoss,
    }
    if found.get("_loss") is None:
        found["_loss"] = made[found["loss"]]()
    if count > _PAIR and "init_" in found:
        found["_loss"].link = LogProbabilities()
    found.setdefault("n_trees_per_iteration_", count if count > _PAIR else 1)
    found.pop("loss_", None)


def _equal_probabilities(part: Any, found: Attributes) -> None:
    if found["loss"] == "log_loss":
        part.__class__ = FirstOfEqualBoosting


def _equal_members(part: Any, found: Attributes) -> None:
    if vars(found["label_binarizer_"]).get("y_type_") == "multiclass":
        part.__class__ = OneVsRestLastOfEqual


def _first_guess(part: Any, found: Attributes) -> None:
    """Turn the first guesses of 0.20, kept as scores, into what says the same: priors, or a constant."""
    start = found["init_"]
    kept: Any = vars(start) if hasattr(start, "__dict__") else {}
    if "prior" in kept:
        scale = 2.0 if found["loss"] == "exponential" else 1.0
        chance = 1.0 / (1.0 + np.exp(-scale * kept.pop("prior")))
        _constant(kept, "prior", class_prior_=np.array([1.0 - chance, chance]), classes_=np.arange(2), n_classes_=2)
    elif "priors" in kept:
        # Kept as scores, although they are probabilities.
        priors = softmax(kept.pop("priors"))
        _constant(kept, "prior", class_prior_=priors, classes_=np.arange(len(priors)), n_classes_=len(priors))
    elif type(start).__name__ == "DummyRegressor" and not {"strategy", "mean", "quantile"} & set(kept):
        found["init_"] = "zero"
    elif "mean" in kept or ("quantile" in kept and "constant_" not in kept):
        value = kept.pop("mean") if "mean" in kept else kept.pop("quantile")
        _constant(kept, "mean", constant_=np.array([[value]]), quantile=None)


def _constant(kept: Attributes, strategy: str, **fitted: Any) -> None:
    kept.update(strategy=strategy, _strategy=strategy, constant=None, n_outputs_=1, sparse_output_=False, **fitted)
    if strategy == "prior":
        kept["random_state"] = None


def _guess_strategy(part: Any, found: Attributes) -> None:
    found.setdefault("_strategy", found["strategy"])


def _histograms(part: Any, found: Attributes) -> None:
    for old, new in (("bin_mapper_", "_bin_mapper"), ("loss_", "_loss")):
        if old in found:
            found.setdefault(new, found.pop(old))
    found.setdefault("n_features_in_", found.get("n_features_", found.get("_n_features")))
    found["_baseline_prediction"] = np.asarray(found["_baseline_prediction"], dtype=np.float64).reshape(1, -1)
    for name in ("_preprocessor", "_is_categorical_remapped", "is_categorical_"):
        found.setdefault(name, None)
    mapper: Any = vars(found["_bin_mapper"])
    mapper.setdefault("is_categorical_", np.zeros(len(mapper["bin_thresholds_"]), dtype=np.uint8))
    mapper.setdefault("n_bins", mapper.get("max_bins", 255) + 1)


ROWS: Final = (
    Repair(
        ("DecisionTreeClassifier",),
        "1.4",
        _fractions,
        "that version divided by the same sum when it was asked",
    ),
    Repair(
        (
            "BaggingClassifier", "BaggingRegressor", "AdaBoostClassifier", "AdaBoostRegressor", "BaseForest",
            "CalibratedClassifierCV", "_CalibratedClassifier", "ClassifierChain", "RegressorChain", "IsolationForest",
            "SelfTrainingClassifier",
        ),
        "1.9",
        _renamed_base,
        "the same member under another name",
    ),
    Repair(("IsolationForest",), "0.21", _path_lengths_of_0_20, "refused: paths of small leaves"),
    Repair(("IsolationForest",), "1.3", _path_lengths, "computed from the trees, as at fit since 1.3"),
    Repair(("IsolationForest",), "0.24", _old_behaviour, "both are subtracted from the score before 0 is compared"),
    Repair(("AdaBoostClassifier",), "1.6", _real_boosting, "the formula of its own version"),
    Repair(("AdaBoostClassifier",), "1.3", _discrete_boosting, "the formula of its own version"),
    Repair(("AdaBoostClassifier",), "0.22", _mean_boosting, "the formula of its own version"),
    Repair(("BaseGradientBoosting",), "0.21", _first_guess, "the link function of the loss gives the same score back"),
    Repair(
        ("BaseGradientBoosting", "BaseHistGradientBoosting"),
        "1.4",
        _boosting_loss,
        "the link function follows from the name of the loss and the number of classes",
    ),
    Repair(("GradientBoostingClassifier",), "1.4", _equal_probabilities, "the first of equal classes, as it was"),
    Repair(("OneVsRestClassifier",), "1.8", _equal_members, "the last of equal classes, as it was"),
    Repair(("DummyClassifier", "DummyRegressor"), "0.22", _guess_strategy, "the parameter as it was given"),
    Repair(
        ("BaseHistGradientBoosting",),
        "1.4",
        _histograms,
        "columns went to the trees as they are, and the first guess counts once per class",
    ),
)  # fmt: skip
