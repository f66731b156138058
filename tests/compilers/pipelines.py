"""Random pipelines from a seed, fitted on random data, and odd rows to ask them: an attack on compiled models."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from sklearn import linear_model as linear
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
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
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.impute import SimpleImputer
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from gateway.schema import Column, Field, Signature, make_column

ROWS = 160
#: Levels with blanks at the ends, of both normal forms, of other scripts, that look like numbers or like nothing.
LEVELS = (
    ("east", " east", "east ", "East"), ("caf\u00e9", "cafe\u0301", "cafe"), ("1", "1.0", "01", "-1"),
    ("nan", "None", "", "null"), ("Straße", "STRASSE", "ﬁn", "fin"), ("a b", "a  b", "a\tb", "映画"), ("x" * 300, "y"),
)  # fmt: skip
WORDS = (
    "good", "Bad", "film", "caf\u00e9", "cafe\u0301", "straße", "İstanbul", "ǅ", "ﬁn", "映画", "🎬", "don't", "x_1",
    "3.14", "not", "the", "a", "\u00a0", "\u200b", "\u2028", "ς", "Σ", "e-mail", "мир", "سلام", "\x7f",
)  # fmt: skip
#: Numbers at every edge that JSON can carry: zeros, denormals, float32's ends, what float32 cannot hold, double's ends.
ODD = (
    0.0, -0.0, 5e-324, -5e-324, 1e-310, 1e-45, 1.1754944e-38, 1e-9, -1e-9, 0.1, 1 / 3, 16_777_217.0, 2.0**53 + 1, 1e15,
    1e30, -1e30, 3.4028234e38, 3.4028235677973366e38, -3.5e38, 1e39, 1e200, -1e300, 1e300,
)  # fmt: skip
_SCALES = ((0, 1), (0, 1e-6), (1e6, 1), (-5e4, 1e4), (1.7e9, 86_400), (0, 1e9), (3, 1e-3))


@dataclass(frozen=True)
class Grown:
    """Hold a fitted model, its loader, a name to talk about it, and the data it was fitted on."""

    loader: str
    name: str
    model: Any
    data: Any


def _numbers(draw: np.random.Generator, kind: str) -> Any:
    middle, width = _SCALES[draw.integers(len(_SCALES))]
    if kind == "integer":
        return draw.integers(-3, 40, ROWS)
    if kind == "boolean":
        return draw.random(ROWS) < 0.4
    if kind == "coarse":
        return np.round(draw.normal(middle, width, ROWS) / width) * width
    return draw.normal(middle, width, ROWS).astype(np.float32 if kind == "single" else np.float64)


def _frame(draw: np.random.Generator, *, holes: bool, texts: bool) -> pd.DataFrame:
    kinds = draw.choice(["double", "single", "integer", "boolean", "coarse"], int(draw.integers(1, 6)))
    found = pd.DataFrame({f"n{i}": _numbers(draw, kind) for i, kind in enumerate(kinds)})
    for i in range(int(draw.integers(0, 4))):
        levels = LEVELS[draw.integers(len(LEVELS))]
        found[f"level {i}"] = pd.Series(draw.choice(np.array(levels, dtype=object), ROWS), dtype=object)
    if holes:
        for name in found.columns:
            if found[name].dtype in (np.float64, object) and draw.random() < 0.6:
                found.loc[draw.random(ROWS) < 0.15, name] = np.nan
    if texts:
        found["note"] = pd.Series([phrase(draw, 8) for _ in range(ROWS)], dtype=object)
    return found


def phrase(draw: np.random.Generator, most: int) -> str:
    """Return words of all kinds."""
    return " ".join(draw.choice(np.array(WORDS, dtype=object), int(draw.integers(1, most + 1))))


def _pick(draw: np.random.Generator, *makers: Callable[[], Any]) -> Any:
    return makers[draw.integers(len(makers))]()


def _scaler(draw: np.random.Generator) -> Any:
    return _pick(
        draw,
        lambda: StandardScaler(with_mean=bool(draw.integers(2))),
        MinMaxScaler,
        lambda: MinMaxScaler((-2, 3), clip=True),
        MaxAbsScaler,
        RobustScaler,
        lambda: Binarizer(threshold=float(draw.normal())),
        lambda: "passthrough",
    )


def _imputer(draw: np.random.Generator) -> Any:
    marks = bool(draw.integers(2))
    strategy = str(draw.choice(["mean", "median", "most_frequent", "constant"]))
    return SimpleImputer(strategy=strategy, add_indicator=marks, keep_empty_features=True)


def _encoder(draw: np.random.Generator) -> Any:
    return _pick(
        draw,
        lambda: OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder,
        lambda: OneHotEncoder(drop="if_binary", min_frequency=25, handle_unknown="infrequent_if_exist"),
        lambda: OneHotEncoder(drop="first", max_categories=3, handle_unknown="ignore"),
        lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7, encoded_missing_value=-9),
        lambda: TargetEncoder(random_state=0),
    )


def _vectorizer(draw: np.random.Generator) -> Any:
    shared: dict[str, Any] = {
        "strip_accents": (None, "ascii", "unicode")[draw.integers(3)],
        "lowercase": bool(draw.integers(2)),
        "analyzer": str(draw.choice(["word", "char", "char_wb"])),
        "ngram_range": ((1, 1), (1, 2), (2, 3))[draw.integers(3)],
        "binary": bool(draw.integers(2)),
    }
    if draw.integers(2):
        return CountVectorizer(**shared)
    norm = ("l1", "l2", None)[draw.integers(3)]
    idf, sublinear, smooth = (bool(draw.integers(2)) for _ in range(3))
    return TfidfVectorizer(**shared, norm=norm, use_idf=idf, sublinear_tf=sublinear, smooth_idf=smooth)


def _front(draw: np.random.Generator, frame: pd.DataFrame, *, trees: bool) -> Any:
    numbers = [name for name in frame if name.startswith("n") and name != "note"]
    levels = [name for name in frame if name.startswith("level")]
    holes = bool(frame.isna().any().any())
    steps: list[tuple[str, Any, Any]] = []
    half = max(1, len(numbers) // 2) if draw.random() < 0.5 else len(numbers)
    for name, chosen in (("a", numbers[:half]), ("b", numbers[half:])):
        if chosen:
            parts = [_imputer(draw)] if holes and not (trees and draw.integers(2)) else []
            steps.append((name, make_pipeline(*parts, _scaler(draw)), chosen))
    if levels:
        fill = [SimpleImputer(strategy="constant", fill_value="missing")] if draw.integers(2) else []
        steps.append(("l", make_pipeline(*fill, _encoder(draw)), levels))
    if "note" in frame:
        steps.append(("t", _vectorizer(draw), "note"))
    return ColumnTransformer(steps, sparse_threshold=0)


_CLASSIFIERS: tuple[Callable[[], Any], ...] = (
    linear.LogisticRegression,
    lambda: linear.LogisticRegression(class_weight="balanced", C=50.0),
    lambda: linear.LogisticRegression(solver="liblinear", penalty="l1"),
    lambda: linear.SGDClassifier(loss="log_loss", random_state=1),
    lambda: linear.SGDClassifier(loss="modified_huber", random_state=1),
    lambda: linear.Perceptron(random_state=1),
    linear.RidgeClassifier,
    lambda: LinearSVC(random_state=1),
    lambda: CalibratedClassifierCV(LinearSVC(random_state=1), cv=3),
    lambda: CalibratedClassifierCV(RandomForestClassifier(5, random_state=1), method="isotonic", cv=3),
    GaussianNB,
    BernoulliNB,
    lambda: DecisionTreeClassifier(max_depth=5, random_state=1),
    lambda: RandomForestClassifier(12, random_state=1),
    lambda: RandomForestClassifier(7, max_depth=4, class_weight="balanced", random_state=1),
    lambda: ExtraTreesClassifier(9, min_samples_leaf=3, random_state=1),
    lambda: GradientBoostingClassifier(n_estimators=9, random_state=1),
    lambda: HistGradientBoostingClassifier(max_iter=9, class_weight="balanced"),
    lambda: BaggingClassifier(DecisionTreeClassifier(max_depth=4), 6, random_state=1),
    lambda: VotingClassifier(
        [("a", linear.LogisticRegression()), ("b", RandomForestClassifier(6, random_state=2))], voting="soft"
    ),
    lambda: StackingClassifier([("a", GaussianNB()), ("b", RandomForestClassifier(6, random_state=2))], cv=2),
    lambda: MLPClassifier((6,), max_iter=15, random_state=1),
    lambda: xgboost.XGBClassifier(n_estimators=8, n_jobs=1),
    lambda: xgboost.XGBClassifier(n_estimators=8, tree_method="exact", subsample=0.7, n_jobs=1),
)
_REGRESSORS: tuple[Callable[[], Any], ...] = (
    linear.LinearRegression,
    linear.Ridge,
    linear.Lasso,
    lambda: linear.ElasticNet(positive=True),
    linear.HuberRegressor,
    linear.BayesianRidge,
    lambda: linear.TweedieRegressor(power=1.5, link="log"),
    linear.PoissonRegressor,
    lambda: DecisionTreeRegressor(max_depth=6, random_state=1),
    lambda: DecisionTreeRegressor(monotonic_cst=None, criterion="absolute_error", max_depth=4, random_state=1),
    lambda: RandomForestRegressor(11, random_state=1),
    lambda: ExtraTreesRegressor(9, max_depth=5, random_state=1),
    lambda: GradientBoostingRegressor(n_estimators=9, loss="huber", random_state=1),
    lambda: HistGradientBoostingRegressor(max_iter=9, loss="poisson"),
    lambda: HistGradientBoostingRegressor(max_iter=9, max_leaf_nodes=5),
    lambda: BaggingRegressor(linear.Ridge(), 5, max_features=0.7, random_state=1),
    lambda: VotingRegressor([("a", linear.Ridge()), ("b", GradientBoostingRegressor(n_estimators=4))]),
    lambda: StackingRegressor([("a", linear.Ridge()), ("b", RandomForestRegressor(5, random_state=2))], cv=2),
    lambda: MLPRegressor((6, 3), activation="logistic", max_iter=15, random_state=1),
    lambda: MultiOutputRegressor(linear.Ridge()),
    lambda: xgboost.XGBRegressor(n_estimators=8, n_jobs=1, monotone_constraints=None),
    lambda: xgboost.XGBRegressor(n_estimators=8, objective="count:poisson", n_jobs=1),
)
#: What takes a matrix with holes.
_TAKES_HOLES = ("Tree", "Forest", "XGB", "Hist", "Bagging")


def _target(draw: np.random.Generator, frame: pd.DataFrame, *, classes: int) -> Any:
    total = np.zeros(ROWS)
    for name in frame:
        column = frame[name]
        codes = column.factorize()[0] if column.dtype == object else np.nan_to_num(column.to_numpy(float))
        spread = codes.std() or 1.0
        total += draw.normal() * (codes - codes.mean()) / spread
    total += draw.normal(0, 0.4, ROWS)
    if not classes:
        return np.exp(total / (np.abs(total).max() or 1.0)) * 10
    codes = np.digitize(total, np.quantile(total, np.linspace(0, 1, classes + 1)[1:-1]))
    return np.arange(classes)[codes]


def grow(seed: int) -> Grown:
    """Return one fitted pipeline; raises whatever fitting an impossible combination raises."""
    draw = np.random.default_rng(seed)
    if draw.random() < 0.15:
        return _booster(draw)
    classes = int(draw.choice([0, 0, 2, 2, 3]))
    model = (_CLASSIFIERS if classes else _REGRESSORS)[draw.integers(len(_CLASSIFIERS if classes else _REGRESSORS))]()
    trees = type(model).__name__.startswith(_TAKES_HOLES) or "Forest" in type(model).__name__
    texts = not trees and draw.random() < 0.35
    frame = _frame(draw, holes=bool(draw.random() < 0.5), texts=texts)
    target = _target(draw, frame, classes=classes)
    if type(model).__name__ == "MultiOutputRegressor":
        target = np.column_stack([target, target[::-1]])
    elif classes and not type(model).__name__.startswith("XGB") and draw.random() < 0.5:
        target = np.array(["no", "yes", "än"], dtype=object)[target]
    steps = [_front(draw, frame, trees=trees)]
    if not texts and draw.random() < 0.25:
        steps.append(
            _pick(
                draw, lambda: PCA(2), lambda: TruncatedSVD(2), PolynomialFeatures, lambda: SelectKBest(f_classif, k=2)
            )
        )
    pipeline = make_pipeline(*steps, model).fit(frame, target)
    names = [type(step).__name__ for _, step in pipeline.steps[1:]]
    inner = [
        type(part).__name__ for _, one, _ in steps[0].transformers_ for part in getattr(one, "named_steps", {}).values()
    ]
    return Grown("sklearn", f"{seed}: {' + '.join([*inner, *names])}", pipeline, frame)


def _booster(draw: np.random.Generator) -> Grown:
    width = int(draw.integers(1, 6))
    data = np.column_stack([_numbers(draw, str(draw.choice(["double", "coarse", "integer"]))) for _ in range(width)])
    data = data.astype(np.float64)
    if draw.random() < 0.6:
        data[draw.random(data.shape) < 0.2] = np.nan
    total = np.nan_to_num((data - np.nanmean(data, axis=0)) / (np.nanstd(data, axis=0) + 1e-30)).sum(axis=1)
    options: dict[str, Any] = {
        "n_estimators": int(draw.integers(1, 30)),
        "max_depth": int(draw.integers(1, 8)),
        "monotone_constraints": tuple(int(one) for one in draw.integers(-1, 2, width)),
        "tree_method": str(draw.choice(["hist", "exact"])),
        "booster": str(draw.choice(["gbtree", "gbtree", "dart"])),
        "n_jobs": 1,
        "random_state": 1,
    }
    classes = int(draw.choice([0, 2, 3]))
    if classes:
        target = np.digitize(total, np.quantile(total, np.linspace(0, 1, classes + 1)[1:-1]))
        model: Any = xgboost.XGBClassifier(**options, scale_pos_weight=2.0 if classes == 2 else None)
    else:
        target = np.exp(total / (np.abs(total).max() or 1))
        objective = str(draw.choice(["reg:squarederror", "reg:gamma", "reg:absoluteerror", "reg:tweedie"]))
        model = xgboost.XGBRegressor(**options, objective=objective)
    return Grown("xgboost", f"booster {options['booster']} {classes}", model.fit(data, target), pd.DataFrame(data))


def thresholds(model: Any) -> list[float]:
    """Return the split values of all trees inside a model, as they are stored."""
    found: list[float] = []
    seen: set[int] = set()
    stack = [model]
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if hasattr(one, "tree_"):
            found += one.tree_.threshold[one.tree_.children_left >= 0].tolist()
        if hasattr(one, "get_booster"):
            found += one.get_booster().trees_to_dataframe()["Split"].dropna().tolist()
        for stage in getattr(one, "_predictors", ()):
            found += [float(value) for part in stage for value in part.nodes["num_threshold"]]
        for name in ("steps", "estimators_", "calibrated_classifiers_", "estimator", "final_estimator_"):
            part = getattr(one, name, ())
            parts = part.ravel() if isinstance(part, np.ndarray) else part if isinstance(part, list) else [part]
            stack += [item[1] if isinstance(item, tuple) and item else item for item in parts]
    return found


def odd_rows(grown: Grown, signature: Signature, count: int, seed: int) -> Iterator[list[Column]]:
    """Yield batches: likely rows with few odd cells, so that most are answered; odd ones only; rows on thresholds."""
    draw = np.random.default_rng(seed)
    splits = [value for value in thresholds(grown.model) if np.isfinite(value)]
    around = [*splits, *np.nextafter(splits, np.inf), *np.nextafter(splits, -np.inf)]
    singles = np.asarray(splits, dtype=np.float32)
    for step in (0, np.inf, -np.inf):
        around += [float(one) for one in np.nextafter(singles, np.float32(step))] if step else singles.tolist()
    for share, size in ((0.0, count // 4), (0.05, count // 4), (0.3, count // 4), (1.0, count // 8)):
        yield [_column(field, grown.data.iloc[:, i], draw, size, share, ODD) for i, field in _places(grown, signature)]
    if around:
        yield [
            _column(field, grown.data.iloc[:, i], draw, count // 4, 0.5, around)
            for i, field in _places(grown, signature)
        ]


def _places(grown: Grown, signature: Signature) -> Iterator[tuple[int, Field]]:
    names = [str(name) for name in grown.data.columns]
    for i, field in enumerate(signature.inputs):
        yield names.index(field.name) if field.name in names else i, field


def _column(
    field: Field, data: Any, draw: np.random.Generator, size: int, share: float, odd: Sequence[float]
) -> Column:
    values = [_cell(field, data, draw, odd if draw.random() < share else ()) for _ in range(size)]
    return make_column(field.type, values)


def _cell(field: Field, data: Any, draw: np.random.Generator, odd: Sequence[float]) -> Any:
    if field.nullable and draw.random() < 0.08:
        return float("nan")
    if field.enum is not None:
        return field.enum[draw.integers(len(field.enum))]
    if field.type == "boolean":
        return bool(draw.integers(2))
    if field.type == "string":
        return phrase(draw, 400 if odd and draw.random() < 0.02 else 12)
    value = (
        float(odd[int(draw.integers(len(odd)))])
        if len(odd)
        else float(np.nan_to_num(data.iloc[draw.integers(len(data))]))
    )
    if not len(odd) and draw.random() < 0.5:
        value += draw.normal() * (float(np.nanstd(data.to_numpy(float))) or 1.0)
    if field.type == "integer":
        return round(min(max(value, -(2.0**62)), 2.0**62))
    return value
