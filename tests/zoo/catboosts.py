"""CatBoost: categories, texts, missing values, every kind of answer, both file formats, trees of all shapes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .data import ROWS, TEST, classes, matrix, moods, old_or_young, people, values
from .specimen import (
    Grown,
    Unavailable,
    as_joblib,
    as_pickle,
    classified,
    labelled,
    regressed,
    rows_of,
    species,
    valued,
)

try:
    import catboost
except ModuleNotFoundError:
    catboost = None

NUMBERS = matrix(holes=True, seed=19)
TWO, THREE = classes(NUMBERS, [0, 1]), classes(NUMBERS, [0, 1, 2])


def _model(kind: str, **options: Any) -> Any:
    if catboost is None:
        raise Unavailable("catboost is not installed here")
    return getattr(catboost, kind)(
        iterations=8, depth=3, verbose=0, thread_count=1, allow_writing_files=False, random_seed=0, **options
    )


def _saved(folder: Path, model: Any, answers: Any, rows: Any = None, **more: Any) -> Grown:
    model.save_model(str(folder / "model.cbm"))
    return Grown("model.cbm", rows_of(NUMBERS[:TEST] if rows is None else rows), answers, **more)


def _valued(folder: Path, target: Any, **options: Any) -> Grown:
    model = _model("CatBoostRegressor", **options).fit(NUMBERS, target)
    return _saved(folder, model, regressed(model, NUMBERS[:TEST]))


def _mixed() -> pd.DataFrame:
    """Return numbers with holes, categories of text and of whole numbers; a frame with odd names."""
    frame = people("age", "income", "region", "degree", "rooms").fillna({"degree": "keine Angabe"})
    return frame.rename(columns={"region": "région", "rooms": "räume"})


def _moved(frame: pd.DataFrame) -> Any:
    """Return a class that depends on a number and on a category."""
    return np.where((frame.age > 52) ^ (frame["région"] == "Süd"), "moved", "stayed").astype(object)


@species("catboost-mixed")
def mixed(folder: Path) -> Grown:
    """Categories of text and of whole numbers beside numbers with holes, odd names; unseen categories are answered"""
    frame = _mixed()
    model = _model("CatBoostClassifier", cat_features=["région", "degree", "räume"]).fit(frame, _moved(frame))
    rows = frame[:TEST].copy()
    rows.loc[::5, "région"] = "Übersee"
    rows.loc[::7, "räume"] = 99
    bad: list[tuple[Any, str]] = [
        (rows_of(rows[:1])[0] | {"degree": None}, "null"),
        (rows_of(rows[:1])[0] | {"räume": 1.5}, "type"),
    ]
    return _saved(folder, model, classified(model, rows), rows, bad=bad)


@species("catboost-mixed-json")
def mixed_json(folder: Path) -> Grown:
    """Categories in CatBoost's own JSON"""
    frame = _mixed()
    named = ["région", "degree", "räume"]
    model = _model("CatBoostClassifier", cat_features=named).fit(frame, _moved(frame))
    pool = catboost.Pool(frame, _moved(frame), cat_features=named)
    model.save_model(str(folder / "model.json"), format="json", pool=pool)
    return Grown("model.json", rows_of(frame[:TEST]), classified(model, frame[:TEST]))


@species("catboost-mixed-enum")
def mixed_enum(folder: Path) -> Grown:
    """Levels that the registry declares: whole numbers and text"""
    frame = _mixed()[["age", "région", "räume"]]
    model = _model("CatBoostClassifier", cat_features=["région", "räume"]).fit(frame, _moved(frame))
    levels = {"région": {"enum": ["east", "north", "Süd", "west"]}, "räume": {"enum": [1, 2, 3, 4]}}
    bad = [(rows_of(frame[:1])[0] | {"région": "Nord"}, "enum"), (rows_of(frame[:1])[0] | {"räume": 5}, "enum")]
    return _saved(folder, model, classified(model, frame[:TEST]), frame[:TEST], entry={"inputs": levels}, bad=bad)


