"""Raw XGBoost boosters: every objective that answers something else, dart, linear, both file formats."""

from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from .data import TEST, classes, matrix, people, values, worth
from .specimen import Grown, labelled, rows_of, species, valued

ROWS = matrix(holes=True, seed=17)
TWO, THREE = classes(ROWS, [0, 1]), classes(ROWS, [0, 1, 2])


def _train(target: Any, rounds: int = 6, rows: Any = ROWS, **parameters: Any) -> xgboost.Booster:
    table = xgboost.DMatrix(rows, target)
    return xgboost.train({"max_depth": 3, "seed": 0, **parameters}, table, rounds)


def _ask(booster: xgboost.Booster, rows: Any = ROWS[:TEST]) -> Any:
    return booster.predict(xgboost.DMatrix(rows))


def _saved(folder: Path, booster: xgboost.Booster, answers: Any, name: str = "model.ubj", rows: Any = None) -> Grown:
    booster.save_model(folder / name)
    return Grown(name, rows_of(ROWS[:TEST] if rows is None else rows), answers)


def _two(probabilities: Any) -> Any:
    return labelled((probabilities > 0.5).astype(int), np.column_stack([1 - probabilities, probabilities]), [0, 1])


@species("booster-logistic")
def logistic(folder: Path) -> Grown:
    """binary:logistic, JSON."""
    booster = _train(TWO, objective="binary:logistic")
    return _saved(folder, booster, _two(_ask(booster)), "model.json")


@species("booster-frame")
def from_frame(folder: Path) -> Grown:
    """A frame with whole-number and boolean columns and names outside ASCII."""
    rows = people("age", "rooms").assign(owner=people().rooms > 2)
    rows.columns = ["größe", "räume", "owner"]
    booster = _train(worth(), rows=rows)
    return _saved(folder, booster, valued(_ask(booster, rows[:TEST])), rows=rows[:TEST])


@species("booster-dart")
def dart(folder: Path) -> Grown:
    """Dart: trees that were dropped while training must not be dropped while predicting."""
    booster = _train(TWO, 12, booster="dart", rate_drop=0.5, objective="binary:logistic")
    return _saved(folder, booster, _two(_ask(booster)))


@species("booster-linear")
def linear(folder: Path) -> Grown:
    """A linear booster."""
    rows = np.nan_to_num(ROWS)
    booster = _train(values(ROWS), booster="gblinear", rows=rows, nthread=1)
    return _saved(folder, booster, valued(_ask(booster, rows[:TEST])), rows=rows[:TEST])


@species("booster-softmax")
def softmax(folder: Path) -> Grown:
    """multi:softmax answers classes without probabilities."""
    booster = _train(THREE, objective="multi:softmax", num_class=3)
    return _saved(folder, booster, labelled(_ask(booster).astype(int)))


@species("booster-softprob")
def softprob(folder: Path) -> Grown:
    """multi:softprob, dart, three classes."""
    booster = _train(THREE, objective="multi:softprob", num_class=3, booster="dart", rate_drop=0.3)
    probabilities = _ask(booster)
    return _saved(folder, booster, labelled(probabilities.argmax(axis=1), probabilities, [0, 1, 2]))


@species("booster-hinge")
def hinge(folder: Path) -> Grown:
    """binary:hinge answers 0 or 1."""
    booster = _train(TWO, objective="binary:hinge")
    return _saved(folder, booster, labelled(_ask(booster).astype(int)))


@species("booster-logitraw")
def logitraw(folder: Path) -> Grown:
    """binary:logitraw answers a score."""
    booster = _train(TWO, objective="binary:logitraw")
    return _saved(folder, booster, valued(_ask(booster)))


@species("booster-poisson")
def poisson(folder: Path) -> Grown:
    """count:poisson."""
    booster = _train(THREE, objective="count:poisson")
    return _saved(folder, booster, valued(_ask(booster)), "model.json")


