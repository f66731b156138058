"""Models of trees in scikit-learn: parts are those of `shap`, and add up to the model's own answer on every row."""

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from foreign.archives import archives, ask, unpack
from sklearn import ensemble, tree
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from explainers.few import some
from explainers.law import explained
from explainers.rows import random_rows
from extras import needs
from gateway.errors import NotExplainable
from gateway.explainers import explainer_for
from gateway.explainers.matrix import matrix_explainer
from gateway.loaders.sklearn import _predictor as predictor_of
from gateway.schema import Output

WIDTH = 6
X, THREE = make_classification(
    300, WIDTH, n_informative=5, n_redundant=0, n_classes=3, n_clusters_per_class=1, flip_y=0.15, random_state=3
)
X *= 40
PAIR = np.where(THREE == 1, "yes", "no")
VALUE = X[:, 0] * 2 + np.abs(X[:, 1]) - X[:, 2] * (X[:, 3] > 0)
GAPS = np.where(np.random.default_rng(4).random(X.shape) < 0.1, np.nan, X)
COUNTS = np.abs(VALUE).round()
WEIGHTS = np.random.default_rng(5).choice([0.0, 0.5, 3.0], len(X))
#: Few trees, so that the tests are quick; the same code runs for many.
FEW: dict[str, Any] = {"n_estimators": 6, "random_state": 0}

#: How to make a model, what it learns, from which rows, and on which scale its parts add up.
MODELS: dict[str, tuple[Any, Any, Any, str]] = {
    "tree": (tree.DecisionTreeRegressor(random_state=0), VALUE, X, "value"),
    "tree of two": (tree.DecisionTreeClassifier(random_state=0), PAIR, X, "probability"),
    "tree with gaps": (tree.DecisionTreeClassifier(max_depth=5), THREE, GAPS, "probability"),
    "extra tree": (tree.ExtraTreeRegressor(random_state=0), VALUE, X, "value"),
    "extra tree of three": (tree.ExtraTreeClassifier(random_state=0), THREE, X, "probability"),
    "lone leaf": (tree.DecisionTreeRegressor(max_depth=1, min_samples_leaf=200), VALUE, X, "value"),
    "forest": (ensemble.RandomForestRegressor(**FEW), VALUE, X, "value"),
    "forest with gaps": (ensemble.RandomForestRegressor(**FEW), VALUE, GAPS, "value"),
    "forest of two": (ensemble.RandomForestClassifier(**FEW), PAIR, X, "probability"),
    "forest of three": (ensemble.RandomForestClassifier(**FEW, max_depth=4), THREE, X, "probability"),
    "extra trees": (ensemble.ExtraTreesRegressor(**FEW), VALUE, X, "value"),
    "extra trees of two": (ensemble.ExtraTreesClassifier(**FEW, class_weight="balanced"), PAIR, X, "probability"),
    "boosting": (ensemble.GradientBoostingRegressor(**FEW), VALUE, X, "value"),
    "boosting from zero": (ensemble.GradientBoostingRegressor(**FEW, init="zero", loss="huber"), VALUE, X, "value"),
    "boosting from a line": (
        ensemble.GradientBoostingRegressor(**FEW, init=LinearRegression()), VALUE, X, "value"
    ),
    "boosting of two": (ensemble.GradientBoostingClassifier(**FEW), PAIR, X, "log-odds"),
    "exponential": (ensemble.GradientBoostingClassifier(**FEW, loss="exponential"), PAIR, X, "log-odds"),
    "boosting of three": (ensemble.GradientBoostingClassifier(**FEW), THREE, X, "margin"),
    "histogram": (ensemble.HistGradientBoostingRegressor(max_iter=6), VALUE, X, "value"),
    "histogram of counts": (ensemble.HistGradientBoostingRegressor(max_iter=6, loss="poisson"), COUNTS, GAPS, "log"),
    "histogram of two": (ensemble.HistGradientBoostingClassifier(max_iter=6), PAIR, GAPS, "log-odds"),
    "histogram of three": (ensemble.HistGradientBoostingClassifier(max_iter=6), THREE, X, "margin"),
    "isolation": (ensemble.IsolationForest(**FEW), None, X, "path-length"),
    "isolation of columns": (ensemble.IsolationForest(**FEW, max_features=0.5, max_samples=64), None, X, "path-length"),
    "bagging": (ensemble.BaggingRegressor(**FEW), VALUE, X, "value"),
    "bagging of columns": (
        ensemble.BaggingClassifier(**FEW, max_features=0.5, bootstrap_features=True), PAIR, X, "probability"
    ),
    "bagging that misses classes": (
        ensemble.BaggingClassifier(**FEW, max_samples=5), THREE, X, "probability"
    ),
    "bagging of forests": (
        ensemble.BaggingClassifier(
            ensemble.RandomForestClassifier(4, random_state=0), 3, max_features=0.5, random_state=0
        ), THREE, X, "probability",
    ),
    "bagging of boosting": (
        ensemble.BaggingRegressor(ensemble.GradientBoostingRegressor(**FEW), 3, random_state=0), VALUE, X, "value"
    ),
    "bagging of lines": (ensemble.BaggingRegressor(Ridge(), **FEW, max_features=0.5), VALUE, X, "value"),
    "votes of trees": (ensemble.AdaBoostClassifier(**FEW), PAIR, X, "log-odds"),
    "votes of deep trees": (
        ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=3), **FEW), THREE, X, "margin"
    ),
    "vote": (
        ensemble.VotingClassifier(
            [("a", ensemble.RandomForestClassifier(**FEW)), ("b", tree.DecisionTreeClassifier(max_depth=4))],
            voting="soft", weights=[1, 3],
        ), PAIR, X, "probability",
    ),
    "mean": (
        ensemble.VotingRegressor([("a", ensemble.RandomForestRegressor(**FEW)), ("b", LinearRegression())]),
        VALUE, X, "value",
    ),
    "behind a scaler": (
        make_pipeline(StandardScaler(), ensemble.RandomForestClassifier(**FEW)), PAIR, X, "probability"
    ),
}  # fmt: skip

