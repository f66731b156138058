"""Pipelines of scikit-learn: every part belongs to the right field, and the parts add up to the model's own answer."""

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import xgboost
from sklearn import linear_model as linear
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import BaggingRegressor, VotingRegressor
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from compilers.cases import FRAME, HOLES, LEVELS, MATRIX, NOTES, NUMBERS, PAIR, SKLEARN, THREE, VALUE, columns
from explainers.few import some
from explainers.law import explained
from explainers.rows import random_rows
from gateway.errors import NotExplainable
from gateway.explainers import explainer_for
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.sklearn import _predictor as predictor_of
from gateway.schema import Output

ROOT = Path(__file__).resolve().parents[2]

#: Pipelines that the compilers are tested with and that are additive.
PIPELINES = (
    "ridge-filled", "ols-infrequent", "poisson", "logistic-holes", "logistic-three", "margins-three", "discriminant",
    "target-encoded", "chosen", "text-and-columns", "tfidf-complement", "bernoulli", "characters", "searched", "bins",
    "one-against-rest", "xgboost-inside", "constant-column", "own-tokens",
)  # fmt: skip

#: Models of numbers: how to make them, and what is to be learnt.
MODELS: dict[str, tuple[Any, Any, str]] = {
    "lasso": (linear.Lasso(), VALUE, "value"),
    "elastic net": (linear.ElasticNet(), VALUE, "value"),
    "huber": (linear.HuberRegressor(), VALUE, "value"),
    "gamma": (make_pipeline(StandardScaler(), linear.GammaRegressor()), VALUE.abs() + 1, "log"),
    "tweedie": (make_pipeline(StandardScaler(), linear.TweedieRegressor(power=1.5)), VALUE.abs() + 1, "log"),
    "tweedie, identity": (make_pipeline(StandardScaler(), linear.TweedieRegressor(power=0)), VALUE, "value"),
    "support vectors": (make_pipeline(StandardScaler(), SVR(kernel="linear")), VALUE, "value"),
    "linear support vectors": (make_pipeline(StandardScaler(), LinearSVR()), VALUE, "value"),
    "kernel of two classes": (make_pipeline(StandardScaler(), SVC(kernel="linear")), PAIR, "margin"),
    "margins": (make_pipeline(StandardScaler(), LinearSVC()), PAIR, "margin"),
    "ridge of classes": (linear.RidgeClassifier(), PAIR, "margin"),
    "sgd": (make_pipeline(StandardScaler(), linear.SGDClassifier(loss="log_loss")), PAIR, "log-odds"),
    "sgd of three": (make_pipeline(StandardScaler(), linear.SGDClassifier(loss="log_loss")), THREE, "margin"),
    "perceptron": (make_pipeline(StandardScaler(), linear.Perceptron()), THREE, "margin"),
    "discriminant of three": (LinearDiscriminantAnalysis(), THREE, "margin"),
    "gaussian": (GaussianNB(), PAIR, "log-odds"),
    "gaussian of three": (GaussianNB(), THREE, "margin"),
    "counts of three": (MultinomialNB(), THREE, "margin"),
    "complement of three": (ComplementNB(), THREE, "margin"),
    "presence of three": (BernoulliNB(binarize=30.0), THREE, "margin"),
    "categories": (make_pipeline(KBinsDiscretizer(4, encode="ordinal"), CategoricalNB()), THREE, "margin"),
    "rest": (OneVsRestClassifier(linear.LogisticRegression(max_iter=2000)), THREE, "margin"),
    "threshold": (FixedThresholdClassifier(linear.LogisticRegression(max_iter=2000)), PAIR, "log-odds"),
    "splines": (make_pipeline(SplineTransformer(), linear.Ridge()), VALUE, "value"),
    "scaled target": (
        make_pipeline(
            StandardScaler(), TransformedTargetRegressor(linear.Ridge(), transformer=MinMaxScaler((1, 2)))
        ),
        VALUE,
        "value",
    ),
    "logarithm of the target": (
        TransformedTargetRegressor(linear.Ridge(), func=np.log, inverse_func=np.exp), VALUE.abs() + 1, "log"
    ),
}  # fmt: skip


def loaded(model: Any) -> Any:
    """Return the predictor of a fitted estimator."""
    return predictor_of(Path("model.skops"), model)


@cache
def case(name: str) -> Any:
    """Return the predictor of one of the compilers' pipelines."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return loaded(SKLEARN[name].make())


def fitted(model: Any, rows: Any, target: Any) -> Any:
    """Return the predictor of an estimator after training."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return loaded(model.fit(rows, target))


