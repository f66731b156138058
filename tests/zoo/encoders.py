"""Functions inside pipelines, and encoders with rare, dropped and coded levels."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from .data import TEST, old_or_young, people, worth
from .specimen import Grown, as_joblib, as_pickle, as_skops, classified, regressed, rows_of, species


def _shout(table: Any) -> Any:
    """Stand for a function of the user's own in a pipeline."""
    return table * 2


@species("sklearn-function-own")
def function_own(folder: Path) -> Grown:
    """A pipeline with a function of the user's own: a pickle that names it is refused."""
    model = make_pipeline(FunctionTransformer(_shout), Ridge()).fit(people("age", "rooms"), worth())
    return Grown(**as_pickle(folder, model), refused="forbidden-pickle", says="_shout")


@species("sklearn-function-own-skops")
def function_own_skops(folder: Path) -> Grown:
    """A pipeline with a function of the user's own: a skops file that names it is refused."""
    model = make_pipeline(FunctionTransformer(_shout), Ridge()).fit(people("age", "rooms"), worth())
    return Grown(**as_skops(folder, model), refused="untrusted-types", says="_shout")


@species("sklearn-function-numpy")
def function_numpy(folder: Path) -> Grown:
    """A pipeline with one of numpy's functions."""
    rows = people("age", "rooms")
    model = make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(rows, worth())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("sklearn-function-reads-files")
def function_reads(folder: Path) -> Grown:
    """A pipeline with numpy's function that reads files."""
    model = make_pipeline(FunctionTransformer(np.load, validate=False), Ridge())
    return Grown(**as_pickle(folder, model), refused="forbidden-pickle", says="load")


@species("sklearn-levels-rare")
def levels_rare(folder: Path) -> Grown:
    """Rare levels counted as one, the first level dropped."""
    rows = people("region", "degree", "age")
    rows.loc[rows.index[:3], "region"] = "Mond"
    encoder = OneHotEncoder(drop="first", min_frequency=5, handle_unknown="infrequent_if_exist")
    steps = make_column_transformer((encoder, ["region", "degree"]), remainder=StandardScaler())
    model = make_pipeline(steps, LogisticRegression()).fit(rows, old_or_young())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))


@species("sklearn-levels-coded-missing")
def coded_missing(folder: Path) -> Grown:
    """An imputer that takes -1 for missing: the client sends -1."""
    rows = people("income", "rooms").fillna(-1.0)
    model = make_pipeline(SimpleImputer(missing_values=-1), Ridge()).fit(rows, worth())
    return Grown(**as_joblib(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("sklearn-levels-codes")
def codes(folder: Path) -> Grown:
    """Levels that are texts of digits take a JSON number, too."""
    rows = people("age").assign(code=[str(i % 3 + 1) for i in range(len(people()))])
    steps = make_column_transformer((OneHotEncoder(), ["code"]), remainder=StandardScaler())
    model = make_pipeline(steps, LogisticRegression()).fit(rows, old_or_young())
    sent = rows_of(rows[:TEST].assign(code=rows.code.astype(int)))
    return Grown(**as_skops(folder, model), rows=sent, answers=classified(model, rows[:TEST]))
