"""
H2O models of every algorithm and category, exported as MOJO by one H2O server that runs while they are grown.

The expected answers are the server's own: labels, probabilities and values of its `predict`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .h2o_server import SEED, answers, asked, export, fit, grown, number, server, table
from .specimen import Grown, labelled, species, valued


def _enter(name: str, title: str, estimator: str, target: str, **parameters: Any) -> None:
    def grow(folder: Path) -> Grown:
        return grown(folder, fit(estimator, target, **parameters))

    grow.__doc__ = title
    species(name)(grow)


GLM, GBM, DRF = "H2OGeneralizedLinearEstimator", "H2OGradientBoostingEstimator", "H2ORandomForestEstimator"
DEEP, XGB = "H2ODeepLearningEstimator", "H2OXGBoostEstimator"
_TREES: dict[str, Any] = {"ntrees": 5, "max_depth": 3, "min_rows": 2} | SEED
_NET: dict[str, Any] = {"hidden": [5], "epochs": 2, "reproducible": True} | SEED

for _family, _target in (
    ("binomial", "two"), ("multinomial", "three"), ("ordinal", "three"), ("gaussian", "value"), ("gamma", "positive"),
    ("poisson", "count"), ("tweedie", "positive"), ("negativebinomial", "count"), ("fractionalbinomial", "share"),
    ("quasibinomial", "zero_one"),
):  # fmt: skip
    _more: dict[str, Any] = {"theta": 0.5} if _family == "negativebinomial" else {}
    _enter(f"mojo-glm-{_family}", f"H2O GLM, family {_family}", GLM, _target, family=_family, **_more, **SEED)
for _kind, _target in (("bernoulli", "two"), ("multinomial", "three"), ("gaussian", "value"), ("poisson", "count")):
    _enter(f"mojo-gbm-{_kind}", f"H2O GBM, distribution {_kind}", GBM, _target, distribution=_kind, **_TREES)
_enter("mojo-gbm-gamma", "H2O GBM, distribution gamma", GBM, "positive", distribution="gamma", **_TREES)
_enter("mojo-gbm-laplace", "H2O GBM, distribution laplace", GBM, "value", distribution="laplace", **_TREES)
for _kind, _target in (("binomial", "two"), ("multinomial", "three"), ("regression", "value")):
    _enter(f"mojo-drf-{_kind}", f"H2O DRF, {_kind}", DRF, _target, **_TREES)
    _enter(f"mojo-deep-{_kind}", f"H2O deep learning, {_kind}", DEEP, _target, **_NET)
for _kind, _target in (("binomial", "two"), ("multinomial", "three"), ("regression", "value")):
    _enter(f"mojo-xgboost-{_kind}", f"XGBoost inside H2O, {_kind}", XGB, _target, **_TREES)


@species("mojo-unknown-levels")
def unknown_levels(folder: Path) -> Grown:
    """H2O GBM asked for a level it never saw, which the route takes as missing"""
    model = fit(GBM, "two", **_TREES)
    rows, frame = asked(region="Mars")
    found = grown(folder, model)
    header, cells = answers(model, frame)
    probabilities = [[number(text) for text in row[1:]] for row in cells]
    labels = [name.removeprefix("p") for name in header[1:]]
    found.rows, found.answers = rows, labelled([row[0] for row in cells], probabilities, labels)
    found.entry = {"inputs": {"region": {"unknown": "missing"}}}
    found.bad = [(rows[0] | {"rooms": "many"}, "type")]
    return found


@species("mojo-naive-bayes")
def naive_bayes(folder: Path) -> Grown:
    """H2O naive Bayes"""
    return grown(folder, fit("H2ONaiveBayesEstimator", "two"))


@species("mojo-glm-offset")
def glm_offset(folder: Path) -> Grown:
    """H2O GLM with an offset column"""
    model = fit(GLM, "value", also={"offset_column": "shift"}, family="gaussian", **SEED)
    return grown(folder, model, "shift")


@species("mojo-glm-interactions")
def glm_interactions(folder: Path) -> Grown:
    """H2O GLM with interactions of columns"""
    return grown(folder, fit(GLM, "value", family="gaussian", interactions=["age", "rooms"], **SEED))


@species("mojo-ensemble")
def ensemble(folder: Path) -> Grown:
    """H2O stacked ensemble of a GBM and a GLM, binomial"""
    return _ensemble(folder, "two")


@species("mojo-ensemble-regression")
def ensemble_regression(folder: Path) -> Grown:
    """H2O stacked ensemble of a GBM and a GLM, regression"""
    return _ensemble(folder, "value")


@species("mojo-ensemble-multinomial")
def ensemble_multinomial(folder: Path) -> Grown:
    """H2O stacked ensemble of a GBM and a GLM, three classes"""
    return _ensemble(folder, "three")


def _ensemble(folder: Path, target: str) -> Grown:
    folds: dict[str, Any] = {"nfolds": 2, "fold_assignment": "modulo", "keep_cross_validation_predictions": True}
    members = [fit(GBM, target, **folds, **_TREES), fit(GLM, target, **folds, **SEED)]
    return grown(folder, fit("H2OStackedEnsembleEstimator", target, base_models=members, **SEED))


@species("mojo-kmeans")
def kmeans(folder: Path) -> Grown:
    """H2O k-means answers the number of a cluster"""
    model = fit("H2OKMeansEstimator", None, k=3, **SEED)
    rows, frame = asked()
    _, cells = answers(model, frame)
    export(folder, model)
    return Grown("model.zip", rows, labelled([int(row[0]) for row in cells]))


def _scores(folder: Path, model: Any) -> Grown:
    """Export a model of anomalies, whose first column is the score."""
    rows, frame = asked()
    _, cells = answers(model, frame)
    export(folder, model)
    return Grown("model.zip", rows, valued(np.array([number(row[0]) for row in cells])))


@species("mojo-isolation-forest")
def isolation(folder: Path) -> Grown:
    """H2O isolation forest answers a score"""
    return _scores(folder, fit("H2OIsolationForestEstimator", None, ntrees=10, **SEED))


@species("mojo-isolation-forest-extended")
def isolation_extended(folder: Path) -> Grown:
    """H2O extended isolation forest answers a score"""
    model = fit("H2OExtendedIsolationForestEstimator", None, ntrees=10, sample_size=64, extension_level=1, **SEED)
    return _scores(folder, model)


def _refused(name: str, title: str, train: Callable[[], Any], says: str) -> None:
    def grow(folder: Path) -> Grown:
        export(folder, train())
        return Grown("model.zip", refused="unsupported-model", says=says)

    grow.__doc__ = title
    species(name)(grow)


_refused(
    "mojo-pca",
    "H2O PCA reduces, and predicts nothing",
    lambda: fit("H2OPrincipalComponentAnalysisEstimator", None, k=2, transform="standardize", impute_missing=True),
    "DimReduction",
)
_refused(
    "mojo-autoencoder",
    "H2O autoencoder answers its inputs",
    lambda: fit("H2OAutoEncoderEstimator", None, **_NET),
    "AutoEncoder",
)
_refused(
    "mojo-target-encoder",
    "H2O target encoder changes columns, and predicts nothing",
    lambda: fit("H2OTargetEncoderEstimator", "two"),
    "TargetEncoder",
)
_refused(
    "mojo-coxph",
    "H2O Cox proportional hazards",
    lambda: fit("H2OCoxProportionalHazardsEstimator", "zero_one", also={}, stop_column="when"),
    "CoxPH",
)


@species("mojo-rulefit")
def rulefit(folder: Path) -> Grown:
    """H2O RuleFit, binomial"""
    return grown(
        folder, fit("H2ORuleFitEstimator", "two", max_num_rules=5, min_rule_length=1, max_rule_length=2, **SEED)
    )


@species("mojo-isotonic")
def isotonic(folder: Path) -> Grown:
    """H2O isotonic regression of one column"""
    estimators = __import__("h2o.estimators", fromlist=["x"])
    server()
    model = estimators.H2OIsotonicRegressionEstimator(out_of_bounds="clip")
    model.train(x=["age"], y="value", training_frame=table())
    found = grown(folder, model)
    found.rows = [{"age": row["age"]} for row in found.rows]
    return found


@species("mojo-gam")
def gam(folder: Path) -> Grown:
    """H2O GAM, regression"""
    model = fit(
        "H2OGeneralizedAdditiveEstimator", "value", family="gaussian", gam_columns=["age"], num_knots=[4], **SEED
    )
    return grown(folder, model)
