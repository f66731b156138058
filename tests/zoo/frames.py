"""scikit-learn fitted on DataFrames: names known, mixed kinds, imputers, native categories, odd column names."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier

from .data import TEST, old_or_young, people, worth
from .specimen import Grown, as_joblib, as_pickle, as_skops, classified, regressed, rows_of, species


@species("sklearn-frame-scaled")
def frame_scaled(folder: Path) -> Grown:
    """Scaled numbers of a frame, labels that are words, skops."""
    rows = people("age", "rooms")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, old_or_young())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))


@species("sklearn-frame-mixed", core=True)
def frame_mixed(folder: Path) -> Grown:
    """Numbers, imputation, levels with holes, whole-number levels and a text column in one pipeline."""
    rows = people()
    steps = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), ["age", "income"]),
        (OneHotEncoder(handle_unknown="ignore"), ["region", "degree", "rooms"]),
        (TfidfVectorizer(), "note"),
    )
    model = make_pipeline(steps, LogisticRegression(max_iter=500)).fit(rows, old_or_young())
    unseen = rows[:1].assign(region="Mars")
    return Grown(
        **as_skops(folder, model),
        rows=rows_of(rows[:TEST]),
        answers=classified(model, rows[:TEST]),
        bad=[(rows_of(unseen)[0], "enum")],
    )


@species("sklearn-frame-unknown-levels")
def frame_unknown(folder: Path) -> Grown:
    """Levels the model never saw count as missing where the route says so."""
    rows = people("age", "degree")
    steps = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["degree"]), remainder="passthrough")
    model = make_pipeline(steps, LogisticRegression(max_iter=500)).fit(rows, old_or_young())
    asked = rows[:TEST].assign(degree=pd.Series([np.nan] * TEST, dtype=object))
    sent = rows_of(asked.assign(degree="Dr. h. c. mult."))
    art = as_joblib(folder, model, compress=3)
    art["entry"]["inputs"] = {"degree": {"unknown": "missing"}}
    return Grown(**art, rows=sent, answers=classified(model, asked))


@species("sklearn-frame-string-dtype")
def frame_string_dtype(folder: Path) -> Grown:
    """Columns of pandas' own string type, most-frequent imputation of text."""
    rows = people("region", "degree", "age").astype({"region": "str", "degree": "str"})
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    steps = make_column_transformer((words, ["region", "degree"]), remainder=StandardScaler())
    model = make_pipeline(steps, LogisticRegression()).fit(rows, old_or_young())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))


@species("sklearn-frame-ordinal-unknown")
def frame_ordinal(folder: Path) -> Grown:
    """OrdinalEncoder with a code for unknown and missing levels, a decision tree, gzip-compressed joblib."""
    rows = people("region", "degree", "rooms")
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    model = make_pipeline(encoder, DecisionTreeClassifier(max_depth=4, random_state=0)).fit(rows, old_or_young())
    art = as_joblib(folder, model, "model.joblib.gz", compress=("gzip", 3))
    return Grown(**art, rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))


@species("sklearn-hist-from-dtype")
def hist_dtype(folder: Path) -> Grown:
    """HistGradientBoosting that took pandas categories as they are, with holes."""
    rows = people("age", "income", "region", "degree").astype({"region": "category", "degree": "category"})
    model = HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=5).fit(rows, old_or_young())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))


@species("sklearn-hist-named-codes")
def hist_codes(folder: Path) -> Grown:
    """HistGradientBoosting with named categorical columns that hold codes."""
    rows = people("income", "rooms")
    model = HistGradientBoostingRegressor(max_iter=8, categorical_features=["rooms"], min_samples_leaf=5)
    model.fit(rows, worth())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("sklearn-hist-after-encoder")
def hist_encoder(folder: Path) -> Grown:
    """HistGradientBoosting behind an OrdinalEncoder that hands holes on."""
    rows = people("region", "degree", "income")
    steps = make_column_transformer((OrdinalEncoder(), ["region", "degree"]), remainder="passthrough")
    model = make_pipeline(steps, HistGradientBoostingRegressor(max_iter=8, categorical_features=[0, 1]))
    model.fit(rows, worth())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("sklearn-frame-unicode-names")
def frame_unicode(folder: Path) -> Grown:
    """Columns called größe (cm), 年齢 and a/b c, a level with an umlaut."""
    rows = people("age", "rooms", "region")
    rows.columns = pd.Index(["größe (cm)", "年齢", "a/b c"])
    steps = make_column_transformer((OneHotEncoder(), ["a/b c"]), remainder="passthrough")
    model = make_pipeline(steps, Ridge()).fit(rows, worth())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("sklearn-frame-number-names")
def frame_numbers(folder: Path) -> Grown:
    """A frame whose columns are numbers: scikit-learn forgets such names, so they are made up."""
    rows = people("age", "rooms").astype(float)
    rows.columns = pd.Index([0, 1])
    model = make_pipeline(StandardScaler(), Ridge()).fit(rows, worth())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST].to_numpy()), answers=regressed(model, rows[:TEST]))