@pytest.mark.parametrize(
    "name", some(PIPELINES, ("logistic-three", "target-encoded", "text-and-columns", "xgboost-inside", "own-tokens"))
)
def test_the_parts_of_a_pipeline_add_up(name: str) -> None:
    """1,000 rows with gaps and unknown words, through encoders, scalers, imputers and unions."""
    predictor = case(name)
    explained("sklearn", predictor, random_rows(predictor.signature))


@pytest.mark.parametrize(
    "name",
    some(
        MODELS,
        (
            "lasso",
            "tweedie",
            "kernel of two classes",
            "sgd of three",
            "gaussian of three",
            "complement of three",
            "categories",
            "rest",
            "logarithm of the target",
        ),
    ),
)
def test_the_parts_of_a_model_add_up(name: str) -> None:
    """1,000 rows for each linear or additive family, on the scale that its link says."""
    model, target, scale = MODELS[name]
    predictor = fitted(model, MATRIX, target)
    found = explained("sklearn", predictor, random_rows(predictor.signature))
    assert found.scale == scale


@pytest.mark.parametrize(
    "model", [linear.Ridge(), linear.LogisticRegression(max_iter=2000), LinearSVC(), GaussianNB(), BernoulliNB()]
)
def test_a_model_that_was_fitted_on_a_frame_is_explained(model: Any) -> None:
    """Without any step in front of it the model itself takes the frame; each number is its field's."""
    predictor = fitted(model, FRAME[NUMBERS], VALUE if isinstance(model, linear.Ridge) else PAIR)
    assert predictor.signature.names == tuple(NUMBERS)
    explained("sklearn", predictor, random_rows(predictor.signature, 100))


@pytest.mark.parametrize("positive", ["no", "yes"])
def test_the_positive_label_is_explained(positive: str) -> None:
    """The sign of all parts turns with the label that a route calls positive."""
    predictor = fitted(linear.LogisticRegression(max_iter=2000), MATRIX, PAIR)
    output = Output(kind="classification", labels=("no", "yes"), probabilities=True, positive=positive)
    found = explained("sklearn", predictor, random_rows(predictor.signature, 50), output)
    own = explained("sklearn", predictor, random_rows(predictor.signature, 50))
    sign = 1 if positive == "yes" else -1
    assert np.array_equal(found.contributions, sign * own.contributions)
    assert np.array_equal(found.base, sign * own.base)


@pytest.mark.parametrize("name", ["ridge-filled", "logistic-holes", "target-encoded", "ols-infrequent", "chosen"])
def test_a_field_moves_its_own_part_only(name: str) -> None:
    """Of an additive model: another value of one field changes that field's contribution and no other."""
    predictor = case(name)
    rows, others = (random_rows(predictor.signature, 200, seed) for seed in (1, 2))
    explainer = explainer_for("sklearn", predictor, predictor.signature.output)
    before = explainer.explain(rows).contributions
    moved = set()
    for place in range(len(rows)):
        after = explainer.explain([*rows[:place], others[place], *rows[place + 1 :]]).contributions
        changed = set(np.flatnonzero((before != after).any(axis=0)).tolist())
        assert changed <= {place}
        moved |= changed
    assert len(moved) >= 2


_TEXTS = make_pipeline(CountVectorizer(), TfidfTransformer())
_STEPS: dict[str, Callable[[], Any]] = {
    "columns, holes": lambda: columns(holes=True),
    "levels, dropped": lambda: make_column_transformer(
        (OneHotEncoder(drop="first", min_frequency=40), LEVELS), remainder="passthrough"
    ),
    "codes": lambda: make_column_transformer((OrdinalEncoder(), LEVELS), (KBinsDiscretizer(3), NUMBERS)),
    "curves": lambda: make_column_transformer(
        (SplineTransformer(include_bias=False), NUMBERS), (PowerTransformer(), NUMBERS), remainder="drop"
    ),
    "quantiles": lambda: make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), QuantileTransformer(n_quantiles=10)), NUMBERS)
    ),
    "union": lambda: make_column_transformer(
        (FeatureUnion([("a", StandardScaler()), ("b", "passthrough"), ("c", "drop")]), NUMBERS),
        (_TEXTS, "note"),
        (HashingVectorizer(n_features=32), "note"),
        (make_pipeline(CountVectorizer(), TruncatedSVD(2)), "note"),
    ),
}