@species("catboost-text")
def text(folder: Path) -> Grown:
    """A text feature beside a number"""
    frame = people("note", "age")
    model = _model("CatBoostClassifier", text_features=["note"]).fit(frame, moods())
    return _saved(folder, model, classified(model, frame[:TEST]), frame[:TEST])


@species("catboost-embedding")
def embedding(folder: Path) -> Grown:
    """An embedding feature takes a list of numbers, which no signature can state"""
    frame = people("age").assign(vector=[list(row) for row in matrix(3)])
    model = _model("CatBoostClassifier", embedding_features=["vector"]).fit(frame, old_or_young())
    return _saved(folder, model, [], frame[:0][["age"]], refused="unsupported-model", says="embedding")


@species("catboost-words")
def words(folder: Path) -> Grown:
    """Three labels that are words"""
    model = _model("CatBoostClassifier").fit(NUMBERS, np.array(["rot", "grün", "blau"])[THREE])
    return _saved(folder, model, _many(model))


@species("catboost-gaps")
def gaps(folder: Path) -> Grown:
    """Whole-number labels with gaps"""
    model = _model("CatBoostClassifier").fit(NUMBERS, np.array([-3, 7, 42])[THREE])
    return _saved(folder, model, _many(model))


@species("catboost-booleans")
def booleans(folder: Path) -> Grown:
    """Labels true and false"""
    model = _model("CatBoostClassifier").fit(NUMBERS, TWO == 1)
    return _saved(folder, model, classified(model, NUMBERS[:TEST]))


@species("catboost-threshold")
def threshold(folder: Path) -> Grown:
    """A threshold of its own for the second label"""
    model = _model("CatBoostClassifier").fit(NUMBERS, TWO)
    model.set_probability_threshold(0.2)
    return _saved(folder, model, classified(model, NUMBERS[:TEST]))


@species("catboost-one-vs-all")
def one_vs_all(folder: Path) -> Grown:
    """MultiClassOneVsAll: its probabilities do not add up to 1, so labels alone are answered"""
    model = _model("CatBoostClassifier", loss_function="MultiClassOneVsAll").fit(NUMBERS, THREE)
    return _saved(folder, model, labelled(model.predict(NUMBERS[:TEST]).reshape(-1)))


@species("catboost-labels")
def several_labels(folder: Path) -> Grown:
    """MultiLogloss: several labels at once"""
    truth = np.column_stack([TWO, 1 - TWO, THREE > 1]).astype(int)
    model = _model("CatBoostClassifier", loss_function="MultiLogloss").fit(NUMBERS, truth)
    found, chances = model.predict(NUMBERS[:TEST]), model.predict_proba(NUMBERS[:TEST])
    answers = [
        {
            "prediction": {f"y{i}": int(one) for i, one in enumerate(row)},
            "probabilities": {f"y{i}": float(one) for i, one in enumerate(chance)},
        }
        for row, chance in zip(found, chances, strict=True)
    ]
    return _saved(folder, model, answers)


@species("catboost-cross-entropy")
def cross_entropy(folder: Path) -> Grown:
    """CrossEntropy: a target between 0 and 1"""
    model = _model("CatBoostClassifier", loss_function="CrossEntropy").fit(NUMBERS, np.linspace(0, 1, ROWS))
    return _saved(folder, model, classified(model, NUMBERS[:TEST]))


@species("catboost-value")
def value(folder: Path) -> Grown:
    """RMSE on numbers with holes, which are read as the largest value"""
    return _valued(folder, values(NUMBERS), nan_mode="Max")


@species("catboost-poisson")
def poisson(folder: Path) -> Grown:
    """Poisson answers counts, not their logarithms"""
    return _valued(folder, THREE, loss_function="Poisson")


