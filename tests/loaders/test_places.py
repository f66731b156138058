"""Numbers in a model that lead outside of the tables they are places in: refused before compiled code follows them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
import xgboost
from sklearn.cluster import BisectingKMeans, KMeans
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer
from sklearn.svm import SVC

from gateway.errors import ArtifactError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.sklearn_places import misplaced

DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(60, 3))
CLASSES = DRAW.integers(0, 3, 60)
WORDS = ["good film", "bad plot", "fine word"] * 4
LEVELS = np.array([["a", "x"]] * 10 + [["b", "y"]] * 2 + [["c", "z"]] * 10, dtype=object)
CODES = DRAW.integers(0, 5, (300, 2)).astype(float)


def _with(step: Any, rows: Any) -> Any:
    return make_pipeline(step, LinearRegression()).fit(rows, np.arange(len(rows)) % 2)


def _words(made: type, column: Any) -> Any:
    model = _with(made(), WORDS)
    model[0].vocabulary_["good"] = column
    return model


def _hashed() -> Any:
    model = _with(HashingVectorizer(n_features=8), WORDS)
    model[0].n_features = 0
    return model


def _levels(**state: Any) -> Any:
    model = _with(OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist"), LEVELS)
    vars(model[0]).update(state)
    return model


def _dropped(place: int) -> Any:
    model = _with(OneHotEncoder(drop="first"), LEVELS)
    model[0]._drop_idx_after_grouping = model[0].drop_idx_ = np.array([0, place], dtype=object)
    return model


def _centers() -> Any:
    model = KMeans(3, n_init=1).fit(ROWS)
    model.cluster_centers_ = model.cluster_centers_[:, :1].copy()
    return model


def _halved() -> Any:
    model = BisectingKMeans(2).fit(ROWS)
    model._bisecting_tree.left.center = np.zeros(1)
    return model


def _support() -> Any:
    model = SVC().fit(ROWS, CLASSES)
    total = int(model._n_support.sum())
    model._n_support = np.array([10**6, total - 10**6 - 5, 5], dtype=np.int32)
    return model


def _neighbours() -> Any:
    model = KNeighborsRegressor(3, algorithm="brute").fit(ROWS, ROWS[:, 0])
    model.n_samples_fit_, model.n_neighbors = 10**9, 10**5
    return model


def _against_rest() -> Any:
    model = OneVsRestClassifier(LogisticRegression()).fit(ROWS, CLASSES > 0)
    model.estimators_[0].intercept_ = np.zeros(2)
    return model


def _constant() -> Any:
    """A class that is always there gets a model that answers a constant, here two of them."""
    with pytest.warns(UserWarning, match="present in all"):
        model = OneVsRestClassifier(LogisticRegression()).fit(ROWS, np.column_stack([CLASSES > 0, CLASSES >= 0]))
    model.estimators_[1].y_ = np.array([1, 1])
    return model


def _rounds() -> Any:
    model = GradientBoostingClassifier(n_estimators=2, init="zero").fit(ROWS, CLASSES)
    model.n_trees_per_iteration_ = 1
    return model


def _histograms(known: Any) -> Any:
    boosting = HistGradientBoostingRegressor(max_iter=2, categorical_features=[0])
    model = boosting.fit(CODES, (CODES[:, 0] % 2) * 5 + CODES[:, 1])
    model._bin_mapper.is_categorical_ = np.array(known, dtype=np.uint8)
    return model


def _spline(**parts: Any) -> Any:
    model = _with(SplineTransformer(), ROWS)
    for spline in model[0].bsplines_:
        vars(spline).update(parts)
    return model


#: Each loads without the check, and each answered from foreign memory, or ended the process.
MISPLACED: dict[str, Callable[[], Any]] = {
    "a word in a column far outside": lambda: _words(CountVectorizer, 10**8),
    "a word in a column before the first": lambda: _words(CountVectorizer, -(10**8)),
    "a word in the column of another": lambda: _words(TfidfVectorizer, 0),
    "a word in half a column": lambda: _words(CountVectorizer, 0.5),
    "words in no column": _hashed,
    "levels without columns": lambda: _levels(_n_features_outs=[4, 0]),
    "levels of a group outside": lambda: _levels(_default_to_infrequent_mappings=[np.array([0, 10**8, 1])] * 2),
    "levels of a group before the first": lambda: _levels(_default_to_infrequent_mappings=[np.array([0, -9, 1])] * 2),
    "rare levels without a group": lambda: _levels(_default_to_infrequent_mappings=[None, None]),
    "rare levels that are none": lambda: _levels(_infrequent_indices=[np.array([10**8])] * 2),
    "a dropped level outside": lambda: _dropped(10**6),
    "a dropped level before the first": lambda: _dropped(-5),
    "narrow centers": _centers,
    "a narrow center in a tree": _halved,
    "fewer than no support vectors": _support,
    "more neighbours than rows": _neighbours,
    "two answers where one is compared": _against_rest,
    "two constants where one is compared": _constant,
    "more trees in a round than sums": _rounds,
    "a split by levels of a column of numbers": lambda: _histograms([0, 0]),
    "fewer kinds of columns than columns": lambda: _histograms([1]),
    "a spline of one coefficient": lambda: _spline(_c=np.ones((1, 7))),
    "a spline of a degree that nothing has": lambda: _spline(k=10**6),
    "a spline without order": lambda: _spline(_t=np.array([3.0, 1.0] * 5 + [0.0])),
}


@pytest.mark.parametrize("name", MISPLACED)
def test_what_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    """A stranger's skops file, whose types are all fine, is refused by name while it is read."""
    path = tmp_path / "model.skops"
    skops.io.dump(MISPLACED[name](), path)
    with pytest.raises(ArtifactError) as error:
        get_loader("sklearn").load(path, LoadOptions())
    assert error.value.code in {"missing-parts", "untrusted-types"}
    assert path.name in error.value.message
    assert error.value.hint