@species("booster-gamma")
def gamma(folder: Path) -> Grown:
    """reg:gamma."""
    booster = _train(np.exp(np.nan_to_num(ROWS[:, 0])), objective="reg:gamma")
    return _saved(folder, booster, valued(_ask(booster)))


@species("booster-tweedie")
def tweedie(folder: Path) -> Grown:
    """reg:tweedie."""
    booster = _train(THREE, objective="reg:tweedie", tweedie_variance_power=1.4)
    return _saved(folder, booster, valued(_ask(booster)))


@species("booster-cox")
def cox(folder: Path) -> Grown:
    """survival:cox answers hazards."""
    booster = _train(np.where(TWO == 1, 1.0, -1.0) * (np.arange(len(TWO)) + 1), objective="survival:cox")
    return _saved(folder, booster, valued(_ask(booster)))


@species("booster-reglogistic")
def reg_logistic(folder: Path) -> Grown:
    """reg:logistic answers a share, not a class."""
    booster = _train(TWO * 0.8 + 0.1, objective="reg:logistic")
    return _saved(folder, booster, valued(_ask(booster)))


@species("booster-ranking")
def ranking(folder: Path) -> Grown:
    """rank:pairwise."""
    table = xgboost.DMatrix(ROWS, THREE, qid=np.repeat(np.arange(16), 10))
    booster = xgboost.train({"objective": "rank:pairwise", "max_depth": 3}, table, 5)
    return _saved(folder, booster, valued(_ask(booster)))


@species("booster-early")
def early(folder: Path) -> Grown:
    """A raw booster that stopped early is served as XGBClassifier would: with the best rounds."""
    train, held = xgboost.DMatrix(ROWS[60:], TWO[60:]), xgboost.DMatrix(ROWS[:60], TWO[:60])
    parameters = {"objective": "binary:logistic", "learning_rate": 0.9, "max_depth": 6}
    booster = xgboost.train(parameters, train, 60, [(held, "held")], early_stopping_rounds=3, verbose_eval=False)
    best = (0, booster.best_iteration + 1)
    return _saved(folder, booster, _two(booster.predict(xgboost.DMatrix(ROWS[:TEST]), iteration_range=best)))


@species("booster-dart-early")
def dart_early(folder: Path) -> Grown:
    """Dart, stopped early."""
    train, held = xgboost.DMatrix(ROWS[60:], TWO[60:]), xgboost.DMatrix(ROWS[:60], TWO[:60])
    parameters = {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.2, "learning_rate": 0.9}
    booster = xgboost.train(parameters, train, 40, [(held, "held")], early_stopping_rounds=3, verbose_eval=False)
    best = (0, booster.best_iteration + 1)
    return _saved(folder, booster, _two(booster.predict(xgboost.DMatrix(ROWS[:TEST]), iteration_range=best)))


@species("booster-parallel-trees")
def parallel_trees(folder: Path) -> Grown:
    """Several trees in every round."""
    booster = _train(TWO, 3, objective="binary:logistic", num_parallel_tree=4, subsample=0.6)
    return _saved(folder, booster, _two(_ask(booster)))


@species("booster-base-score")
def base_score(folder: Path) -> Grown:
    """A base score far from the data."""
    booster = _train(values(ROWS), 4, base_score=100.0)
    return _saved(folder, booster, valued(_ask(booster)))


@species("booster-unnamed-suffix")
def unnamed(folder: Path) -> Grown:
    """A UBJSON file called model.model."""
    booster = _train(TWO, objective="binary:logistic")
    booster.save_model(folder / "model.ubj")
    (folder / "model.ubj").rename(folder / "model.model")
    return Grown("model.model", rows_of(ROWS[:TEST]), _two(_ask(booster)))


@species("booster-no-rounds")
def no_rounds(folder: Path) -> Grown:
    """A booster without a single tree answers its base score."""
    booster = _train(TWO, 0, objective="binary:logistic", base_score=0.3)
    return _saved(folder, booster, _two(_ask(booster)))
