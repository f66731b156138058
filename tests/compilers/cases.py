"""Fitted pipelines of every kind that the compilers know, or must decline, with what is expected of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from sklearn import linear_model as linear
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - the class is not importable without
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

ROWS = 240
NUMBERS = ["age", "income", "rooms"]
LEVELS = ["region", "degree"]
_DRAW = np.random.default_rng(5)

FRAME = pd.DataFrame(
    {
        "age": _DRAW.integers(18, 90, ROWS).astype(float),
        "income": _DRAW.normal(30_000, 9_000, ROWS),
        "rooms": _DRAW.integers(1, 6, ROWS).astype(float),
        "region": pd.Series(_DRAW.choice(["east", "north", "söuth", "west"], ROWS), dtype=object),
        "degree": pd.Series(_DRAW.choice(["none", "master", "doctor"], ROWS, p=[0.6, 0.3, 0.1]), dtype=object),
        "note": pd.Series(
            _DRAW.choice(["a good film", "a bad, bad film", "so so", "École größer 映画", "don't see it"], ROWS),
            dtype=object,
        ),
    }
)
HOLES = FRAME.copy()
HOLES.loc[::5, "income"] = np.nan
HOLES.loc[::7, "degree"] = np.nan
VALUE = (
    FRAME.age * 100 + FRAME.income / 50 + FRAME.rooms * 200 + (FRAME.region == "east") * 900 + _DRAW.normal(0, 60, ROWS)
)
PAIR = np.where(VALUE + _DRAW.normal(0, 700, ROWS) > VALUE.median(), "yes", "no")
THREE = np.digitize(VALUE + _DRAW.normal(0, 700, ROWS), np.quantile(VALUE, [0.33, 0.66]))
MATRIX = FRAME[NUMBERS].to_numpy()
GAPS = HOLES[NUMBERS].to_numpy()
NOTES = FRAME.note
WORDS = pd.Series(
    [
        " ".join(
            _DRAW.choice(
                [
                    "a",
                    "good",
                    "bad",
                    "film",
                    "École",
                    "straße",
                    "映画",
                    "not",
                    "the",
                    "plot",
                    "was",
                    "dull",
                    "don't",
                    "x1",
                ],
                9,
            )
        )
        for _ in range(ROWS)
    ]
)


@dataclass(frozen=True)
class Case:
    """Say how to make an estimator, and what becomes of it: the runtime of its compiled model, or why there is none."""

    make: Callable[[], Any]
    runtime: str = ""
    declined: str = ""


def columns(*, holes: bool = False) -> ColumnTransformer:
    """Return an unfitted encoder of all columns but the text."""
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()) if holes else StandardScaler()
    return make_column_transformer((numbers, NUMBERS), (OneHotEncoder(handle_unknown="ignore"), LEVELS))


def _filled() -> ColumnTransformer:
    """Return the traps of the earnings pipeline: constant imputers per branch, a mark at a threshold."""
    levels = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(handle_unknown="ignore")
    )
    marks = FeatureUnion([("scaled", StandardScaler()), ("known", Binarizer(threshold=2.0))])
    numbers = make_pipeline(SimpleImputer(strategy="constant", fill_value=0.0), marks)
    return ColumnTransformer([("l", levels, LEVELS), ("n", numbers, NUMBERS)])


def _frequent() -> ColumnTransformer:
    encoder = OneHotEncoder(drop="if_binary", min_frequency=30, handle_unknown="infrequent_if_exist")
    return make_column_transformer((encoder, LEVELS), (MinMaxScaler(clip=True), NUMBERS))


def _ordinal() -> ColumnTransformer:
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    return make_column_transformer((codes, LEVELS), remainder="passthrough")


def _mixed() -> ColumnTransformer:
    return make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), RobustScaler()), NUMBERS),
        (OneHotEncoder(handle_unknown="ignore"), LEVELS),
        (TfidfVectorizer(strip_accents="unicode", ngram_range=(1, 2), sublinear_tf=True), "note"),
    )


def _tabular(model: Any, front: Any, target: Any, frame: pd.DataFrame = FRAME) -> Callable[[], Any]:
    return lambda: make_pipeline(front, model).fit(frame.drop(columns="note"), target)


def _plain(model: Any, target: Any, rows: Any = MATRIX) -> Callable[[], Any]:
    return lambda: model.fit(rows, target)


def _texts(*steps: Any, texts: Any = WORDS) -> Callable[[], Any]:
    return lambda: make_pipeline(*steps).fit(texts, PAIR)


_two = np.column_stack([VALUE, FRAME.age])

SKLEARN: dict[str, Case] = {
    # sums over columns
    "ridge-filled": Case(_tabular(linear.Ridge(), _filled(), VALUE, HOLES), "additive"),
    "ols-infrequent": Case(_tabular(linear.LinearRegression(), _frequent(), VALUE), "matrix"),
    "two-outputs": Case(_tabular(linear.Ridge(), columns(), _two), "additive"),
    "poisson": Case(_tabular(linear.PoissonRegressor(), columns(), VALUE / 1000 + 9), "additive"),
    "logistic-holes": Case(_tabular(linear.LogisticRegression(), columns(holes=True), PAIR, HOLES), "additive"),
    "logistic-three": Case(_tabular(linear.LogisticRegression(), columns(), THREE), "additive"),
    "sgd-huber": Case(
        _tabular(linear.SGDClassifier(loss="modified_huber", random_state=0), columns(), THREE), "additive"
    ),
    "margins-only": Case(_tabular(LinearSVC(random_state=0), columns(), PAIR), "additive"),
    "margins-three": Case(_tabular(linear.RidgeClassifier(), columns(), THREE), "additive"),
    "discriminant": Case(
        _tabular(LinearDiscriminantAnalysis(), StandardScaler().set_output(), PAIR, FRAME[[*NUMBERS, "note"]]),
        "additive",
    ),
    "target-encoded": Case(
        _tabular(linear.Lasso(), make_column_transformer((TargetEncoder(random_state=0), LEVELS)), VALUE), "additive"
    ),
    "projected": Case(
        lambda: make_pipeline(columns(), TruncatedSVD(3, random_state=0), linear.Ridge()).fit(FRAME, VALUE), "additive"
    ),
    "pca-whitened": Case(
        _plain(make_pipeline(StandardScaler(), PCA(2, whiten=True), linear.LogisticRegression()), PAIR), "additive"
    ),
    "chosen": Case(
        _tabular(linear.Ridge(), make_pipeline(columns(), SelectKBest(f_regression, k=4)), VALUE), "additive"
    ),
    "calibrated": Case(_tabular(CalibratedClassifierCV(LinearSVC(random_state=0), cv=3), columns(), PAIR), "additive"),
    "calibrated-three": Case(
        _tabular(CalibratedClassifierCV(LinearSVC(random_state=0), method="isotonic", cv=3), columns(), THREE),
        "additive",
    ),
    "text-and-columns": Case(
        lambda: make_pipeline(_mixed(), linear.LogisticRegression()).fit(HOLES.assign(degree=FRAME.degree), PAIR),
        "additive",
    ),
    # texts
    "tfidf-logistic": Case(
        _texts(TfidfVectorizer(sublinear_tf=True, norm="l1", stop_words="english"), linear.LogisticRegression()),
        "additive",
    ),
    "counts-bayes": Case(_texts(CountVectorizer(ngram_range=(1, 3)), MultinomialNB()), "additive"),
    "tfidf-complement": Case(_texts(CountVectorizer(), TfidfTransformer(smooth_idf=False), ComplementNB()), "additive"),
    "bernoulli": Case(_texts(TfidfVectorizer(binary=True, strip_accents="ascii"), BernoulliNB()), "additive"),
    "characters": Case(
        _texts(
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), lowercase=False),
            linear.SGDClassifier(loss="log_loss", random_state=0),
        ),
        "additive",
    ),
    "all-characters": Case(
        _texts(TfidfVectorizer(analyzer="char", ngram_range=(1, 3)), LinearSVC(random_state=0)), "additive"
    ),
    "text-calibrated": Case(
        _texts(TfidfVectorizer(), CalibratedClassifierCV(LinearSVC(random_state=0), cv=3)), "additive"
    ),
    "text-pattern": Case(
        _texts(CountVectorizer(token_pattern=r"(?u)\b(\w)\w*"), linear.LogisticRegression()), "additive"
    ),
    # matrices
    "forest": Case(_plain(RandomForestClassifier(12, max_depth=6, random_state=1), PAIR), "matrix"),
    "forest-three": Case(_tabular(RandomForestClassifier(9, random_state=1), columns(), THREE), "matrix"),
    "forest-two-outputs": Case(_plain(RandomForestRegressor(8, max_depth=5, random_state=1), _two), "matrix"),
    "forest-gaps": Case(_plain(RandomForestRegressor(8, max_depth=5, random_state=1), VALUE, GAPS), "matrix"),
    "extra-trees": Case(
        _tabular(ExtraTreesRegressor(9, random_state=1), _ordinal(), VALUE, HOLES.assign(income=FRAME.income)), "matrix"
    ),
    "tree": Case(_plain(DecisionTreeClassifier(random_state=1), THREE), "matrix"),
    "boosting": Case(_plain(GradientBoostingClassifier(n_estimators=15, random_state=1), PAIR), "matrix"),
    "boosting-three": Case(_plain(GradientBoostingClassifier(n_estimators=8, random_state=1), THREE), "matrix"),
    "boosting-value": Case(_tabular(GradientBoostingRegressor(n_estimators=15), columns(), VALUE), "matrix"),
    "boosting-exponential": Case(
        _plain(GradientBoostingClassifier(loss="exponential", n_estimators=9), PAIR), "matrix"
    ),
    "histogram": Case(_plain(HistGradientBoostingClassifier(max_iter=12), PAIR, GAPS), "matrix"),
    "histogram-three": Case(_plain(HistGradientBoostingClassifier(max_iter=6), THREE, GAPS), "matrix"),
    "histogram-gamma": Case(_plain(HistGradientBoostingRegressor(loss="gamma", max_iter=12), VALUE, GAPS), "matrix"),
    "voting": Case(
        _plain(
            VotingClassifier(
                [
                    ("a", make_pipeline(StandardScaler(), linear.LogisticRegression())),
                    ("b", RandomForestClassifier(5, random_state=0)),
                    ("c", GaussianNB()),
                ],
                voting="soft",
                weights=[1, 2, 1],
            ),
            PAIR,
        ),
        "matrix",
    ),
    "voting-value": Case(
        _plain(VotingRegressor([("a", linear.Ridge()), ("b", DecisionTreeRegressor(max_depth=4))]), VALUE), "matrix"
    ),
    "stacking": Case(
        _plain(
            StackingRegressor([("a", linear.Ridge()), ("b", DecisionTreeRegressor(max_depth=4, random_state=0))], cv=3),
            VALUE,
        ),
        "matrix",
    ),
    "bagging": Case(
        _plain(BaggingClassifier(DecisionTreeClassifier(max_depth=3), 6, max_features=2, random_state=0), PAIR),
        "matrix",
    ),
    "calibrated-forest": Case(
        _plain(CalibratedClassifierCV(RandomForestClassifier(5, random_state=0), cv=3), PAIR), "matrix"
    ),
    "gaussian": Case(_plain(make_pipeline(Normalizer(), GaussianNB()), THREE), "matrix"),
    "network": Case(
        _tabular(MLPClassifier(hidden_layer_sizes=(8,), max_iter=30, random_state=0), columns(), THREE), "matrix"
    ),
    "network-value": Case(
        _tabular(
            MLPRegressor(hidden_layer_sizes=(6, 4), activation="tanh", max_iter=30, random_state=0), columns(), VALUE
        ),
        "matrix",
    ),
    "polynomial": Case(_plain(make_pipeline(StandardScaler(), PolynomialFeatures(2), linear.Ridge()), VALUE), "matrix"),
    "logarithm": Case(
        _plain(make_pipeline(FunctionTransformer(np.abs), FunctionTransformer(np.log1p), linear.Ridge()), VALUE),
        "matrix",
    ),
    "several-regressors": Case(_plain(MultiOutputRegressor(GradientBoostingRegressor(n_estimators=5)), _two), "matrix"),
    "xgboost-inside": Case(_tabular(xgboost.XGBRegressor(n_estimators=9), columns(), VALUE), "matrix"),
    "number-levels": Case(
        _plain(
            make_pipeline(OneHotEncoder(handle_unknown="ignore"), linear.Ridge()), VALUE, MATRIX[:, [0, 2]].astype(int)
        ),
        "additive",
    ),
    "strict-levels": Case(
        _tabular(linear.Ridge(), make_column_transformer((OneHotEncoder(), LEVELS)), VALUE, HOLES), "additive"
    ),
    "levels-forest": Case(
        _tabular(RandomForestRegressor(6, max_depth=5, random_state=0), _filled(), VALUE, HOLES), "matrix"
    ),
    "searched": Case(
        _plain(GridSearchCV(make_pipeline(MaxAbsScaler(), linear.Ridge()), {"ridge__alpha": [0.1, 1.0]}), VALUE),
        "additive",
    ),
    "one-against-rest": Case(_plain(OneVsRestClassifier(linear.LogisticRegression()), THREE), "additive"),
    "logged-target": Case(
        _plain(TransformedTargetRegressor(linear.Ridge(), func=np.log1p, inverse_func=np.expm1), VALUE + 5_000),
        "additive",
    ),
    "stacked-classes": Case(
        _plain(StackingClassifier([("a", GaussianNB()), ("b", DecisionTreeClassifier(max_depth=3))], cv=3), THREE),
        "matrix",
    ),
    "isotonic": Case(_plain(CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=3), PAIR), "matrix"),
    "boosted-classes": Case(_plain(xgboost.XGBClassifier(n_estimators=6, n_jobs=1), THREE, GAPS), "matrix"),
    "dropped-variance": Case(
        _plain(make_pipeline(VarianceThreshold(5.0), linear.LinearRegression()), VALUE), "additive"
    ),
    "constant-column": Case(
        _plain(
            make_pipeline(SimpleImputer(), StandardScaler(), linear.Ridge()),
            VALUE,
            np.column_stack([MATRIX, GAPS[:, 0] * 0]),
        ),
        "additive",
    ),
    # declined
    "categories": Case(
        lambda: HistGradientBoostingRegressor(categorical_features=[2], max_iter=4).fit(MATRIX, VALUE),
        declined="categorical",
    ),
    "iterative": Case(
        _plain(make_pipeline(IterativeImputer(max_iter=2), linear.Ridge()), VALUE, GAPS), declined="IterativeImputer"
    ),
    "several-labels": Case(
        _plain(
            MultiOutputClassifier(linear.LogisticRegression()), np.column_stack([PAIR == "yes", THREE == 1]).astype(int)
        ),
        declined="multi_label|not known",
    ),
    "kernel": Case(_plain(make_pipeline(StandardScaler(), SVC()), PAIR), declined="SVC"),
    "neighbours": Case(_plain(KNeighborsClassifier(), PAIR), declined="KNeighborsClassifier"),
    "neighbour-imputer": Case(_plain(make_pipeline(KNNImputer(), linear.Ridge()), VALUE, GAPS), declined="KNNImputer"),
    "bins": Case(
        _plain(make_pipeline(KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), linear.Ridge()), VALUE),
        declined="KBinsDiscretizer",
    ),
    "own-tokens": Case(
        _texts(TfidfVectorizer(tokenizer=str.split, token_pattern=None), linear.LogisticRegression()),
        declined="tokenizer",
    ),
    "own-function": Case(_plain(make_pipeline(FunctionTransformer(np.cbrt), linear.Ridge()), VALUE), declined="code"),
    "text-forest": Case(_texts(TfidfVectorizer(), RandomForestClassifier(5)), declined="text in front"),
    "hard-vote": Case(
        _plain(VotingClassifier([("a", GaussianNB()), ("b", linear.RidgeClassifier())]), PAIR), declined="not known"
    ),
}


def _levels_frame() -> pd.DataFrame:
    return FRAME[["age", "rooms"]].assign(
        region=FRAME.region.replace("söuth", "south").astype("category"), degree=FRAME.degree.astype("category")
    )


def _stopped() -> Any:
    model = xgboost.XGBClassifier(n_estimators=80, early_stopping_rounds=3, learning_rate=0.5, n_jobs=1)
    code = (PAIR == "yes").astype(int)
    return model.fit(GAPS[:160], code[:160], eval_set=[(GAPS[160:], code[160:])], verbose=False)


XGBOOST: dict[str, Case] = {
    "pair": Case(lambda: xgboost.XGBClassifier(n_estimators=20, n_jobs=1).fit(GAPS, PAIR == "yes"), "matrix"),
    "stopped": Case(_stopped, "matrix"),
    "three": Case(lambda: xgboost.XGBClassifier(n_estimators=9, n_jobs=1).fit(GAPS, THREE), "matrix"),
    "value": Case(lambda: xgboost.XGBRegressor(n_estimators=20, n_jobs=1).fit(GAPS, VALUE), "matrix"),
    "dart": Case(
        lambda: xgboost.XGBRegressor(booster="dart", rate_drop=0.3, n_estimators=9).fit(GAPS, VALUE), "matrix"
    ),
    "parallel": Case(lambda: xgboost.XGBRFRegressor(n_estimators=7, n_jobs=1).fit(GAPS, VALUE), "matrix"),
    "counts": Case(
        lambda: xgboost.XGBRegressor(objective="count:poisson", n_estimators=9).fit(GAPS, FRAME.rooms), "matrix"
    ),
    "gamma": Case(lambda: xgboost.XGBRegressor(objective="reg:gamma", n_estimators=9).fit(GAPS, VALUE), "matrix"),
    "hinge": Case(
        lambda: xgboost.XGBClassifier(objective="binary:hinge", n_estimators=9).fit(GAPS, PAIR == "yes"), "matrix"
    ),
    "two-outputs": Case(lambda: xgboost.XGBRegressor(n_estimators=7, n_jobs=1).fit(GAPS, _two), "matrix"),
    "levels": Case(
        lambda: xgboost.XGBRegressor(n_estimators=9, enable_categorical=True, max_cat_to_onehot=2).fit(
            _levels_frame(), VALUE
        ),
        "matrix",
    ),
    "vector-leaves": Case(
        lambda: xgboost.XGBRegressor(n_estimators=4, multi_strategy="multi_output_tree").fit(GAPS, _two),
        declined="vector",
    ),
    "linear": Case(
        lambda: xgboost.XGBRegressor(booster="gblinear", n_estimators=4).fit(MATRIX, VALUE), declined="linear"
    ),
    "survival": Case(
        lambda: xgboost.XGBRegressor(objective="survival:cox", n_estimators=4).fit(MATRIX, VALUE), declined="survival"
    ),
}