#: Models that `shap` explains on another scale, or not at all.
NOT_IN_SHAP = {
    "lone leaf", "boosting from a line", "boosting from zero", "exponential", "boosting of three",
    "histogram of three", "isolation", "isolation of columns", "bagging", "bagging of columns",
    "bagging that misses classes", "bagging of forests", "bagging of boosting", "bagging of lines", "votes of trees",
    "votes of deep trees", "vote", "mean", "behind a scaler",
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Train histograms in one thread: several wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def trained(name: str) -> Any:
    """Return a fitted model of the list."""
    model, target, rows, _ = MODELS[name]
    return model.fit(rows, target)


def loaded(model: Any) -> Any:
    """Return the predictor of a fitted estimator."""
    return predictor_of(Path("model.skops"), model)


#: One of each way in which trees become an answer.
EACH_TIME = (
    "tree with gaps", "lone leaf", "forest of three", "extra trees", "boosting of two", "exponential",
    "histogram of counts", "isolation of columns", "bagging of columns", "votes of deep trees", "vote",
)  # fmt: skip


@pytest.mark.parametrize("name", some(MODELS, EACH_TIME))
def test_parts_add_up(name: str) -> None:
    """On 1,000 random rows, with gaps where the model takes them, the parts add up to the answer of the model itself."""
    predictor = loaded(trained(name))
    rows = random_rows(predictor.signature)
    rows = [np.where(np.arange(1_000) % 2, column, -column) for column in rows]
    found = explained("sklearn", predictor, rows)
    assert found.scale == MODELS[name][3]
    answer = predictor.predict(rows)
    if found.scale == "probability":
        np.testing.assert_allclose(found.margin, answer.probabilities[np.arange(1_000), found.labels])
    if found.scale == "path-length":
        # An outlier is what needs fewer splits than the offset of the model says.
        assert found.margin[answer.values == 0].max(initial=0) < found.margin[answer.values == 1].min()


@pytest.fixture(scope="module")
def shap() -> Any:
    """Return the module; it draws in with matplotlib what that will deprecate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("shap")


@needs("shap")
@pytest.mark.parametrize(
    "name",
    some(
        [name for name in MODELS if name not in NOT_IN_SHAP],
        ("tree with gaps", "forest of three", "boosting", "histogram of two"),
    ),
)
def test_parts_are_those_of_shap(name: str, shap: Any) -> None:
    """Equal to TreeExplainer with path-dependent perturbation, for every output of the model."""
    model, rows = trained(name), MODELS[name][2][:40]
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    expected = explainer.shap_values(rows, check_additivity=False)
    ours = matrix_explainer(model)
    for output in range(ours.outputs):
        place = 1 if expected.ndim == 3 and ours.outputs == 1 else output
        found, base = ours.contributions(rows, output)
        apart = found - (expected[:, :, place] if expected.ndim == 3 else expected)
        # shap holds thresholds and sums of boosting in float32 in places.
        assert np.abs(apart).max() <= 1e-6 * np.abs(expected).max()
        np.testing.assert_allclose(base, np.ravel(explainer.expected_value)[place], rtol=1e-5, atol=1e-6)


@needs("shap")
def test_isolation_is_that_of_shap(shap: Any) -> None:
    """The parts of the mean path length are those of shap for every row."""
    model = trained("isolation")
    expected = shap.TreeExplainer(model).shap_values(X[:40], check_additivity=False)
    np.testing.assert_allclose(matrix_explainer(model).contributions(X[:40], 0)[0], expected, atol=1e-5)


def test_positive_label_turns_the_parts() -> None:
    """Where the registry names the first label, its probability is explained: parts turned, the same law."""
    predictor = loaded(trained("forest of two"))
    rows = random_rows(predictor.signature, 50)
    second = explained("sklearn", predictor, rows)
    output = Output(kind="classification", labels=("no", "yes"), probabilities=True, positive="no")
    first = explained("sklearn", predictor, rows, output)
    np.testing.assert_allclose(first.contributions, -second.contributions)
    np.testing.assert_allclose(first.margin, predictor.predict(rows).probabilities[:, 0])


def test_weight_of_zero_is_no_gap() -> None:
    """Leaves that only rows of weight 0 reached have finite parts."""
    model = ensemble.RandomForestRegressor(**FEW).fit(X, VALUE, sample_weight=WEIGHTS)
    explained("sklearn", loaded(model), random_rows(loaded(model).signature))


def table(rows: int, seed: int) -> pd.DataFrame:
    """Return a frame of numbers and categories, with gaps in both."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": draw.normal(40, 9, rows),
            "city": draw.choice(["rome", "oslo", "bonn", "pisa"], rows),
            "rooms": draw.integers(1, 9, rows).astype(float),
            "kind": draw.choice(["a", "b", "c"], rows),
        }
    )
    frame["city"] = pd.Categorical(frame.city.where(draw.random(rows) > 0.1))
    frame["kind"] = pd.Categorical(frame.kind)
    frame.loc[draw.random(rows) < 0.1, "rooms"] = np.nan
    return frame


