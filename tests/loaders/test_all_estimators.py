"""Every estimator of the installed scikit-learn is read back from each of its formats, and answers as it did."""

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - enters the next one
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import TargetEncoder
from skops.io.exceptions import UnsupportedTypeException
from threadpoolctl import threadpool_limits

from gateway.loaders.base import LoadOptions
from gateway.loaders.sklearn import read

from . import fitted

FORMATS: Final[dict[str, Callable[[Any, Path], object]]] = {
    "2.pkl": lambda model, path: path.write_bytes(pickle.dumps(model, protocol=2)),
    "5.pkl": lambda model, path: path.write_bytes(pickle.dumps(model, protocol=5)),
    "plain.joblib": joblib.dump,
    "zlib.joblib": lambda model, path: joblib.dump(model, path, compress=3),
    "bz2.joblib": lambda model, path: joblib.dump(model, path, compress=("bz2", 3)),
    "model.skops": skops.io.dump,
}
#: One of each kind of state: search tree, kernel, random generator, sparse matrix, text, function.
SAMPLE: Final = (
    "BayesianGaussianMixture", "Birch", "CountVectorizer", "FeatureAgglomeration", "GaussianProcessClassifier",
    "IsotonicRegression", "KNeighborsRegressor", "KMeans",
    "NuSVC", "SelectKBest", "SplineTransformer",
)  # fmt: skip
#: They take labels alone, images, hundreds of columns, or a model that is fitted already; TSNE is of few rows only.
UNFITTED: Final = frozenset(
    {
        "FrozenEstimator", "GaussianRandomProjection", "LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer",
        "PatchExtractor", "SparseRandomProjection", "TSNE",
    }
)  # fmt: skip


def read_back(model: Any, rows: Any, folder: Path) -> str:
    """Write a model in each format, read it, and say where the answers differ."""
    wrong = []
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        expected = fitted.answer(model, rows)
        for name, write in FORMATS.items():
            path = folder / name
            try:
                write(model, path)
            except UnsupportedTypeException:  # skops itself writes no Birch
                continue
            try:
                found = read(path, LoadOptions(allow_pickle=True))
            except Exception as error:
                wrong.append(f"{name}: {type(error).__name__}: {error}")
                continue
            if not _is_equal(fitted.answer(found, rows), expected):
                wrong.append(f"{name}: other answers")
    return "\n".join(wrong)


def _is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_is_equal, one, other))
    numeric = np.asarray(one).dtype.kind == "f"
    return np.array_equal(one, other, equal_nan=numeric)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_is_read_back(tmp_path: Path, name: str) -> None:
    """One estimator of each kind of state answers the same from pickle, joblib and skops."""
    model, rows = fitted.fitted(name) or pytest.fail(f"{name} could not be fitted")
    assert read_back(model, rows, tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", fitted.all_names())
def test_every_estimator_is_read_back(tmp_path: Path, name: str) -> None:
    """So does every estimator that the recipe can fit."""
    found = fitted.fitted(name)
    assert (found is None) == (name in UNFITTED)
    if found is not None:
        assert read_back(*found, tmp_path) == ""


_X: Final = np.array([["a", 1.0], ["b", 2.0], ["a", 3.0], ["c", np.nan]] * 15, dtype=object)
_Y: Final = np.tile([0, 1, 1, 0], 15)


@pytest.mark.parametrize(
    "boosting", [HistGradientBoostingClassifier(max_iter=3), GradientBoostingRegressor(n_estimators=5)]
)
def test_target_encoding_in_front_of_boosting(tmp_path: Path, boosting: Any) -> None:
    """A TargetEncoder keeps its levels and encodings in front of either boosting."""
    model = Pipeline([("encode", TargetEncoder(cv=2)), ("model", boosting)])
    with threadpool_limits(1):
        model.fit(_X, _Y)
    assert read_back(model, _X[:4], tmp_path) == ""


def test_an_iterative_imputer(tmp_path: Path) -> None:
    """An IterativeImputer keeps its chain of fitted estimators, although its class is experimental."""
    rows = np.array([[1.0, 2.0], [np.nan, 3.0], [3.0, np.nan], [4.0, 1.0]] * 15)
    model = Pipeline([("fill", IterativeImputer(random_state=0)), ("model", LogisticRegression())]).fit(rows, _Y)
    assert read_back(model, rows[:4], tmp_path) == ""
