"""
The search of loan and insurance: baselines and AutoML on the same folds, one choice, then one look at the test split.

`select` is given training rows and nothing else; `measure` is called once, after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from models import automl, baselines, figures, leakage, results, selection, training
from models.selection import Candidate

#: Family -> the file that is served.
ARTIFACTS = {"xgboost": "model.ubj", "lightgbm": "model.txt", "h2o": "model.zip"}
TITLES = {
    "cross_validated_log_loss": "log loss, 5 folds of the training rows",
    "cross_validated_auc": "AUC, 5 folds of the training rows",
    "threshold": "threshold: best F1 on those folds",
    "test_log_loss": "log loss, held out",
    "test_auc": "AUC, held out",
    "test_f1": "F1 at the threshold, held out",
    "test_accuracy": "accuracy at the threshold, held out",
    "test_majority_share": "accuracy of always the commoner answer, held out",
    "test_auc_of_the_rule": "AUC of the generating rule itself, held out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Say what is predicted: `labels` are the two answers, the second one positive; `types` as H2O calls them."""

    name: str
    target: str
    labels: tuple[str, str]
    features: tuple[str, ...]
    types: Mapping[str, str]
    seed: int

    def truth(self, table: pd.DataFrame) -> Any:
        """Return 1 for the positive answer, 0 for the other; exit with a word where a row has a third one."""
        answers = table[self.target].astype(str)
        if odd := sorted(set(answers) - set(self.labels)):
            raise SystemExit(
                f"{self.target}: {', '.join(odd[:5])}; expected {' or '.join(self.labels)}\n"
                "fix: name the column of the answers by --target, with these two answers in it"
            )
        truth = (answers == self.labels[1]).astype(int).to_numpy()
        if truth.all() or not truth.any():
            raise SystemExit(f"{self.target}: one answer in all rows; expected {' and '.join(self.labels)}")
        return truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Hold all that selection knew and decided; `levels` are those of the training rows."""

    task: Task
    candidates: Sequence[Candidate]
    chosen: Candidate
    truth: Any
    threshold: float
    levels: Mapping[str, list[str]]

    @property
    def artifact(self) -> str:
        """Return the name of the file that is served."""
        return ARTIFACTS[self.chosen.family]

    def probability(self, model: Any, features: pd.DataFrame) -> Any:
        """Return what the chosen model says of the positive answer, from raw columns."""
        if self.chosen.family == "h2o":
            return np.array([p[1] for _, p in automl.predict(model, automl.upload(features, self.task.types))])
        return model.predict_proba(baselines.as_categories(features, self.levels))[:, 1]


class Loaded(NamedTuple):
    """Hold all rows, the true probability of each (None where nobody knows it), and what the card says of them."""

    table: pd.DataFrame
    rule: Any
    origin: Mapping[str, Any]


@contextmanager
def tools(max_models: int) -> Iterator[None]:
    """Run the H2O server for the block, if AutoML is to take part."""
    if not max_models:
        yield
        return
    with automl.server():
        yield


def select(task: Task, training: pd.DataFrame, *, max_models: int, max_runtime: int) -> Choice:
    """Return the choice among XGBoost, LightGBM and, unless `max_models` is 0, AutoML's models."""
    truth = task.truth(training)
    features = training[list(task.features)]
    leakage.refuse_copies(features, truth, "training rows")
    folds = selection.fold_numbers(truth, task.seed)
    levels = {
        name: sorted(features[name].dropna().astype(str).unique())
        for name in task.features
        if task.types[name] == "enum"
    }
    coded = baselines.as_categories(features, levels)
    found = baselines.candidates(coded, truth, folds, name=task.name, seed=task.seed)
    if max_models:
        found += automl.candidates(
            training[[*task.features, task.target]],
            truth,
            folds,
            target=task.target,
            types=task.types,
            name=task.name,
            seed=task.seed,
            max_models=max_models,
            max_runtime=max_runtime,
        )
    chosen = selection.choose(found)
    threshold = selection.best_threshold(truth, chosen.probability)
    return Choice(task=task, candidates=found, chosen=chosen, truth=truth, threshold=threshold, levels=levels)


