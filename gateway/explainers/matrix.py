"""
Finds the explainer of a fitted estimator over the matrix that reaches it: the last step of a pipeline.

The tables know class names; each module is imported when a model needs it.
"""

import importlib
from typing import Any, Final

from gateway.errors import NotExplainable
from gateway.estimators.linear_terms import linear_terms
from gateway.estimators.wrappers import front_and_model, is_pipeline, unwrap
from gateway.explainers.outputs import OutputExplainer

_BOOSTERS: Final = {
    "gateway.explainers.xgboost:of_wrapper": (
        "XGBClassifier",
        "XGBRegressor",
        "XGBRFClassifier",
        "XGBRFRegressor",
        "XGBRanker",
    ),
    "gateway.explainers.lightgbm:of_wrapper": ("LGBMClassifier", "LGBMRegressor", "LGBMRanker"),
    "gateway.explainers.catboost:of_wrapper": (
        "CatBoostClassifier",
        "CatBoostRegressor",
        "CatBoostRanker",
        "CatBoost",
    ),
}
#: Those of imbalanced-learn among them: they differ in training only.
_TREE_MODELS: Final = {
    "gateway.explainers.forests:forest": (
        "DecisionTreeClassifier",
        "DecisionTreeRegressor",
        "ExtraTreeClassifier",
        "ExtraTreeRegressor",
        "RandomForestClassifier",
        "RandomForestRegressor",
        "ExtraTreesClassifier",
        "ExtraTreesRegressor",
        "BalancedRandomForestClassifier",
    ),
    "gateway.explainers.forests:boosting": (
        "GradientBoostingClassifier",
        "GradientBoostingRegressor",
        "FirstOfEqualBoosting",  # of loaders/versions
    ),
    "gateway.explainers.forests:histogram": ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
    "gateway.explainers.forest_votes:boosted_votes": ("AdaBoostClassifier", "RUSBoostClassifier"),
    "gateway.explainers.forest_votes:isolation": ("IsolationForest",),
    "gateway.explainers.averages:bagging": (
        "BaggingClassifier",
        "BaggingRegressor",
        "BalancedBaggingClassifier",
        "EasyEnsembleClassifier",
    ),
    "gateway.explainers.averages:voting": ("VotingClassifier", "VotingRegressor"),
}
_LINEAR: Final = "gateway.explainers.linear:explainer"

#: Class -> module:function, which makes the OutputExplainer of a fitted model; raises NotExplainable.
OF_CLASS: Final[dict[str, str]] = {
    **{name: target for target, names in (_BOOSTERS | _TREE_MODELS).items() for name in names},
    **dict.fromkeys(("SVC", "SVR", "NuSVC", "NuSVR"), _LINEAR),
    **dict.fromkeys(("MultinomialNB", "ComplementNB", "BernoulliNB"), "gateway.explainers.linear:naive_bayes"),
    "GaussianNB": "gateway.explainers.linear:gaussian",
    "CategoricalNB": "gateway.explainers.linear:categorical",
}

_TREES: Final = "trees, linear models and boosters are explained"
_PART: Final = "serve one of its models: trees, linear models and boosters are explained"
_STACK: Final = ("a stack answers from the answers of its models, which mix all fields", _PART)
_NETWORK: Final = ("the layers of a neural network mix all fields", _TREES)
_NEIGHBOURS: Final = ("it answers from the nearest rows of training, no sum over fields", _TREES)
_PROCESS: Final = ("a Gaussian process compares whole rows, no sum over fields", _TREES)

#: Why an estimator has no exact parts, and what would have.
REFUSED: Final[dict[str, tuple[str, str]]] = {
    "CalibratedClassifierCV": (
        "a calibration bends the scores of its models, and averages several of them",
        "serve the model that was calibrated",
    ),
    "AdaBoostRegressor": (
        "it answers the weighted median of its trees, no sum of them",
        "GradientBoostingRegressor and random forests are explained",
    ),
    "StackingClassifier": _STACK,
    "StackingRegressor": _STACK,
    "MLPClassifier": _NETWORK,
    "MLPRegressor": _NETWORK,
    "KNeighborsClassifier": _NEIGHBOURS,
    "KNeighborsRegressor": _NEIGHBOURS,
    "RadiusNeighborsClassifier": _NEIGHBOURS,
    "RadiusNeighborsRegressor": _NEIGHBOURS,
    "NearestCentroid": _NEIGHBOURS,
    "GaussianProcessClassifier": _PROCESS,
    "GaussianProcessRegressor": _PROCESS,
    "KernelRidge": ("its kernel compares whole rows, no sum over fields", "Ridge is explained by its terms"),
    "QuadraticDiscriminantAnalysis": (
        "it multiplies fields with each other",
        "LinearDiscriminantAnalysis and GaussianNB are explained by their terms",
    ),
}


def matrix_explainer(model: Any) -> OutputExplainer:
    """Return the explainer of a fitted estimator; raises NotExplainable with the reason, and what would be."""
    model = unwrap(model)
    kind = type(model).__name__
    if kind == "OneVsRestClassifier":
        rest: OutputExplainer = _attribute("gateway.explainers.linear:one_against_rest")(model, matrix_explainer)
        return rest
    if is_pipeline(model):
        last = matrix_explainer(front_and_model(model)[1])
        inner: OutputExplainer = _attribute("gateway.explainers.inner_pipelines:InnerPipelineExplainer")(model, last)
        return inner
    if kind in REFUSED:
        raise NotExplainable(*REFUSED[kind])
    target = OF_CLASS.get(kind) or (_LINEAR if linear_terms(model) is not None else "")
    if not target:
        raise NotExplainable(f"{kind} does not say how its answer is made up of its inputs", _TREES)
    found: OutputExplainer = _attribute(target)(model)
    return found


def _attribute(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
