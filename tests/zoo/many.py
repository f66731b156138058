"""Several outputs at once: multi-label, multi-class per output, multi-target; and models without a target."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, MultiTaskLasso
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .data import TEST, matrix, moods, texts, values
from .specimen import Grown, as_joblib, as_pickle, as_skops, regressed, rows_of, several_labels, species

ROWS = matrix(seed=21)
FLAGS = (ROWS[:, :3] + 0.5 * ROWS[:, 1:4] > 0.1).astype(int)
TARGETS = np.column_stack([values(ROWS), 10 * ROWS[:, 2], ROWS.sum(axis=1)])


def _ones(found: Any) -> Any:
    return np.column_stack([table[:, 1] for table in found]) if isinstance(found, list) else found


def _flags(folder: Path, model: Any, save: Any = as_skops) -> Grown:
    model.fit(ROWS, FLAGS)
    probabilities = _ones(model.predict_proba(ROWS[:TEST])) if hasattr(model, "predict_proba") else None
    answers = several_labels(model.predict(ROWS[:TEST]), probabilities)
    return Grown(**save(folder, model), rows=rows_of(ROWS[:TEST]), answers=answers)


@species("many-labels-forest", core=True)
def labels_forest(folder: Path) -> Grown:
    """A random forest of three labels that may all hold."""
    return _flags(folder, RandomForestClassifier(7, random_state=0), as_pickle)


@species("many-labels-network")
def labels_network(folder: Path) -> Grown:
    """A network of three labels behind a scaler."""
    return _flags(
        folder, make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(5,), max_iter=60, random_state=0))
    )


@species("many-labels-one-vs-rest")
def labels_rest(folder: Path) -> Grown:
    """One logistic regression per label."""
    return _flags(folder, OneVsRestClassifier(LogisticRegression()))


@species("many-labels-neighbours")
def labels_neighbours(folder: Path) -> Grown:
    """Nearest neighbours of three labels."""
    return _flags(folder, KNeighborsClassifier(3))


@species("many-labels-outputs")
def labels_outputs(folder: Path) -> Grown:
    """MultiOutputClassifier of 0 and 1."""
    return _flags(folder, MultiOutputClassifier(LogisticRegression()))


@species("many-labels-chain")
def labels_chain(folder: Path) -> Grown:
    """A chain of classifiers."""
    return _flags(folder, ClassifierChain(LogisticRegression(), random_state=0))


@species("many-labels-text")
def labels_text(folder: Path) -> Grown:
    """Several labels of a text."""
    said = texts()
    flags = np.column_stack([moods() == "good", ["!" in text for text in said]]).astype(int)
    model = make_pipeline(TfidfVectorizer(token_pattern=r"\S+"), OneVsRestClassifier(LogisticRegression()))
    model.fit(said, flags)
    answers = several_labels(model.predict(said[:TEST]), model.predict_proba(said[:TEST]))
    return Grown(**as_joblib(folder, model), rows=[{"text": text} for text in said[:TEST]], answers=answers)


def _by_output(model: Any) -> list[Any]:
    """Return the class of each output, and the probabilities of all of its classes."""
    tables = model.predict_proba(ROWS[:TEST])
    keys = [[str(one) for one in classes] for classes in model.classes_]
    return [
        {
            "prediction": {f"y{at}": one for at, one in enumerate(row)},
            "probabilities": {
                f"y{at}": dict(zip(keys[at], table[number].tolist(), strict=True)) for at, table in enumerate(tables)
            },
        }
        for number, row in enumerate(model.predict(ROWS[:TEST]).tolist())
    ]


@species("many-classes-words")
def classes_words(folder: Path) -> Grown:
    """Two outputs, each with words of its own as classes."""
    target = np.column_stack([np.where(FLAGS[:, 0], "yes", "no"), np.where(FLAGS[:, 1], "red", "blue")]).astype(object)
    model = MultiOutputClassifier(LogisticRegression()).fit(ROWS, target)
    return Grown(**as_joblib(folder, model), rows=rows_of(ROWS[:TEST]), answers=_by_output(model))


@species("many-classes-numbers")
def classes_numbers(folder: Path) -> Grown:
    """Two outputs of whole-number classes in one forest."""
    target = np.column_stack([FLAGS.sum(axis=1), FLAGS[:, 0] * 5])
    model = RandomForestClassifier(5, random_state=0).fit(ROWS, target)
    return Grown(**as_joblib(folder, model), rows=rows_of(ROWS[:TEST]), answers=_by_output(model))


def _targets(folder: Path, model: Any) -> Grown:
    model.fit(ROWS, TARGETS)
    return Grown(**as_skops(folder, model), rows=rows_of(ROWS[:TEST]), answers=regressed(model, ROWS[:TEST]))


@species("many-targets-linear")
def targets_linear(folder: Path) -> Grown:
    """A linear regression of three targets."""
    return _targets(folder, make_pipeline(StandardScaler(), LinearRegression()))


@species("many-targets-forest")
def targets_forest(folder: Path) -> Grown:
    """A random forest of three targets."""
    return _targets(folder, RandomForestRegressor(5, random_state=0))


@species("many-targets-boosting")
def targets_boosting(folder: Path) -> Grown:
    """One gradient boosting per target."""
    return _targets(folder, MultiOutputRegressor(GradientBoostingRegressor(n_estimators=4)))


@species("many-targets-chain")
def targets_chain(folder: Path) -> Grown:
    """A chain of regressors."""
    return _targets(folder, RegressorChain(LinearRegression()))


@species("many-targets-pls")
def targets_pls(folder: Path) -> Grown:
    """Partial least squares."""
    return _targets(folder, PLSRegression(2))


@species("many-targets-lasso")
def targets_lasso(folder: Path) -> Grown:
    """A multi-task lasso."""
    return _targets(folder, MultiTaskLasso(0.1))