@species("catboost-tweedie")
def tweedie(folder: Path) -> Grown:
    """Tweedie answers amounts, not their logarithms"""
    return _valued(folder, THREE, loss_function="Tweedie:variance_power=1.5")


@species("catboost-quantile")
def quantile(folder: Path) -> Grown:
    """A quantile, trees that grow leaf by leaf"""
    return _valued(folder, values(NUMBERS), loss_function="Quantile:alpha=0.9", grow_policy="Lossguide")


@species("catboost-many-values")
def many_values(folder: Path) -> Grown:
    """MultiRMSE: two values at once"""
    target = np.column_stack([values(NUMBERS), THREE])
    return _valued(folder, target, loss_function="MultiRMSE")


@species("catboost-quantiles")
def quantiles(folder: Path) -> Grown:
    """MultiQuantile: values named by their quantiles, trees that grow level by level"""
    options = {"loss_function": "MultiQuantile:alpha=0.1,0.5,0.9", "grow_policy": "Depthwise"}
    model = _model("CatBoostRegressor", **options).fit(NUMBERS, values(NUMBERS))
    return _saved(folder, model, _named(model.predict(NUMBERS[:TEST]), ("q0.1", "q0.5", "q0.9")))


@species("catboost-uncertainty")
def uncertainty(folder: Path) -> Grown:
    """RMSEWithUncertainty answers mean and variance"""
    model = _model("CatBoostRegressor", loss_function="RMSEWithUncertainty").fit(NUMBERS, values(NUMBERS))
    return _saved(folder, model, _named(model.predict(NUMBERS[:TEST]), ("mean", "variance")))


@species("catboost-ranking")
def ranking(folder: Path) -> Grown:
    """A ranker answers a score"""
    model = _model("CatBoostRanker", loss_function="YetiRank")
    model.fit(NUMBERS, THREE, group_id=np.repeat(np.arange(ROWS // 10), 10))
    return _saved(folder, model, valued(model.predict(NUMBERS[:TEST])))


@species("catboost-pickle")
def pickled(folder: Path) -> Grown:
    """A pickled classifier with categories"""
    frame = _mixed()
    model = _model("CatBoostClassifier", cat_features=["région", "degree", "räume"]).fit(frame, _moved(frame))
    return Grown(**as_pickle(folder, model), rows=rows_of(frame[:TEST]), answers=classified(model, frame[:TEST]))


@species("catboost-pickle-poisson")
def pickled_poisson(folder: Path) -> Grown:
    """A pickled regressor of counts"""
    model = _model("CatBoostRegressor", loss_function="Poisson").fit(NUMBERS, THREE)
    return Grown(**as_joblib(folder, model), rows=rows_of(NUMBERS[:TEST]), answers=regressed(model, NUMBERS[:TEST]))


@species("catboost-no-missing")
def no_missing(folder: Path) -> Grown:
    """Training forbade missing values, so they are refused"""
    rows = matrix(seed=23)
    model = _model("CatBoostRegressor", nan_mode="Forbidden").fit(rows, values(rows))
    bad: list[tuple[Any, str]] = [(rows_of(rows[:1])[0] | {"x1": None}, "null")]
    return _saved(folder, model, regressed(model, rows[:TEST]), rows[:TEST], bad=bad)


@species("catboost-numbers-json")
def numbers_json(folder: Path) -> Grown:
    """Numbers in CatBoost's own JSON"""
    model = _model("CatBoostRegressor").fit(NUMBERS, values(NUMBERS))
    model.save_model(str(folder / "model.json"), format="json")
    return Grown("model.json", rows_of(NUMBERS[:TEST]), regressed(model, NUMBERS[:TEST]))


def _many(model: Any) -> Any:
    rows = NUMBERS[:TEST]
    return labelled(model.predict(rows).reshape(-1), model.predict_proba(rows), model.classes_)


def _named(found: Any, names: tuple[str, ...]) -> list[Any]:
    return [{"prediction": dict(zip(names, row, strict=True))} for row in found.tolist()]