def test_steps_in_front_of_another_library_are_looked_at(tmp_path: Path) -> None:
    """One file with a vectorizer and a booster of XGBoost: what is before the booster is checked as a pipeline is."""
    words = CountVectorizer().fit(WORDS)
    table = xgboost.DMatrix(words.transform(WORDS), np.arange(len(WORDS)) % 2)
    path = tmp_path / "model.joblib"
    booster = xgboost.train({"max_depth": 2}, table, 1)
    joblib.dump({"vectorizer": words, "model": booster}, path)
    assert len(get_loader("sklearn").load(path, LoadOptions(allow_pickle=True)).signature.inputs) == 1
    words.vocabulary_["good"] = 10**8
    joblib.dump({"vectorizer": words, "model": booster}, path)
    with pytest.raises(ArtifactError, match="columns of its"):
        get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))


def test_names_of_columns_are_places_too() -> None:
    """A vectorizer of dicts fills a sparse table as one of words does."""
    names = DictVectorizer().fit([{"a": 1.0, "b": 2.0}])
    assert list(misplaced(names)) == []
    names.vocabulary_["a"] = 10**8
    assert list(misplaced(names))


def test_what_fits_is_served(tmp_path: Path) -> None:
    """Grouped and dropped levels, levels of trees, splines and a tree of centers as they were fitted."""
    path = tmp_path / "model.skops"
    boosting = HistGradientBoostingRegressor(max_iter=2, categorical_features=[1]).fit(CODES, CODES[:, 1] % 2)
    grouped = OneHotEncoder(min_frequency=5, drop="if_binary", handle_unknown="infrequent_if_exist")
    for model, rows in (
        (boosting, CODES),
        (BisectingKMeans(3).fit(ROWS), ROWS),
        (_with(SplineTransformer(extrapolation="periodic"), ROWS), ROWS),
        (_with(grouped, LEVELS), LEVELS),
    ):
        skops.io.dump(model, path)
        found = get_loader("sklearn").load(path, LoadOptions()).predict(list(rows.T)).values
        assert np.array_equal(found, model.predict(rows))


def test_one_thread_whatever_machine_trained_it(tmp_path: Path) -> None:
    """K-means keeps how many threads the machine had that trained it; a million of them end a process."""
    model = KMeans(3, n_init=1).fit(ROWS)
    model._n_threads = 10**6
    path = tmp_path / "model.skops"
    skops.io.dump(model, path)
    predictor: Any = get_loader("sklearn").load(path, LoadOptions())
    assert predictor.estimator._n_threads == 1
