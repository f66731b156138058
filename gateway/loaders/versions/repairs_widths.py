"""Repairs `n_features_in_`, the number of columns at fit, of which scikit-learn before 0.24 kept other traces."""

from typing import Any, Final

import numpy as np

from gateway.loaders.versions.repair import Attributes, Repair

_EXACT: Final = "the fitted table has one entry per column of the training data"

#: Attribute of a fitted table -> the axis that counts columns, and the classes (or bases) whose table it is.
_TABLES: Final[tuple[tuple[str, int, str], ...]] = (
    (
        "n_features_",
        -1,
        "BaseDecisionTree BaseForest IsolationForest BaseGradientBoosting BaseBagging PCA IncrementalPCA "
        "_BaseDiscreteNB BernoulliNB MultinomialNB ComplementNB CategoricalNB BaseHistGradientBoosting",
    ),
    ("n_input_features_", -1, "PolynomialFeatures"),
    ("coef_", -1, "LinearModel LinearClassifierMixin LinearSVC LinearSVR BaseSGD _GeneralizedLinearRegressor"),
    ("support_vectors_", 1, "BaseLibSVM"),
    ("_fit_X", 1, "NeighborsBase KNNImputer LocalOutlierFactor"),
    ("cluster_centers_", 1, "KMeans MiniBatchKMeans MeanShift AffinityPropagation"),
    ("subcluster_centers_", 1, "Birch"),
    ("components_", 1, "_BasePCA TruncatedSVD NMF LatentDirichletAllocation FactorAnalysis FastICA SparsePCA"),
    ("components_", 1, "BaseRandomProjection DictionaryLearning Nystroem BernoulliRBM"),
    ("random_weights_", 0, "RBFSampler"),
    ("centroids_", 1, "NearestCentroid"),
    ("means_", 1, "BaseMixture QuadraticDiscriminantAnalysis LinearDiscriminantAnalysis"),
    ("theta_", 1, "GaussianNB"),
    ("feature_log_prob_", -1, "BernoulliNB MultinomialNB ComplementNB"),
    ("X_train_", 1, "GaussianProcessRegressor _BinaryGaussianProcessClassifierLaplace"),
    ("X_fit_", 1, "KernelRidge KernelPCA"),
    ("X_", 1, "BaseLabelPropagation"),
    ("scale_", 0, "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler"),
    ("mean_", 0, "StandardScaler"),
    ("center_", 0, "RobustScaler"),
    ("location_", 0, "EmpiricalCovariance"),
    ("statistics_", 0, "SimpleImputer"),
    ("quantiles_", 1, "QuantileTransformer"),
    ("lambdas_", 0, "PowerTransformer"),
    ("bin_edges_", 0, "KBinsDiscretizer"),
    ("variances_", 0, "VarianceThreshold"),
    ("scores_", 0, "_BaseFilter"),
    ("support_", 0, "RFE RFECV"),
    ("categories_", 0, "_BaseEncoder OneHotEncoder OrdinalEncoder"),
    ("_x_mean", 0, "_PLS"),
    ("labels_", 0, "FeatureAgglomeration"),
    ("_n_features", -1, "BaseHistGradientBoosting ColumnTransformer"),
)
#: Owner -> where its members are; each of them sees the columns of its owner.
_OWNERS: Final[tuple[tuple[str, str], ...]] = (
    ("estimators_", "OneVsRestClassifier OutputCodeClassifier OneVsOneClassifier MultiOutputClassifier"),
    ("estimators_", "MultiOutputRegressor AdaBoostClassifier AdaBoostRegressor VotingClassifier VotingRegressor"),
    ("estimators_", "StackingClassifier StackingRegressor ClassifierChain RegressorChain"),
    ("estimator_", "RANSACRegressor SelectFromModel SelfTrainingClassifier"),
    ("base_estimator_", "GaussianProcessClassifier"),
    ("calibrated_classifiers_", "CalibratedClassifierCV"),
    ("initial_imputer_", "IterativeImputer"),
    ("regressor_", "TransformedTargetRegressor"),
)


def _from_table(part: Any, found: Attributes) -> None:
    names = {kind.__name__ for kind in type(part).__mro__}
    for attribute, axis, classes in _TABLES:
        table = found.get(attribute)
        if table is None or names.isdisjoint(classes.split()) or "n_features_in_" in found:
            continue
        shape = (len(table),) if isinstance(table, list | tuple) else np.shape(table)
        found["n_features_in_"] = int(table) if shape == () else int(shape[axis])


def _from_layers(part: Any, found: Attributes) -> None:
    found.setdefault("n_features_in_", int(found["coefs_"][0].shape[0]))


def _from_members(part: Any, found: Attributes) -> None:
    names = {kind.__name__ for kind in type(part).__mro__}
    for attribute, classes in _OWNERS:
        if names.isdisjoint(classes.split()) or "n_features_in_" in found:
            continue
        members = found[attribute]
        widths = [_width(one) for one in (members if isinstance(members, list | tuple) else [members])]
        known = [width for width in widths if width is not None]
        if known:
            # A chain feeds its members with ever more columns, the first one with those of the data.
            found["n_features_in_"] = min(known)


def _width(member: Any) -> int | None:
    for one in (member, getattr(member, "estimator", None), getattr(member, "base_estimator", None)):
        # Pipelines and searches compute it from what they hold.
        width = getattr(one, "n_features_in_", None)
        if width is not None:
            return int(width)
    return None


def _of_what_follows(part: Any, found: Attributes) -> None:
    """Give what keeps the columns, in front of a pipeline, the width of the next step."""
    steps = [step for _, step in found["steps"]]
    head = vars(steps[0]) if hasattr(steps[0], "__dict__") else {}
    kind, function = type(steps[0]).__name__, head.get("func")
    is_function = kind == "FunctionTransformer" and (function is None or isinstance(function, np.ufunc))
    if (is_function or kind in {"Normalizer", "Binarizer"}) and "n_features_in_" not in head:
        width = _width(steps[1])
        if width is not None:
            head["n_features_in_"] = width


ROWS: Final = (
    Repair(tuple({name for *_, classes in _TABLES for name in classes.split()}), "1.0", _from_table, _EXACT),
    Repair(("MLPClassifier", "MLPRegressor"), "0.24", _from_layers, "the first layer has one row per column"),
    Repair(
        tuple({name for _, classes in _OWNERS for name in classes.split()}),
        "1.0",
        _from_members,
        "the members see the columns of their owner",
    ),
    Repair(("Pipeline",), "1.4", _of_what_follows, "it keeps the columns, and the next step counts them"),
)
