"""XGBoost's scikit-learn estimators: saved by their own save_model, pickled, and inside pipelines."""

from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .data import TEST, classes, matrix, old_or_young, people, values, worth
from .specimen import (
    Grown,
    as_joblib,
    as_pickle,
    classified,
    labelled,
    regressed,
    rows_of,
    several_labels,
    species,
    valued,
)

ROWS = matrix(holes=True)
SMALL = {"n_estimators": 6, "max_depth": 3, "random_state": 0}


def _saved(folder: Path, model: Any, rows: Any, answers: Any, name: str = "model.ubj") -> Grown:
    model.save_model(folder / name)
    return Grown(name, rows_of(rows), answers)


@species("xgb-binary")
def binary(folder: Path) -> Grown:
    """Two classes, holes, saved as UBJSON."""
    model = xgboost.XGBClassifier(**SMALL).fit(ROWS, classes(ROWS, [0, 1]))
    return _saved(folder, model, ROWS[:TEST], classified(model, ROWS[:TEST]))


@species("xgb-three")
def three(folder: Path) -> Grown:
    """Three classes, saved as JSON."""
    model = xgboost.XGBClassifier(**SMALL).fit(ROWS, classes(ROWS, [0, 1, 2]))
    return _saved(folder, model, ROWS[:TEST], classified(model, ROWS[:TEST]), "model.json")


@species("xgb-frame")
def frame(folder: Path) -> Grown:
    """A regressor fitted on a frame."""
    rows = people("age", "income", "rooms")
    model = xgboost.XGBRegressor(**SMALL).fit(rows, worth())
    return _saved(folder, model, rows[:TEST], regressed(model, rows[:TEST]), "model.json")


@species("xgb-early")
def early(folder: Path) -> Grown:
    """Three classes, stopped early: only the best rounds count."""
    model = xgboost.XGBClassifier(n_estimators=80, early_stopping_rounds=3, learning_rate=0.9, random_state=0)
    target = classes(ROWS, [0, 1, 2])
    model.fit(ROWS[60:], target[60:], eval_set=[(ROWS[:60], target[:60])], verbose=False)
    if model.best_iteration >= model.get_booster().num_boosted_rounds() - 1:
        raise AssertionError("it did not stop early")
    return _saved(folder, model, ROWS[:TEST], classified(model, ROWS[:TEST]))


@species("xgb-categories")
def categories(folder: Path) -> Grown:
    """Categories that are words, with holes."""
    rows = people("age", "region", "degree")
    rows["region"] = rows.region.replace("Süd", "south")
    rows = rows.astype({"region": "category", "degree": "category"})
    model = xgboost.XGBClassifier(enable_categorical=True, **SMALL).fit(rows, (old_or_young() == "old").astype(int))
    unseen = rows_of(rows[:1].assign(region="Mars"))[0]
    grown = _saved(folder, model, rows[:TEST], classified(model, rows[:TEST]))
    grown.bad = [(unseen, "enum")]
    return grown


@species("xgb-categories-unicode")
def categories_unicode(folder: Path) -> Grown:
    """Categories with letters outside ASCII, which this release of XGBoost stores cut short."""
    rows = people("age", "region").astype({"region": "category"})
    model = xgboost.XGBRegressor(enable_categorical=True, **SMALL).fit(rows, worth())
    model.save_model(folder / "model.ubj")
    return Grown("model.ubj", refused="unreadable-levels", says="ASCII")


@species("xgb-categories-numbers")
def categories_numbers(folder: Path) -> Grown:
    """Categories that are whole numbers with gaps."""
    rows = people("age").assign(rooms=people().rooms * 10).astype({"rooms": "category"})
    model = xgboost.XGBRegressor(enable_categorical=True, **SMALL).fit(rows, worth())
    return _saved(folder, model, rows[:TEST], regressed(model, rows[:TEST]))


@species("xgb-ranker")
def ranker(folder: Path) -> Grown:
    """A ranker answers scores."""
    model = xgboost.XGBRanker(**SMALL)
    model.fit(ROWS, classes(ROWS, [0, 1, 2]), qid=np.repeat(np.arange(16), 10))
    return _saved(folder, model, ROWS[:TEST], regressed(model, ROWS[:TEST]))


@species("xgb-forest")
def forest(folder: Path) -> Grown:
    """XGBoost's random forest."""
    model = xgboost.XGBRFClassifier(n_estimators=7, random_state=0).fit(ROWS, classes(ROWS, [0, 1]))
    return _saved(folder, model, ROWS[:TEST], classified(model, ROWS[:TEST]))


@species("xgb-many-labels")
def many_labels(folder: Path) -> Grown:
    """Three labels that may all hold."""
    flags = (np.nan_to_num(ROWS[:, :3]) > 0).astype(int)
    model = xgboost.XGBClassifier(**SMALL).fit(ROWS, flags)
    answers = several_labels(model.predict(ROWS[:TEST]), model.predict_proba(ROWS[:TEST]))
    return _saved(folder, model, ROWS[:TEST], answers)


