"""
Where today's libraries keep what old artifacts name: one row for each module that moved, one for each renamed member.

A row says where to look and nothing else: what is found there must still be admitted (allowed.py).
"""

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
    "sklearn.cluster.k_means_": "sklearn.cluster._kmeans",
    "sklearn.decomposition.pca": "sklearn.decomposition._pca",
    "sklearn.decomposition.truncated_svd": "sklearn.decomposition._truncated_svd",
    "sklearn.ensemble.forest": "sklearn.ensemble._forest",
    "sklearn.ensemble.voting": "sklearn.ensemble._voting",
    "sklearn.ensemble.weight_boosting": "sklearn.ensemble._weight_boosting",
    "sklearn.linear_model.base": "sklearn.linear_model._base",
    "sklearn.linear_model.coordinate_descent": "sklearn.linear_model._coordinate_descent",
    "sklearn.linear_model.logistic": "sklearn.linear_model._logistic",
    "sklearn.linear_model.ridge": "sklearn.linear_model._ridge",
    "sklearn.linear_model.stochastic_gradient": "sklearn.linear_model._stochastic_gradient",
    "sklearn.neighbors.classification": "sklearn.neighbors._classification",
    "sklearn.neighbors.regression": "sklearn.neighbors._regression",
    "sklearn.neural_network.multilayer_perceptron": "sklearn.neural_network._multilayer_perceptron",
    "sklearn.preprocessing.data": "sklearn.preprocessing._data",
    "sklearn.preprocessing.label": "sklearn.preprocessing._label",
    "sklearn.svm.classes": "sklearn.svm._classes",
    "sklearn.tree.tree": "sklearn.tree._classes",
}

#: (old module, old name) -> (today's module, today's name), where a single member moved or got another name.
RENAMED: dict[tuple[str, str], tuple[str, str]] = {
    ("pandas._libs.missing", "NA"): ("pandas", "NA"),
}

#: Libraries whose own names never are an attack: one that is gone means that another version wrote the artifact.
LIBRARIES: frozenset[str] = frozenset({"numpy", "scipy", "sklearn", "xgboost", "pandas", "joblib"})


def current_name(module: str, name: str) -> tuple[str, str]:
    """Translate an old global to today's; the answer may still be one that is not admitted."""
    module = MOVED.get(module, module)
    return RENAMED.get((module, name), (module, name))


def is_of_a_library(module: str) -> bool:
    """Say whether a module name is one of the libraries that artifacts are made of."""
    return module.partition(".")[0] in LIBRARIES
