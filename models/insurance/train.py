"""Train the insurance model: H2O AutoML on raw columns, exported as a MOJO; a user posts the raw CSV."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score, roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # runs as a plain script from anywhere

from models import automl, training
from models.insurance.synthetic import CHANNELS, FEATURES, TARGET, generate

ROWS = 30_000
SEED = 1
SPLIT_SEED = 100  # not SEED: the split would repeat the generator's first draws, and hold out one age group
SAMPLE_SEED = 2
TEST_SHARE = 0.2
CODES = ("Region_Code", "Policy_Sales_Channel")  # numbers in the file, names in truth
TEXTS = ("Gender", "Vehicle_Age", "Vehicle_Damage")
TYPES = dict.fromkeys(FEATURES, "numeric") | dict.fromkeys((*CODES, *TEXTS, TARGET), "enum")
GOLDEN = [
    ("Male", 44, 1, "28", 0, "> 2 Years", "Yes", 40454.0, "26", 217),
    ("Male", 76, 1, "3", 0, "1-2 Year", "No", 33536.0, "26", 183),
    ("Male", 21, 1, "11", 1, "< 1 Year", "No", 28619.0, "152", 203),
    ("Female", 41, 1, "28", 0, "1-2 Year", "Yes", 2630.0, "124", 30),
    ("Female", 23, 1, "8", 0, "< 1 Year", "Yes", 31000.0, "160", 99),
    ("Male", 52, 0, "46", 0, "1-2 Year", "Yes", 27000.0, "163", 10),
    ("Female", 35, 1, "52", 0, "1-2 Year", "Yes", 540165.0, "1", 299),
    ("Male", 85, 1, "0", 1, "> 2 Years", "Yes", 2630.0, "154", 150),
    ("Female", 20, 1, "28", 1, "< 1 Year", "No", 2630.0, "152", 10),
    (np.nan, 44, 1, np.nan, 0, np.nan, "Yes", 40454.0, np.nan, 217),
    ("Male", np.nan, np.nan, "28", np.nan, "1-2 Year", np.nan, np.nan, "26", np.nan),
    (np.nan,) * len(FEATURES),
]


def load(source: str | None) -> tuple[pd.DataFrame, Any, dict[str, Any]]:
    """Return the holders, the rule's own probability of each (None for given data), and a word on their origin."""
    if source is None:
        table, probability = generate(ROWS, SEED)
        origin: dict[str, Any] = {"source": "models/insurance/synthetic.py", "rows": len(table), "seed": SEED}
        return table[[*FEATURES, TARGET]], probability, origin
    content = training.read_bytes(source)
    table = pd.read_csv(io.BytesIO(content))
    if missing := [name for name in (*FEATURES, TARGET) if name not in table]:
        raise SystemExit(f"{source}: no column {', '.join(missing)}; expected {', '.join((*FEATURES, TARGET))}")
    for name in (*CODES, TARGET):
        table[name] = table[name].astype(float).astype("Int64").astype("string")  # the original writes 28.0
    origin = {"source": Path(source).name, "rows": len(table), "sha256": training.fingerprint(content)}
    return table[[*FEATURES, TARGET]], None, origin


def held_out(rows: int) -> Any:
    """Choose the test rows; the first rows, which show every level once, are always trained on."""
    test = np.random.default_rng(SPLIT_SEED).random(rows) < TEST_SHARE
    test[: len(CHANNELS)] = False
    return test


def evaluate(search: Any, table: pd.DataFrame, probability: Any) -> dict[str, Any]:
    """Return the leader's figures on rows that training never saw, and the best that any model could reach there."""
    labels, probabilities = zip(*automl.predict(search.leader, automl.upload(table, TYPES)), strict=True)
    truth = table[TARGET].astype(int).to_numpy()
    said = np.array(labels).astype(int)
    figures = {
        "cross_validated_auc": round(search.leader.auc(xval=True), 4),
        "cross_validated_logloss": round(search.leader.logloss(xval=True), 4),
        "test_auc": round(float(roc_auc_score(truth, [p[1] for p in probabilities])), 4),
        "test_f1": round(float(f1_score(truth, said)), 4),
        "test_accuracy": round(float(np.mean(said == truth)), 4),
        "test_majority_share": round(float(1 - truth.mean()), 4),
    }
    if probability is not None:
        figures["test_auc_of_the_rule"] = round(float(roc_auc_score(truth, probability)), 4)
    return figures


def write_sample(path: Path) -> None:
    """Write 20 raw rows as the original file has them: with `id`, codes as 28.0, no answer."""
    table, _ = generate(20 + len(CHANNELS), SAMPLE_SEED)
    rows = table.iloc[len(CHANNELS) :].drop(columns=TARGET)
    rows.assign(**{name: rows[name].astype(float) for name in CODES}).to_csv(path, index=False)


def main() -> None:
    """Train, evaluate, export."""
    job = training.read_job(__file__, __doc__ or "", "the original train.csv (default: synthetic)", None, target=TARGET)
    table, probability, origin = load(job.data)
    test = held_out(len(table))
    with automl.server():
        frame = automl.upload(table[~test], TYPES)
        levels = automl.domain(frame, TARGET)
        search = automl.train(frame, TARGET, project="insurance", max_models=5, seed=SEED)
        figures = evaluate(search, table[test], None if probability is None else probability[test])
        scoreboard = automl.leaderboard(search)
        automl.export(search.leader, job.out / "model.zip")
        rows = pd.DataFrame(GOLDEN, columns=list(FEATURES))
        answers = automl.predict(search.leader, automl.upload(rows, TYPES))
    write_sample(job.out / "sample.csv")
    training.write_golden(
        job.out,
        rows.to_dict("records"),
        [training.classified(label, dict(zip(levels, p, strict=True))) for label, p in answers],
    )
    metrics = {
        "data": origin,
        "split": f"{int((~test).sum())} rows to train (5-fold inside), {int(test.sum())} held out",
        "figures": figures,
        "leaderboard": scoreboard,
        "seed": SEED,
        "split_seed": SPLIT_SEED,
        "versions": training.versions("h2o", "numpy", "pandas", "scikit-learn"),
    }
    training.write_json(job.out / "metrics.json", metrics)
    print("insurance:", figures, "leader:", scoreboard[0]["model"])


if __name__ == "__main__":
    main()