@pytest.mark.parametrize("name", _STEPS)
def test_columns_belong_to_the_field_that_moves_them(name: str) -> None:
    """The steps themselves say which columns change with a field: those that are its own, each of them at some value."""
    frame = HOLES if "holes" in name or name == "quantiles" else FRAME
    if name in {"levels, dropped"}:
        frame = frame.drop(columns="note")
    front = _STEPS[name]()
    predictor = fitted(make_pipeline(front, linear.Ridge()), frame, VALUE)
    explainer: Any = explainer_for("sklearn", predictor, predictor.signature.output)
    names = predictor.signature.names
    owners = np.full(front.transform(frame[:1]).shape[1], -1)
    for field, places in explainer._fields.places.items():
        owners[places] = field
    moving = np.zeros((len(names), len(owners)), dtype=bool)
    table = _dense(front.transform(frame))
    for place, field in enumerate(names):
        other = frame.copy()
        other[field] = frame[field].to_numpy()[::-1]
        moving[place] = (_dense(front.transform(other)) != table).any(axis=0)
    assert (moving.sum(axis=0) <= 1).all()
    assert np.array_equal(np.where(moving.any(axis=0), moving.argmax(axis=0), owners), owners)
    assert moving.any(axis=0).mean() > 0.5


def _dense(found: Any) -> Any:
    return np.nan_to_num(found.toarray() if hasattr(found, "toarray") else found, nan=-1e9)


def test_dicts_are_followed_by_name() -> None:
    """DictVectorizer makes a column for each level; they are one field."""
    rows = [{"plan": plan, "months": float(months)} for plan, months in zip(FRAME.region, FRAME.rooms, strict=True)]
    predictor = fitted(make_pipeline(DictVectorizer(), linear.LogisticRegression()), rows, PAIR)
    found = explained("sklearn", predictor, random_rows(predictor.signature, 100))
    model = predictor.estimator[-1]
    months = predictor.signature.names.index("months")
    column = predictor.estimator[0].feature_names_.index("months")
    columns = random_rows(predictor.signature, 100)
    assert np.allclose(found.contributions[:, months], columns[months] * model.coef_[0, column], rtol=1e-12)


def test_many_words_are_explained_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are explained some at a time, so that the table of all words does not fill the memory."""
    predictor = case("text-and-columns")
    rows = random_rows(predictor.signature, 50)
    whole = explained("sklearn", predictor, rows)
    monkeypatch.setattr("gateway.explainers.sklearn._CELLS", 100)
    parts = explained("sklearn", predictor, rows)
    assert np.allclose(parts.contributions, whole.contributions, rtol=1e-12)
    assert parts.tokens == whole.tokens


def test_tokens_are_weight_times_coefficient() -> None:
    """The film reviews of this repository: each word's part, computed by hand, adds up to the part of the text."""
    predictor: Any = get_loader("sklearn").load(ROOT / "models/sentiment/model.skops", LoadOptions())
    text = "a moving film with a wonderful cast, boring in no scene"
    found = explained("sklearn", predictor, [np.array([text, "", "zzzz"], dtype=object)])
    words, model = predictor.estimator
    weights = words.transform([text]).toarray()[0]
    vocabulary = words.get_feature_names_out()
    expected = {str(vocabulary[i]): weights[i] * model.coef_[0, i] for i in np.flatnonzero(weights)}
    tokens = found.tokens[0][0]
    assert dict(tokens) == pytest.approx(expected, rel=1e-12)
    assert sum(amount for _, amount in tokens) == pytest.approx(found.contributions[0, 0], rel=1e-12)
    assert [abs(amount) for _, amount in tokens] == sorted((abs(amount) for _, amount in tokens), reverse=True)
    assert found.tokens[0][1:] == [[], []]
    assert found.base == pytest.approx([model.intercept_[0]] * 3)


def test_the_earnings_of_this_repository_are_explained() -> None:
    """Levels, gaps, scaled numbers and marks are summed back to the eight fields of the route."""
    predictor = get_loader("sklearn").load(ROOT / "models/earnings/model.skops", LoadOptions())
    found = explained("sklearn", predictor, random_rows(predictor.signature))
    assert found.scale == "value"
    assert (np.abs(found.contributions).sum(axis=0) > 0).all()


