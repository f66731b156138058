"""Which model is served is decided by training rows alone, by one rule, and no column may tell the answer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from models import baselines, leakage, results, search, selection, training
from models.insurance import train as insurance
from models.loan import train as loan
from models.selection import Candidate

SCRIPTS = pytest.mark.parametrize("script", [loan, insurance], ids=["loan", "insurance"])
#: Of tests that fit a model of each, one of the two in the short run.
FITTING = pytest.mark.parametrize(
    "script", [pytest.param(loan, id="loan"), pytest.param(insurance, id="insurance", marks=pytest.mark.slow)]
)
ROOT = Path(__file__).resolve().parents[2]
#: A number of each, whose values the tests replace.
PLANTED = {"loan": "deposit", "insurance": "Vintage"}
ROWS = 1_500


def candidate(name: str, *losses: float, single: bool = True) -> Candidate:
    return Candidate(name=name, family="xgboost", losses=losses, auc=0.9, probability=None, single=single)


@pytest.mark.parametrize(("better_by", "chosen"), [(0.0005, "tree"), (0.0009, "tree"), (0.0011, "stack")])
def test_an_ensemble_must_be_better_by_more_than_one_standard_error(better_by: float, chosen: str) -> None:
    """The single model's losses lie 0.001 around their mean: that is the standard error to beat."""
    spread = 0.001 * np.array([-1, 0, 1]) * np.sqrt(3)
    single = candidate("tree", *(0.4 + spread))
    assert single.standard_error == pytest.approx(0.001)
    stack = candidate("stack", *(0.4 - better_by + spread), single=False)
    worse = candidate("worse", 0.5, 0.5, 0.5)
    assert selection.choose([worse, stack, single]).name == chosen


def test_the_threshold_is_the_one_of_best_f1() -> None:
    """Of all probabilities that were given, none would have said better."""
    random = np.random.default_rng(0)
    probability = random.random(500).round(3)
    truth = (random.random(500) < probability**2).astype(int)

    def f1(threshold: float) -> float:
        said = probability >= threshold
        return float(2 * (said & (truth == 1)).sum() / (said.sum() + truth.sum()))

    found = selection.best_threshold(truth, probability)
    assert f1(found) == max(map(f1, np.unique(probability)))


def test_every_candidate_is_validated_on_the_same_folds() -> None:
    """The folds follow from the answers and the seed, hold each row once, and have the shares of the whole."""
    truth = (np.random.default_rng(1).random(1000) < 0.1).astype(int)
    folds = selection.fold_numbers(truth, 1)
    assert (folds == selection.fold_numbers(truth, 1)).all()
    outside = np.concatenate([places for _, places in selection.splits(folds)])
    assert sorted(outside) == list(range(1000))
    assert all(abs(truth[folds == fold].mean() - truth.mean()) < 0.01 for fold in range(selection.FOLDS))


class Watched:
    """Stand for a frame whose rows can be taken by a mask and in no other way, and note which rows were taken."""

    def __init__(self, table: pd.DataFrame, test: Any, events: list[str]) -> None:
        self._table, self._test, self._events = table, test, events

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, mask: Any) -> pd.DataFrame:
        self._events.append("test rows" if (mask & self._test).any() else "training rows")
        return self._table[mask]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Draw one setting of XGBoost instead of ten."""
    monkeypatch.setattr(baselines, "SEARCHED", 1)
    yield


@FITTING
def test_selection_never_reads_the_test_split(
    script: Any, quick: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Model and threshold are chosen before the first test row is taken; the test rows are taken once."""
    events: list[str] = []
    for name in ("select", "measure"):
        step = getattr(search, name)

        def noted(*args: Any, step: Any = step, name: str = name, **kwargs: Any) -> Any:
            done = step(*args, **kwargs)
            events.append(name)
            return done

        monkeypatch.setattr(search, name, noted)
    monkeypatch.setattr(results, "leave", lambda *_: events.append("results"))
    table, rule, origin = script.load(None)
    test = script.held_out(ROWS)
    rows = pd.DataFrame(script.GOLDEN, columns=list(script.FEATURES)).astype(getattr(script, "NUMBERS", {}))
    watched: Any = Watched(table[:ROWS], test, events)
    search.train(
        "train.py", training.Job(None, tmp_path, script.TARGET), script.TASK,
        loaded=search.Loaded(watched, rule[:ROWS], origin), test=test, rows=rows,
    )  # fmt: skip
    assert events == ["training rows", "select", "test rows", "measure", "results"]