@species("xgb-many-targets")
def many_targets(folder: Path) -> Grown:
    """Two targets, one tree each."""
    target = np.column_stack([values(ROWS), np.nan_to_num(ROWS[:, 2])])
    model = xgboost.XGBRegressor(**SMALL).fit(ROWS, target)
    return _saved(folder, model, ROWS[:TEST], regressed(model, ROWS[:TEST]))


@species("xgb-vector-leaf")
def vector_leaf(folder: Path) -> Grown:
    """Two targets in one tree."""
    target = np.column_stack([values(ROWS), np.nan_to_num(ROWS[:, 2])])
    model = xgboost.XGBRegressor(multi_strategy="multi_output_tree", **SMALL).fit(ROWS, target)
    return _saved(folder, model, ROWS[:TEST], regressed(model, ROWS[:TEST]))


@species("xgb-quantiles")
def quantiles(folder: Path) -> Grown:
    """Three quantiles at once."""
    model = xgboost.XGBRegressor(objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9], **SMALL)
    model.fit(ROWS, values(ROWS))
    return _saved(folder, model, ROWS[:TEST], valued(model.predict(ROWS[:TEST])))


@species("xgb-missing-code")
def missing_code(folder: Path) -> Grown:
    """Trained with -999 for missing, which the file does not say: the route does."""
    rows = np.where(np.isnan(ROWS), -999.0, ROWS)
    model = xgboost.XGBRegressor(missing=-999.0, **SMALL).fit(rows, values(ROWS))
    grown = _saved(folder, model, rows[:TEST], regressed(model, rows[:TEST]))
    grown.entry = {"inputs": {f"x{i}": {"missing": -999} for i in range(4)}}
    return grown


@species("xgb-pickled")
def pickled(folder: Path) -> Grown:
    """A pickled XGBClassifier."""
    model = xgboost.XGBClassifier(**SMALL).fit(ROWS, classes(ROWS, [0, 1]))
    return Grown(**as_pickle(folder, model), rows=rows_of(ROWS[:TEST]), answers=classified(model, ROWS[:TEST]))


@species("xgb-pickled-early")
def pickled_early(folder: Path) -> Grown:
    """A pickled regressor that stopped early, fitted on a frame."""
    rows = people("age", "rooms")
    model = xgboost.XGBRegressor(n_estimators=50, early_stopping_rounds=2, learning_rate=0.8)
    model.fit(rows[50:], worth()[50:], eval_set=[(rows[:50], worth()[:50])], verbose=False)
    return Grown(**as_joblib(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


@species("xgb-pickled-categories")
def pickled_categories(folder: Path) -> Grown:
    """A pickled XGBClassifier that took pandas categories whose letters XGBoost keeps in part."""
    rows = people("age", "region").astype({"region": "category"})
    model = xgboost.XGBClassifier(enable_categorical=True, **SMALL).fit(rows, (old_or_young() == "old").astype(int))
    return Grown(**as_joblib(folder, model), refused="unreadable-levels", says="letters outside ASCII")


@species("xgb-pipeline")
def pipeline(folder: Path) -> Grown:
    """XGBClassifier as the last step of a scikit-learn pipeline over levels and holes."""
    rows = people("income", "region")
    steps = make_column_transformer((OneHotEncoder(), ["region"]), (StandardScaler(), ["income"]))
    model = make_pipeline(steps, xgboost.XGBClassifier(**SMALL)).fit(rows, (old_or_young() == "old").astype(int))
    return Grown(**as_joblib(folder, model), rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))


@species("xgb-pipeline-skops")
def pipeline_skops(folder: Path) -> Grown:
    """skops refuses what XGBoost keeps inside; pickle or save_model are the ways."""
    import skops.io

    model = make_pipeline(StandardScaler(), xgboost.XGBRegressor(**SMALL)).fit(ROWS, values(ROWS))
    skops.io.dump(model, folder / "model.skops")
    return Grown("model.skops", refused="untrusted-types", says="xgboost")


@species("xgb-labels-lost")
def labels_lost(folder: Path) -> Grown:
    """save_model forgets that the classes had names; the route gives them back."""
    names: Any = np.array(["no", "yes"], dtype=object)
    target = classes(ROWS, [0, 1])
    model = xgboost.XGBClassifier(**SMALL).fit(ROWS, target)
    answers = labelled(names[model.predict(ROWS[:TEST])], model.predict_proba(ROWS[:TEST]), names)
    grown = _saved(folder, model, ROWS[:TEST], answers)
    grown.entry = {"outputs": {"labels": ["no", "yes"]}}
    return grown