def measure(choice: Choice, model: Any, test: pd.DataFrame, rule: Any) -> dict[str, float]:
    """Return the figures of the card; `rule` is the true probability of each test row, None where nobody knows it."""
    truth = choice.task.truth(test)
    features = test[list(choice.task.features)]
    leakage.refuse_copies(features, truth, "test rows")
    probability = choice.probability(model, features)
    said = probability >= choice.threshold
    figures = {
        "cross_validated_log_loss": choice.chosen.loss,
        "cross_validated_auc": choice.chosen.auc,
        "threshold": choice.threshold,
        "test_log_loss": log_loss(truth, probability),
        "test_auc": roc_auc_score(truth, probability),
        "test_f1": f1_score(truth, said),
        "test_accuracy": np.mean(said == truth),
        "test_majority_share": max(truth.mean(), 1 - truth.mean()),
    }
    if rule is not None:
        figures["test_auc_of_the_rule"] = roc_auc_score(truth, rule)
    return {name: round(float(value), 4) for name, value in figures.items()}


def save(choice: Choice, model: Any, out: Path) -> Path:
    """Write the artifact of the chosen family, and delete those of the others."""
    for name in ARTIFACTS.values():
        (out / name).unlink(missing_ok=True)
    path = out / choice.artifact
    if choice.chosen.family == "h2o":
        automl.export(model, path)
    elif choice.chosen.family == "lightgbm":
        model.booster_.save_model(path)
    else:
        model.save_model(path)
    return path


def golden(choice: Choice, model: Any, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the native library's answers: labels as the file of the model knows them, its own threshold applied."""
    if choice.chosen.family == "h2o":
        answers = automl.predict(model, automl.upload(rows, choice.task.types))
        return [
            {"label": label, "probabilities": dict(zip(choice.task.labels, p, strict=True))} for label, p in answers
        ]
    table = model.predict_proba(baselines.as_categories(rows, choice.levels))
    return [{"label": int(np.argmax(p)), "probabilities": {"0": float(p[0]), "1": float(p[1])}} for p in table.tolist()]


def train(script: str, job: training.Job, task: Task, *, loaded: Loaded, test: Any, rows: pd.DataFrame) -> None:
    """Search, choose, measure, save, record; `test` marks the rows held out, `rows` are golden."""
    with tools(job.max_models):
        choice = select(task, loaded.table[~test], max_models=job.max_models, max_runtime=job.max_runtime)
        model = choice.chosen.refit()
        measured = measure(choice, model, loaded.table[test], None if loaded.rule is None else loaded.rule[test])
        artifact = save(choice, model, job.out)
        metrics = {
            "data": loaded.origin,
            "split": f"{int((~test).sum())} rows to train (5-fold inside), {int(test.sum())} held out",
            "model": choice.chosen.name,
            "family": choice.chosen.family,
            "artifact": artifact.name,
            "parameters": choice.chosen.parameters,
            "figures": measured,
            "leaderboard": selection.leaderboard(choice.candidates, choice.chosen),
            "seed": task.seed,
            "versions": training.versions(training.XGBOOST, "lightgbm", "h2o", "scikit-learn", "numpy", "pandas"),
        }
        results.leave(
            script,
            results.Results(
                artifact=artifact,
                flavour=choice.chosen.family,
                model=model,
                metrics=metrics,
                titles=TITLES,
                parameters={
                    "target": job.target,
                    "max_models": job.max_models,
                    "max_runtime": job.max_runtime,
                    "model": choice.chosen.name,
                    **choice.chosen.parameters,
                },
                rows=rows,
                predictions=golden(choice, model, rows),
                plots=figures.classifier(
                    job.out, choice.truth, choice.chosen.probability, threshold=choice.threshold, labels=task.labels
                ),
            ),
        )