@species("sklearn-frame-unused-columns")
def frame_unused(folder: Path) -> Grown:
    """Columns that the pipeline drops need not be sent."""
    rows = people("note", "age", "rooms", "degree")
    steps = ColumnTransformer([("numbers", StandardScaler(), make_column_selector(dtype_include=np.number))])
    model = make_pipeline(steps, Ridge()).fit(rows, worth())
    sent = rows_of(rows[["age", "rooms"]][:TEST])
    return Grown(**as_joblib(folder, model), rows=sent, answers=regressed(model, rows[:TEST]))


@species("sklearn-frame-passthrough")
def frame_passthrough(folder: Path) -> Grown:
    """A ColumnTransformer with passthrough, drop and remainder."""
    rows = people("age", "rooms", "region", "income")
    steps = ColumnTransformer(
        [("same", "passthrough", ["age"]), ("gone", "drop", ["income"]), ("level", OneHotEncoder(), ["region"])],
        remainder=KBinsDiscretizer(3, encode="ordinal", strategy="uniform"),
    )
    model = make_pipeline(steps, ElasticNet(0.1)).fit(rows, worth())
    sent = rows_of(rows[["age", "rooms", "region"]][:TEST])
    return Grown(**as_skops(folder, model), rows=sent, answers=regressed(model, rows[:TEST]))


@species("sklearn-frame-union-imputers")
def frame_union(folder: Path) -> Grown:
    """Two imputers and an indicator side by side in a FeatureUnion."""
    rows = people("age", "income", "rooms")
    union = FeatureUnion([("near", KNNImputer(n_neighbors=3, add_indicator=True)), ("mean", SimpleImputer())])
    model = make_pipeline(union, StandardScaler(), Ridge()).fit(rows, worth())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("sklearn-frame-constant-fill")
def frame_constant(folder: Path) -> Grown:
    """Missing levels filled with a word of their own, a target encoder, a random forest."""
    rows = people("degree", "region", "age")
    words = make_pipeline(SimpleImputer(strategy="constant", fill_value="absent"), OneHotEncoder())
    steps = make_column_transformer((words, ["degree"]), (TargetEncoder(random_state=0), ["region"]), remainder="drop")
    model = make_pipeline(steps, RandomForestRegressor(8, random_state=0)).fit(rows, worth())
    sent = rows_of(rows[["degree", "region"]][:TEST])
    return Grown(**as_joblib(folder, model), rows=sent, answers=regressed(model, rows[:TEST]))


@species("sklearn-frame-log-target")
def frame_log_target(folder: Path) -> Grown:
    """TransformedTargetRegressor with numpy's functions around a pipeline."""
    rows = people("age", "rooms")
    inner = make_pipeline(PolynomialFeatures(2), StandardScaler(), LinearRegression())
    model = TransformedTargetRegressor(inner, func=np.log1p, inverse_func=np.expm1).fit(rows, worth())
    return Grown(**as_joblib(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("sklearn-frame-splines")
def frame_splines(folder: Path) -> Grown:
    """Splines and a Poisson regression, protocol 2 pickle."""
    rows = people("age", "rooms")
    model = make_pipeline(SplineTransformer(n_knots=4), PoissonRegressor()).fit(rows, worth() / 1000)
    return Grown(
        **as_pickle(folder, model, protocol=2), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST])
    )


@species("sklearn-frame-booleans")
def frame_booleans(folder: Path) -> Grown:
    """A column of booleans, which scikit-learn reads as 0 and 1."""
    rows = people("age", "rooms").assign(owner=people().rooms > 2)
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(rows, old_or_young())
    sent = rows_of(rows[:TEST].assign(owner=rows.owner.astype(int)))
    return Grown(**as_skops(folder, model), rows=sent, answers=classified(model, rows[:TEST]))


@species("sklearn-frame-boolean-levels")
def frame_boolean_levels(folder: Path) -> Grown:
    """A one-hot encoded column of booleans: true and false are its levels."""
    rows = people("age").assign(owner=people().rooms > 2)
    steps = make_column_transformer((OneHotEncoder(), ["owner"]), remainder=StandardScaler())
    model = make_pipeline(steps, LogisticRegression()).fit(rows, old_or_young())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))


@species("sklearn-frame-float-levels")
def frame_float_levels(folder: Path) -> Grown:
    """One-hot encoded numbers with decimals and a hole are levels, too."""
    rows = people("age").assign(size=np.round(people().rooms * 0.5, 1))
    rows.loc[::6, "size"] = np.nan
    steps = make_column_transformer((OneHotEncoder(), ["size"]), remainder=StandardScaler())
    model = make_pipeline(steps, LogisticRegression()).fit(rows, old_or_young())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))
