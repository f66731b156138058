"""
Maps names in old artifacts to the modules of the installed libraries: one row per moved module and renamed member.

A row says where to look and nothing else: what is found there must still be admitted (allowed_names.py).
"""

from gateway.loaders.table import IN_PICKLES

#: Old module -> today's module, for all of its members.
MOVED: dict[str, str] = {
    "__builtin__": "builtins",
    # The losses of scikit-learn 1.6 to 1.8 name their module without its package.
    "_loss": "sklearn._loss._loss",
    "copy_reg": "copyreg",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
    "numpy.core._multiarray_umath": "numpy",
    "numpy._core._multiarray_umath": "numpy",
    "scipy.sparse.coo": "scipy.sparse._coo",
    "scipy.sparse.csc": "scipy.sparse._csc",
    "scipy.sparse.csr": "scipy.sparse._csr",
    "scipy.sparse.dia": "scipy.sparse._dia",
    "sklearn.cluster.affinity_propagation_": "sklearn.cluster._affinity_propagation",
    "sklearn.cluster.birch": "sklearn.cluster._birch",
    "sklearn.cluster.hierarchical": "sklearn.cluster._agglomerative",
    "sklearn.cluster.k_means_": "sklearn.cluster._kmeans",
    "sklearn.cluster.mean_shift_": "sklearn.cluster._mean_shift",
    "sklearn.covariance.elliptic_envelope": "sklearn.covariance._elliptic_envelope",
    "sklearn.covariance.empirical_covariance_": "sklearn.covariance._empirical_covariance",
    "sklearn.covariance.robust_covariance": "sklearn.covariance._robust_covariance",
    "sklearn.covariance.shrunk_covariance_": "sklearn.covariance._shrunk_covariance",
    "sklearn.cross_decomposition._cca": "sklearn.cross_decomposition._pls",
    "sklearn.cross_decomposition.cca_": "sklearn.cross_decomposition._pls",
    "sklearn.cross_decomposition.pls_": "sklearn.cross_decomposition._pls",
    "sklearn.decomposition.dict_learning": "sklearn.decomposition._dict_learning",
    "sklearn.decomposition.factor_analysis": "sklearn.decomposition._factor_analysis",
    "sklearn.decomposition.fastica_": "sklearn.decomposition._fastica",
    "sklearn.decomposition.incremental_pca": "sklearn.decomposition._incremental_pca",
    "sklearn.decomposition.kernel_pca": "sklearn.decomposition._kernel_pca",
    "sklearn.decomposition.nmf": "sklearn.decomposition._nmf",
    "sklearn.decomposition.online_lda": "sklearn.decomposition._lda",
    "sklearn.decomposition.pca": "sklearn.decomposition._pca",
    "sklearn.decomposition.sparse_pca": "sklearn.decomposition._sparse_pca",
    "sklearn.decomposition.truncated_svd": "sklearn.decomposition._truncated_svd",
    "sklearn.ensemble.bagging": "sklearn.ensemble._bagging",
    "sklearn.ensemble.forest": "sklearn.ensemble._forest",
    "sklearn.ensemble.gradient_boosting": "sklearn.ensemble._gb",
    "sklearn.ensemble.iforest": "sklearn.ensemble._iforest",
    "sklearn.ensemble.voting": "sklearn.ensemble._voting",
    "sklearn.ensemble.voting_classifier": "sklearn.ensemble._voting",
    "sklearn.ensemble.weight_boosting": "sklearn.ensemble._weight_boosting",
    "sklearn.feature_extraction.dict_vectorizer": "sklearn.feature_extraction._dict_vectorizer",
    "sklearn.feature_extraction.hashing": "sklearn.feature_extraction._hash",
    "sklearn.feature_selection.from_model": "sklearn.feature_selection._from_model",
    "sklearn.feature_selection.mutual_info_": "sklearn.feature_selection._mutual_info",
    "sklearn.feature_selection.rfe": "sklearn.feature_selection._rfe",
    "sklearn.feature_selection.univariate_selection": "sklearn.feature_selection._univariate_selection",
    "sklearn.feature_selection.variance_threshold": "sklearn.feature_selection._variance_threshold",
    "sklearn.gaussian_process.gpc": "sklearn.gaussian_process._gpc",
    "sklearn.gaussian_process.gpr": "sklearn.gaussian_process._gpr",
    "sklearn.linear_model.base": "sklearn.linear_model._base",
    "sklearn.linear_model.bayes": "sklearn.linear_model._bayes",
    "sklearn.linear_model.coordinate_descent": "sklearn.linear_model._coordinate_descent",
    "sklearn.linear_model.huber": "sklearn.linear_model._huber",
    "sklearn.linear_model.least_angle": "sklearn.linear_model._least_angle",
    "sklearn.linear_model.logistic": "sklearn.linear_model._logistic",
    "sklearn.linear_model.omp": "sklearn.linear_model._omp",
    "sklearn.linear_model.passive_aggressive": "sklearn.linear_model._passive_aggressive",
    "sklearn.linear_model.perceptron": "sklearn.linear_model._perceptron",
    "sklearn.linear_model.ransac": "sklearn.linear_model._ransac",
    "sklearn.linear_model.ridge": "sklearn.linear_model._ridge",
    "sklearn.linear_model.sgd_fast": "sklearn.linear_model._sgd_fast",
    "sklearn.linear_model.stochastic_gradient": "sklearn.linear_model._stochastic_gradient",
    "sklearn.linear_model.theil_sen": "sklearn.linear_model._theil_sen",
    "sklearn.metrics.scorer": "sklearn.metrics._scorer",
    "sklearn.mixture.bayesian_mixture": "sklearn.mixture._bayesian_mixture",
    "sklearn.mixture.gaussian_mixture": "sklearn.mixture._gaussian_mixture",
    "sklearn.neighbors._dist_metrics": "sklearn.metrics._dist_metrics",
    "sklearn.neighbors.ball_tree": "sklearn.neighbors._ball_tree",
    "sklearn.neighbors.classification": "sklearn.neighbors._classification",
    "sklearn.neighbors.dist_metrics": "sklearn.metrics._dist_metrics",
    "sklearn.neighbors.kd_tree": "sklearn.neighbors._kd_tree",
    "sklearn.neighbors.kde": "sklearn.neighbors._kde",
    "sklearn.neighbors.lof": "sklearn.neighbors._lof",
    "sklearn.neighbors.nearest_centroid": "sklearn.neighbors._nearest_centroid",
    "sklearn.neighbors.regression": "sklearn.neighbors._regression",
    "sklearn.neighbors.unsupervised": "sklearn.neighbors._unsupervised",
    "sklearn.neural_network.multilayer_perceptron": "sklearn.neural_network._multilayer_perceptron",
    "sklearn.neural_network.rbm": "sklearn.neural_network._rbm",
    "sklearn.preprocessing.data": "sklearn.preprocessing._data",
    "sklearn.preprocessing.label": "sklearn.preprocessing._label",
    "sklearn.semi_supervised.label_propagation": "sklearn.semi_supervised._label_propagation",
    "sklearn.svm.classes": "sklearn.svm._classes",
    "sklearn.tree.tree": "sklearn.tree._classes",
}