@SCRIPTS
def test_no_column_tells_the_answer(script: Any) -> None:
    """Neither among the rows of training nor among those held out is a column that sorts the answers alone."""
    table = script.load(None).table
    test = script.held_out(len(table))
    for rows in (table[~test], table[test]):
        assert leakage.copies(rows[list(script.FEATURES)], script.TASK.truth(rows)) == {}


def with_copy(script: Any, where: Any) -> tuple[pd.DataFrame, str]:
    """Return the data with a copy of the target in one column of the rows given, and the name of that column."""
    table, name = script.load(None).table[:ROWS].copy(), PLANTED[script.TASK.name]
    table[name] = table[name].astype(float).where(~where, script.TASK.truth(table) * 100.0)
    return table, name


@SCRIPTS
def test_a_copy_of_the_target_in_the_training_folds_is_refused(script: Any, quick: None) -> None:
    """The search ends before it starts, and names the column; without the check it would have looked perfect."""
    test = script.held_out(ROWS)
    table, name = with_copy(script, ~test)
    with pytest.raises(SystemExit, match=f"leakage in the training rows: {name} "):
        search.select(script.TASK, table[~test], max_models=0, max_runtime=0)


@FITTING
def test_a_copy_of_the_target_in_the_test_split_alone_is_refused(script: Any, quick: None) -> None:
    """No figure is computed from test rows with such a column, though the model never saw it."""
    test = script.held_out(ROWS)
    table, name = with_copy(script, test)
    choice = search.select(script.TASK, table[~test], max_models=0, max_runtime=0)
    with pytest.raises(SystemExit, match=f"leakage in the test rows: {name} "):
        search.measure(choice, choice.chosen.refit(), table[test], None)


@SCRIPTS
def test_the_rule_gives_what_is_served(script: Any) -> None:
    """Leaderboard, card, artifact and registry tell of one choice and one threshold."""
    folder = ROOT / "models" / script.TASK.name
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    board = metrics["leaderboard"]
    (served,) = [row for row in board if row["chosen"]]
    best = min((row for row in board if row["kind"] == "single"), key=lambda row: row["log_loss"])
    limit = best["log_loss"] - best["standard_error"]
    better = [row for row in board if row["kind"] == "ensemble" and row["log_loss"] < limit]
    assert served == (min(better, key=lambda row: row["log_loss"]) if better else best)
    assert {row["family"] for row in board} == {"xgboost", "lightgbm", "h2o"}
    card = (folder / "README.md").read_text(encoding="utf-8")
    for row in board:
        name = f"**{row['model']}**" if row["chosen"] else row["model"]
        assert f"| {name} | {row['kind']} | {row['log_loss']} | {row['standard_error']} | {row['auc']} |" in card
    registry = yaml.safe_load((ROOT / "registry.yaml").read_text(encoding="utf-8"))
    route = registry["routes"][f"/{script.TASK.name}"]
    assert route["artifact"] == f"models/{script.TASK.name}/{metrics['artifact']}"
    assert (ROOT / route["artifact"]).is_file()
    assert route["outputs"]["threshold"] == metrics["figures"]["threshold"]
    assert [str(label) for label in route["outputs"]["labels"]] == list(script.TASK.labels)
    assert str(route["outputs"]["positive"]) == script.TASK.labels[1]
