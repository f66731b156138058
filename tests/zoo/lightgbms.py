"""LightGBM: text models and pickles, levels of pandas columns, codes, every kind of answer, limits and damage."""

import json
import pickle
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from .data import TEST, classes, matrix, old_or_young, people, values, worth
from .specimen import Grown, classified, labelled, pinned, regressed, rows_of, species, valued

NUMBERS = matrix(holes=True, seed=23)
TWO, THREE = classes(NUMBERS, [0, 1]), classes(NUMBERS, [0, 1, 2])
SMALL: dict[str, Any] = {"num_threads": 1, "verbose": -1, "min_data_in_leaf": 4, "min_data_per_group": 3, "seed": 0}


def _train(rows: Any, target: Any, rounds: int = 6, **options: Any) -> lightgbm.Booster:
    codes = options.pop("codes", "auto")
    return lightgbm.train({**SMALL, **options}, lightgbm.Dataset(rows, target, categorical_feature=codes), rounds)


def _saved(folder: Path, booster: lightgbm.Booster, answers: Any, rows: Any = None, **more: Any) -> Grown:
    booster.save_model(folder / "model.txt")
    return Grown("model.txt", rows_of(NUMBERS[:TEST] if rows is None else rows), answers, **more)


def _pickled(folder: Path, model: Any, answers: Any, rows: Any) -> Grown:
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    return Grown("model.pkl", rows_of(rows), answers, entry=pinned(folder / "model.pkl"))


def _two(chances: Any) -> Any:
    return labelled((chances > 0.5).astype(int), np.column_stack([1 - chances, chances]), [0, 1])


def _frame() -> Any:
    frame = people("age", "region", "degree", "rooms")
    return frame.astype({"region": "category", "degree": "category", "rooms": "category"})


@species("lightgbm-levels", core=True)
def levels(folder: Path) -> Grown:
    """Categories of words, with holes and outside ASCII, and of whole numbers; a level that is none is refused."""
    frame = _frame()
    booster = _train(frame, (old_or_young() == "old").astype(int), objective="binary")
    unseen = rows_of(frame[:1].astype({"region": object}).assign(region="Mars"))[0]
    return _saved(folder, booster, _two(booster.predict(frame[:TEST])), frame[:TEST], bad=[(unseen, "enum")])


@species("lightgbm-codes")
def codes(folder: Path) -> Grown:
    """Categories as whole numbers of a matrix."""
    rows = np.column_stack([NUMBERS[:, 0], np.arange(len(NUMBERS)) * 7 % 12])
    booster = _train(rows, np.nan_to_num(rows[:, 0]) + rows[:, 1] % 5, codes=[1])
    return _saved(folder, booster, valued(booster.predict(rows[:TEST])), rows[:TEST])


@species("lightgbm-classes")
def three(folder: Path) -> Grown:
    """Three classes of a matrix with holes."""
    booster = _train(NUMBERS, THREE, objective="multiclass", num_class=3)
    chances = np.asarray(booster.predict(NUMBERS[:TEST]))
    return _saved(folder, booster, labelled(chances.argmax(axis=1), chances, [0, 1, 2]))


@species("lightgbm-forest")
def forest(folder: Path) -> Grown:
    """A random forest answers the mean of its trees."""
    options: dict[str, Any] = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
    booster = _train(NUMBERS, values(NUMBERS), **options)
    return _saved(folder, booster, valued(booster.predict(NUMBERS[:TEST])))


@species("lightgbm-zero")
def zero(folder: Path) -> Grown:
    """Zero counts as missing."""
    rows = np.where(np.isnan(NUMBERS), 0.0, NUMBERS)
    booster = _train(rows, values(rows), zero_as_missing=True)
    return _saved(folder, booster, valued(booster.predict(rows[:TEST])), rows[:TEST])


@species("lightgbm-linear")
def linear(folder: Path) -> Grown:
    """Leaves with formulas."""
    rows = np.nan_to_num(NUMBERS)
    _train(rows, values(rows), linear_tree=True).save_model(folder / "model.txt")
    booster = lightgbm.Booster(model_file=folder / "model.txt")  # a file keeps fewer digits of the formulas
    return Grown("model.txt", rows_of(rows[:TEST]), valued(booster.predict(rows[:TEST])))


@species("lightgbm-pickled")
def pickled(folder: Path) -> Grown:
    """A pickled LGBMClassifier with words as classes, fitted on categories."""
    frame = _frame()
    model = lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1, min_child_samples=4).fit(
        frame, old_or_young()
    )
    return _pickled(folder, model, classified(model, frame[:TEST]), frame[:TEST])


@species("lightgbm-pickled-value")
def pickled_value(folder: Path) -> Grown:
    """A pickled LGBMRegressor."""
    rows = people("age", "rooms").astype(float)
    model = lightgbm.LGBMRegressor(n_estimators=5, n_jobs=1, verbose=-1, min_child_samples=4).fit(rows, worth())
    return _pickled(folder, model, regressed(model, rows[:TEST]), rows[:TEST])


@species("lightgbm-dump")
def dump(folder: Path) -> Grown:
    """A dump as JSON, which LightGBM itself cannot load."""
    (folder / "model.json").write_text(json.dumps(_train(NUMBERS, values(NUMBERS)).dump_model()))
    return Grown("model.json", refused="unsupported-model", says="save_model")


@species("lightgbm-cut")
def cut(folder: Path) -> Grown:
    """A text model that was copied half."""
    text = _train(NUMBERS, values(NUMBERS)).model_to_string()
    (folder / "model.txt").write_text(text[: len(text) // 2])
    return Grown("model.txt", refused="broken-artifact", says="LightGBM")