def test_categories_of_histogram_boosting() -> None:
    """Categories stand behind numbers in the frame and before them in the trees; each field gets its own parts."""
    frame = table(400, 1)
    target = frame.age + 30 * (frame.city == "oslo") - 20 * (frame.kind == "c") + frame.rooms.fillna(20)
    model = ensemble.HistGradientBoostingRegressor(max_iter=30, categorical_features="from_dtype").fit(frame, target)
    assert model._preprocessor is not None
    predictor = loaded(model)
    assert predictor.signature.names == ("age", "city", "rooms", "kind")
    found = explained("sklearn", predictor, random_rows(predictor.signature))
    assert found.scale == "value"
    ours = matrix_explainer(model)
    rows = table(20, 2)
    parts, base = ours.contributions(rows, 0)
    np.testing.assert_allclose(base + parts.sum(axis=1), model.predict(rows), rtol=1e-9)
    oslo = (rows.city == "oslo").to_numpy()
    assert parts[oslo, 1].min() > parts[~oslo, 1].max()


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "median": (ensemble.AdaBoostRegressor(**FEW), VALUE, "weighted median"),
    "votes of lines": (ensemble.AdaBoostClassifier(LogisticRegression(), **FEW), PAIR, "labels of LogisticRegression"),
    "hard vote": (
        ensemble.VotingClassifier([("a", tree.DecisionTreeClassifier()), ("b", LogisticRegression())]),
        PAIR,
        "counts the labels",
    ),
    "odds in a mean": (ensemble.BaggingClassifier(LogisticRegression(), **FEW), PAIR, "another scale: log-odds"),
    "boosting from a forest": (
        ensemble.GradientBoostingClassifier(**FEW, init=ensemble.RandomForestClassifier(**FEW)), PAIR, "starts from"
    ),
    "several values": (ensemble.RandomForestRegressor(**FEW), np.c_[VALUE, VALUE], "several values"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_no_sum_is_refused_by_name(name: str) -> None:
    """What does not add up its trees is refused with the reason and with what would be explained."""
    model, target, reason = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predictor = loaded(model.fit(X, target))
    with pytest.raises(NotExplainable, match=reason) as caught:
        explainer_for("sklearn", predictor, predictor.signature.output)
    assert caught.value.hint


@pytest.mark.slow  # the import takes seconds
@needs("imblearn")
def test_models_of_imbalanced_learn() -> None:
    """Its ensembles of trees add up as those of scikit-learn do; one that averages boosted votes is refused."""
    imbalanced = importlib.import_module("imblearn.ensemble")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in (
            imbalanced.BalancedRandomForestClassifier(**FEW),
            imbalanced.BalancedBaggingClassifier(**FEW),
            imbalanced.RUSBoostClassifier(**FEW),
        ):
            predictor = loaded(model.fit(X, PAIR))
            explained("sklearn", predictor, random_rows(predictor.signature, 200))
        easy = loaded(imbalanced.EasyEnsembleClassifier(2, ensemble.AdaBoostClassifier(**FEW)).fit(X, PAIR))
    with pytest.raises(NotExplainable, match="another scale"):
        explainer_for("sklearn", easy, easy.signature.output)


#: Models of trees as scikit-learn 0.20 wrote them.
OLD = {"tree_regressor", "extra_tree_regressor", "forest", "boosting", "isolation"}


def test_models_of_old_versions(tmp_path: Path) -> None:
    """What 0.20 wrote is explained as the installed version answers it."""
    seen = set()
    for artifact in unpack(archives()[0], tmp_path):
        name = artifact.path.stem
        if name in seen or not any(name.startswith(part) for part in OLD):
            continue
        predictor: Any = ask(artifact)[1]
        if predictor is None or predictor.signature.output.kind.startswith("multi"):
            continue
        seen.add(name)
        explained("sklearn", predictor, random_rows(predictor.signature, 100))
    assert len(seen) >= 4