def test_terms_are_those_of_shap() -> None:
    """The independent implementation, with the same reference, says the same of every field."""
    shap = pytest.importorskip("shap")
    predictor = fitted(linear.LogisticRegression(max_iter=2000), MATRIX, PAIR)
    rows = random_rows(predictor.signature, 100)
    found = explained("sklearn", predictor, rows)
    theirs = shap.LinearExplainer(predictor.estimator, np.zeros((1, MATRIX.shape[1])))
    assert np.allclose(found.contributions, theirs.shap_values(np.column_stack(rows)), rtol=1e-9)
    assert np.allclose(found.base, theirs.expected_value, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "reason", "instead"),
    [
        ("projected", "TruncatedSVD makes a column of several fields", "columns of one field"),
        ("pca-whitened", "PCA makes a column of several fields at once .x0, x1, x2.", "one field alone"),
        ("polynomial", "PolynomialFeatures makes a column of several fields", "SplineTransformer"),
        ("gaussian", "Normalizer makes a column of several fields", "StandardScaler"),
        ("iterative", "IterativeImputer makes a column of several fields", "SimpleImputer"),
        ("neighbour-imputer", "KNNImputer makes a column of several fields", "SimpleImputer"),
        ("calibrated", "a calibration bends the scores", "the model that was calibrated"),
        ("stacking", "a stack answers from the answers", "one of its models"),
        ("network", "neural network mix", "trees"),
        ("kernel", "kernel 'rbf' of its SVC", "kernel='linear'"),
        ("neighbours", "nearest rows", "trees"),
        ("logged-target", "bent by expm1", "inverse_func=np.exp"),
        ("two-outputs", "several values", "of its own"),
    ],
)
def test_what_mixes_fields_is_refused_by_name(name: str, reason: str, instead: str) -> None:
    """The reason names the step and the fields, the hint what would be explained."""
    predictor = case(name)
    with pytest.raises(NotExplainable, match=reason) as refusal:
        explainer_for("sklearn", predictor, predictor.signature.output)
    assert instead in str(refusal.value.hint)


@pytest.mark.parametrize("model", ["bagging", "voting"])
def test_pipelines_inside_of_ensembles_are_followed(model: str) -> None:
    """Each member codes the columns for itself; their parts are averaged by field."""
    member = make_pipeline(SplineTransformer(n_knots=4), StandardScaler(), linear.Ridge())
    ensembles = {
        "bagging": BaggingRegressor(member, 5, max_features=2, random_state=0),
        "voting": VotingRegressor([("a", member), ("b", linear.Ridge())], weights=[2, 1]),
    }
    predictor = fitted(ensembles[model], MATRIX, VALUE)
    found = explained("sklearn", predictor, random_rows(predictor.signature, 100))
    assert found.contributions.any(axis=0).all()


def test_steps_before_a_model_of_another_library_are_followed(tmp_path: Path) -> None:
    """A dict of an encoder and a Booster is one model: its levels are one field."""
    encoder = columns().fit(FRAME[[*NUMBERS, *LEVELS]])
    rows = encoder.transform(FRAME[[*NUMBERS, *LEVELS]])
    booster = xgboost.train({"max_depth": 3}, xgboost.DMatrix(rows, VALUE), 5)
    path = tmp_path / "model.joblib"
    joblib.dump({"encoder": encoder, "model": booster}, path)
    predictor = get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))
    found = explained("sklearn", predictor, random_rows(predictor.signature))
    assert found.contributions[:, : len(NUMBERS) + 1].any(axis=0).all()
    own = booster.predict(xgboost.DMatrix(encoder.transform(FRAME[[*NUMBERS, *LEVELS]])), pred_contribs=True)
    asked = explained("sklearn", predictor, [FRAME[name].to_numpy() for name in predictor.signature.names])
    levels = [name.split("_")[0] for name in encoder.named_transformers_["onehotencoder"].get_feature_names_out()]
    region = [len(NUMBERS) + place for place, name in enumerate(levels) if name == "region"]
    place = predictor.signature.names.index("region")
    assert np.allclose(asked.contributions[:, place], own[:, region].sum(axis=1), rtol=1e-5, atol=1e-4)


def test_a_projection_of_one_field_is_that_field() -> None:
    """Topics of a text mix its words only, so that they are explained, without tokens."""
    topics = make_pipeline(CountVectorizer(), TruncatedSVD(2), linear.LogisticRegression())
    predictor = fitted(topics, NOTES, PAIR)
    found = explained("sklearn", predictor, random_rows(predictor.signature, 50))
    assert found.contributions.any()
    assert found.tokens == {}
