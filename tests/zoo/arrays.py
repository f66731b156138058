"""scikit-learn fitted on bare numpy arrays: positional values and made-up names."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import GammaRegressor, HuberRegressor, LinearRegression, QuantileRegressor, RANSACRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, QuantileTransformer, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR

from .data import TEST, classes, matrix, people, values, worth
from .specimen import Grown, as_joblib, as_pickle, as_skops, classified, regressed, rows_of, species

ROWS = matrix()
HOLES = matrix(holes=True)
THREE = classes(ROWS, ["low", "middle", "high"])


def _class(folder: Path, model: Any, save: Any = as_skops, rows: Any = ROWS) -> Grown:
    model.fit(rows, THREE)
    return Grown(**save(folder, model), rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))


def _value(folder: Path, model: Any, save: Any = as_skops, rows: Any = ROWS) -> Grown:
    model.fit(rows, values(rows))
    return Grown(**save(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("sklearn-array-forest", core=True)
def forest(folder: Path) -> Grown:
    """A random forest of three classes, trained with all cores, plain pickle."""
    return _class(folder, RandomForestClassifier(9, n_jobs=-1, random_state=0), as_pickle)


@species("sklearn-array-imputed")
def imputed(folder: Path) -> Grown:
    """Imputer, scaler and PCA before a small network."""
    steps = make_pipeline(
        SimpleImputer(), RobustScaler(), PCA(3), MLPClassifier(hidden_layer_sizes=(5,), max_iter=60, random_state=0)
    )
    return _class(folder, steps, rows=HOLES)


@species("sklearn-array-network")
def network(folder: Path) -> Grown:
    """A network for values behind a quantile transformer."""
    steps = make_pipeline(
        QuantileTransformer(n_quantiles=20), MLPRegressor(hidden_layer_sizes=(6,), max_iter=80, random_state=0)
    )
    return _value(folder, steps)


@species("sklearn-array-hist-holes")
def hist(folder: Path) -> Grown:
    """HistGradientBoosting on numbers with holes, lzma-compressed joblib."""
    return _value(
        folder,
        HistGradientBoostingRegressor(max_iter=8),
        lambda home, model: as_joblib(home, model, "model.xz", compress=("xz", 3)),
        rows=HOLES,
    )


@species("sklearn-array-boosting")
def boosting(folder: Path) -> Grown:
    """Gradient boosting of values, bzip2-compressed joblib."""
    return _value(
        folder,
        GradientBoostingRegressor(n_estimators=8),
        lambda home, model: as_joblib(home, model, "model.bz2", compress=("bz2", 3)),
    )


@species("sklearn-array-neighbours")
def neighbours(folder: Path) -> Grown:
    """Nearest neighbours of three classes behind a scaler, zlib-compressed joblib."""
    return _class(
        folder,
        make_pipeline(MinMaxScaler(), KNeighborsClassifier(4)),
        lambda home, model: as_joblib(home, model, "model.pkl.z", compress=("zlib", 3)),
    )


@species("sklearn-array-neighbours-value")
def neighbours_value(folder: Path) -> Grown:
    """Nearest neighbours for values, weighted by distance, ball tree."""
    return _value(folder, KNeighborsRegressor(5, weights="distance", algorithm="ball_tree"))


@species("sklearn-array-bayes")
def bayes(folder: Path) -> Grown:
    """Gaussian naive Bayes."""
    return _class(folder, GaussianNB())


@species("sklearn-array-lda")
def lda(folder: Path) -> Grown:
    """Linear discriminant analysis behind a selection of the best columns."""
    return _class(folder, make_pipeline(SelectKBest(k=2), LinearDiscriminantAnalysis()))


@species("sklearn-array-qda")
def qda(folder: Path) -> Grown:
    """Quadratic discriminant analysis."""
    return _class(folder, QuadraticDiscriminantAnalysis())


@species("sklearn-array-svc")
def svc(folder: Path) -> Grown:
    """A support vector classifier with a kernel and no probabilities."""
    return _class(folder, make_pipeline(StandardScaler(), SVC()))


@species("sklearn-array-svr")
def svr(folder: Path) -> Grown:
    """A support vector regressor."""
    return _value(folder, make_pipeline(StandardScaler(), SVR()))


@species("sklearn-array-gaussian-process")
def gaussian_process(folder: Path) -> Grown:
    """A Gaussian process."""
    return _value(folder, GaussianProcessRegressor(alpha=0.1))


@species("sklearn-array-kernel-ridge")
def kernel_ridge(folder: Path) -> Grown:
    """Kernel ridge regression."""
    return _value(folder, KernelRidge(kernel="rbf"))


@species("sklearn-array-huber")
def huber(folder: Path) -> Grown:
    """A Huber regression, pickle protocol 4."""
    return _value(folder, HuberRegressor(max_iter=500), lambda home, model: as_pickle(home, model, protocol=4))


@species("sklearn-array-quantile")
def quantile(folder: Path) -> Grown:
    """A quantile regression."""
    return _value(folder, QuantileRegressor(quantile=0.7, alpha=0))


@species("sklearn-array-ransac")
def ransac(folder: Path) -> Grown:
    """RANSAC around a linear regression."""
    return _value(folder, RANSACRegressor(random_state=0))


@species("sklearn-array-gamma")
def gamma(folder: Path) -> Grown:
    """A gamma regression of positive values."""
    model = GammaRegressor().fit(ROWS, np.exp(ROWS[:, 0]))
    return Grown(**as_skops(folder, model), rows=rows_of(ROWS[:TEST]), answers=regressed(model, ROWS[:TEST]))


@species("sklearn-array-column-value")
def column_value(folder: Path) -> Grown:
    """A regression fitted on a target of one column answers a number, not a list."""
    model = LinearRegression().fit(ROWS, values(ROWS).reshape(-1, 1))
    return Grown(**as_skops(folder, model), rows=rows_of(ROWS[:TEST]), answers=regressed(model, ROWS[:TEST]))


@species("sklearn-array-mixed-objects")
def mixed_objects(folder: Path) -> Grown:
    """An array of objects with words and numbers, columns chosen by position."""
    rows = people("region", "age").to_numpy(dtype=object)
    steps = ColumnTransformer([("level", OneHotEncoder(), [0]), ("number", StandardScaler(), [1])])
    model = make_pipeline(steps, LinearRegression()).fit(rows, worth())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("sklearn-array-dummy")
def dummy(folder: Path) -> Grown:
    """A dummy classifier that answers the prior."""
    return _class(folder, DummyClassifier())


@species("sklearn-array-dummy-value")
def dummy_value(folder: Path) -> Grown:
    """A dummy regressor that answers the median."""
    return _value(folder, DummyRegressor(strategy="median"))


@species("sklearn-array-isotonic")
def isotonic(folder: Path) -> Grown:
    """An isotonic regression of one column."""
    rows = np.sort(ROWS[:, :1], axis=0)
    model = IsotonicRegression(out_of_bounds="clip").fit(rows, np.arange(len(rows)))
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("sklearn-array-single-column")
def single_column(folder: Path) -> Grown:
    """A regression of one column."""
    model = LinearRegression().fit(ROWS[:, :1], values(ROWS))
    return Grown(**as_skops(folder, model), rows=rows_of(ROWS[:TEST, :1]), answers=regressed(model, ROWS[:TEST, :1]))


@species("sklearn-dicts")
def dicts(folder: Path) -> Grown:
    """A DictVectorizer in front of a regression: names and levels of the dictionaries it was fitted on."""
    rows = [{"a": float(i), "b": "x" if i % 2 else "y"} for i in range(9)]
    model = make_pipeline(DictVectorizer(), LinearRegression()).fit(rows, list(range(9)))
    return Grown(**as_skops(folder, model), rows=rows, answers=regressed(model, rows))


@species("sklearn-hashed-dicts")
def hashed(folder: Path) -> Grown:
    """A FeatureHasher takes objects of any shape, which no signature can state."""
    model = make_pipeline(FeatureHasher(8), LinearRegression())
    model.fit([{"a": float(i), "b": "x"} for i in range(9)], list(range(9)))
    return Grown(**as_skops(folder, model), refused="unknown-inputs", says="FeatureHasher")
