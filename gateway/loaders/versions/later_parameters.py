"""
Parameters that scikit-learn gave its classes after 0.20, with the value that stands for what there was before.

An instance of an older version lacks the attribute; its default was chosen so that nothing changes.
"""

from typing import Any, Final

_NAN: Final = float("nan")

#: (parameter, its value for what was before) -> the classes that got it later.
_LATER: Final[tuple[tuple[str, Any, str], ...]] = (
    ("add_indicator", False, "SimpleImputer"),
    ("alpha_init", None, "BayesianRidge"),
    ("alpha_per_target", False, "RidgeCV RidgeClassifierCV"),
    ("break_ties", False, "SVC NuSVC"),
    (
        "ccp_alpha",
        0.0,
        "ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier RandomForestRegressor "
        "GradientBoostingClassifier GradientBoostingRegressor DecisionTreeClassifier DecisionTreeRegressor "
        "ExtraTreeClassifier ExtraTreeRegressor",
    ),
    # Until 1.3 a column was by category only where this said so.
    ("categorical_features", None, "HistGradientBoostingClassifier HistGradientBoostingRegressor"),
    ("chain_method", "predict", "ClassifierChain"),
    ("class_weight", None, "HistGradientBoostingClassifier"),
    ("clip", False, "MinMaxScaler MaxAbsScaler"),
    ("compute_distances", False, "AgglomerativeClustering FeatureAgglomeration"),
    ("compute_inverse_components", False, "GaussianRandomProjection SparseRandomProjection"),
    ("covariance_estimator", None, "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis"),
    ("distance_threshold", None, "AgglomerativeClustering FeatureAgglomeration"),
    ("drop", None, "OneHotEncoder"),
    ("dtype", None, "KBinsDiscretizer"),
    ("early_stopping", "auto", "HistGradientBoostingClassifier HistGradientBoostingRegressor"),
    # Until 0.24 every calibration held one pair per fold.
    ("ensemble", True, "CalibratedClassifierCV"),
    ("encoded_missing_value", _NAN, "OrdinalEncoder"),
    ("feature_name_combiner", "concat", "OneHotEncoder"),
    ("feature_names_out", None, "FunctionTransformer"),
    ("fill_value", None, "IterativeImputer"),
    ("force_alpha", True, "MultinomialNB ComplementNB BernoulliNB CategoricalNB"),
    ("handle_missing", "error", "SplineTransformer"),
    ("handle_unknown", "error", "OrdinalEncoder"),
    ("importance_getter", "auto", "SelectFromModel RFE RFECV"),
    ("interaction_cst", None, "HistGradientBoostingClassifier HistGradientBoostingRegressor"),
    ("iterated_power", "auto", "KernelPCA"),
    ("jitter", None, "Lars LassoLars LarsCV LassoLarsCV"),
    ("keep_empty_features", False, "SimpleImputer IterativeImputer KNNImputer"),
    ("l1_ratio", 0.15, "Perceptron"),
    ("l1_ratios", None, "LogisticRegressionCV"),
    ("lambda_init", None, "BayesianRidge"),
    ("loss", "squared_error", "MLPRegressor"),
    ("max_categories", None, "OneHotEncoder OrdinalEncoder"),
    ("max_features", 1.0, "HistGradientBoostingClassifier HistGradientBoostingRegressor"),
    ("max_fun", 15000, "MLPClassifier MLPRegressor"),
    ("max_iter", 300, "MeanShift"),
    (
        "max_samples",
        None,
        "ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier RandomForestRegressor",
    ),
    ("metric", "euclidean", "AgglomerativeClustering FeatureAgglomeration"),
    ("min_categories", None, "CategoricalNB"),
    ("min_frequency", None, "OneHotEncoder OrdinalEncoder"),
    ("monotonic_cst", None, "HistGradientBoostingClassifier HistGradientBoostingRegressor"),
    (
        "monotonic_cst",
        None,
        "ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier RandomForestRegressor DecisionTreeClassifier "
        "DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor",
    ),
    ("n_jobs", None, "CalibratedClassifierCV Nystroem"),
    ("n_oversamples", 10, "PCA TruncatedSVD"),
    ("n_targets", None, "GaussianProcessRegressor"),
    ("noise_variance", None, "LassoLarsIC"),
    ("order", "C", "PolynomialFeatures"),
    ("positive", False, "LinearRegression Ridge RidgeClassifier"),
    ("power_iteration_normalizer", "auto", "PCA TruncatedSVD"),
    ("priors", "uniform", "NearestCentroid"),
    ("quantile", None, "HistGradientBoostingRegressor"),
    ("quantile_method", "linear", "KBinsDiscretizer"),
    ("random_state", None, "AffinityPropagation Lars LassoLars LarsCV LassoLarsCV KBinsDiscretizer"),
    ("rotation", None, "FactorAnalysis"),
    ("shrinkage", None, "QuadraticDiscriminantAnalysis"),
    ("skip_complete", False, "IterativeImputer"),
    ("solver", "svd", "QuadraticDiscriminantAnalysis"),
    ("solver", "lbfgs", "GammaRegressor PoissonRegressor TweedieRegressor"),
    ("sparse_output", False, "SplineTransformer"),
    ("store_cv_results", False, "RidgeCV RidgeClassifierCV"),
    ("subsample", None, "KBinsDiscretizer"),
    ("tol", 1e-6, "LinearRegression"),
    ("transform_input", None, "Pipeline"),
    ("transform_max_iter", 1000, "DictionaryLearning MiniBatchDictionaryLearning SparseCoder"),
    ("unit_variance", False, "RobustScaler"),
    ("unknown_value", None, "OrdinalEncoder"),
    (
        "verbose",
        False,
        "ColumnTransformer Pipeline FeatureUnion VotingClassifier VotingRegressor OneVsRestClassifier ClassifierChain "
        "RegressorChain",
    ),
    ("verbose_feature_names_out", True, "ColumnTransformer FeatureUnion"),
    (
        "warm_start",
        False,
        "IsolationForest HistGradientBoostingClassifier HistGradientBoostingRegressor",
    ),
    ("whiten_solver", "svd", "FastICA"),
)
#: Class -> parameters it got later.
LATER: Final[dict[str, dict[str, Any]]] = {}
for _name, _value, _classes in _LATER:
    for _kind in _classes.split():
        LATER.setdefault(_kind, {})[_name] = _value


def fill_later_parameters(part: Any) -> None:
    """Give a part that another version wrote the parameters that its class got later."""
    for name, value in LATER.get(type(part).__name__, {}).items():
        vars(part).setdefault(name, value)