#: (old module, old name) -> (today's module, today's name), where a single member moved or got another name.
RENAMED: dict[tuple[str, str], tuple[str, str]] = {
    ("pandas._libs.missing", "NA"): ("pandas", "NA"),
    ("sklearn.metrics._scorer", "_passthrough_scorer"): ("sklearn.metrics._scorer", "_PassthroughScorer"),
    ("xgboost.compat", "XGBoostLabelEncoder"): ("sklearn.preprocessing._label", "LabelEncoder"),
    ("sklearn.utils", "Bunch"): ("sklearn.utils._bunch", "Bunch"),
    ("sklearn.preprocessing.imputation", "Imputer"): ("sklearn.impute._base", "SimpleImputer"),
    ("sklearn.preprocessing._data", "PolynomialFeatures"): ("sklearn.preprocessing._polynomial", "PolynomialFeatures"),
}

#: Metrics of search trees, which got the width of their numbers into their names.
_METRICS = """
    BrayCurtis Canberra Chebyshev Dice Euclidean Hamming Haversine Jaccard Kulsinski Mahalanobis Manhattan
    Matching Minkowski RogersTanimoto RussellRao SEuclidean SokalMichener SokalSneath WMinkowski
"""
for _name in _METRICS.split():
    RENAMED["sklearn.metrics._dist_metrics", f"{_name}Distance"] = (
        "sklearn.metrics._dist_metrics",
        f"{_name}Distance64",
    )
# What 0.20 guessed first, kept as a score; repairs_trees.py makes priors and constants of it.
for _module in ("sklearn.ensemble._gb", "sklearn.ensemble._gb_losses"):
    for _name in ("LogOddsEstimator", "ScaledLogOddsEstimator", "PriorProbabilityEstimator"):
        RENAMED[_module, _name] = ("sklearn.dummy", "DummyClassifier")
    for _name in ("MeanEstimator", "QuantileEstimator", "ZeroEstimator"):
        RENAMED[_module, _name] = ("sklearn.dummy", "DummyRegressor")

#: Libraries whose own names never are an attack: one that is gone means that another version wrote the artifact.
LIBRARIES: frozenset[str] = frozenset({"numpy", "scipy", "pandas", "joblib", "imblearn", *IN_PICKLES})


def current_name(module: str, name: str) -> tuple[str, str]:
    """Translate an old global to today's; the answer may still be one that is not admitted."""
    module = MOVED.get(module, module)
    return RENAMED.get((module, name), (module, name))


def is_of_a_library(module: str) -> bool:
    """Say whether a module name is one of the libraries that artifacts are made of."""
    return module.partition(".")[0] in LIBRARIES
