"""Train the loan model: H2O AutoML on synthetic applications, exported as a MOJO."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # runs as a plain script from anywhere

from models import automl, training
from models.loan.synthetic import FEATURES, TARGET, generate

ROWS = 8_000
SEED = 1
SPLIT_SEED = 100  # not SEED: the split would repeat the generator's first draws, and hold out one age group
TEST_SHARE = 0.25
TYPES = dict.fromkeys((*FEATURES, TARGET), "enum") | {"loanamount": "numeric", "deposit": "numeric"}
GOLDEN = [
    ("Older", "SUV", 12342.5, 2360.67, "rural"),  # the published sample
    ("Young", "SUV", 12342.0, 2360.0, "rural"),
    ("Middle-Aged", "Saloon", 9000.0, 4500.0, "urban"),
    ("Young", "Convertible", 31000.0, 500.0, "urban"),
    ("Older", "Convertible", 18000.0, 9000.0, "rural"),
    ("Young", "Saloon", 8000.0, 2500.0, "urban"),
    ("Middle-Aged", "SUV", 0.0, 0.0, "rural"),
    ("Older", "Saloon", 250000.0, 1.0, "urban"),
    (np.nan, "SUV", 15000.0, 3000.0, "urban"),
    ("Middle-Aged", np.nan, np.nan, 3000.0, "rural"),
    ("Older", "Saloon", 15000.0, np.nan, np.nan),
    (np.nan, np.nan, np.nan, np.nan, np.nan),
]


def load(source: str | None) -> tuple[pd.DataFrame, Any, dict[str, Any]]:
    """Return the applications, the rule's own probability of each (None for given data), and a word on their origin."""
    if source is None:
        table, probability = generate(ROWS, SEED)
        return table, probability, {"source": "models/loan/synthetic.py", "rows": len(table), "seed": SEED}
    content = training.read_bytes(source)
    table = pd.read_csv(io.BytesIO(content)).rename(columns={"Loanamount": "loanamount", "Deposit": "deposit"})
    if missing := [name for name in (*FEATURES, TARGET) if name not in table]:
        raise SystemExit(f"{source}: no column {', '.join(missing)}; expected {', '.join((*FEATURES, TARGET))}")
    origin = {"source": Path(source).name, "rows": len(table), "sha256": training.fingerprint(content)}
    return table[[*FEATURES, TARGET]], None, origin


def held_out(rows: int) -> Any:
    """Choose the test rows."""
    return np.random.default_rng(SPLIT_SEED).random(rows) < TEST_SHARE


def evaluate(search: Any, table: pd.DataFrame, probability: Any) -> dict[str, Any]:
    """Return the leader's figures on rows that training never saw, and the best that any model could reach there."""
    labels, probabilities = zip(*automl.predict(search.leader, automl.upload(table, TYPES)), strict=True)
    declined = (table[TARGET] == "declined").to_numpy()
    p_declined = np.array([p[1] for p in probabilities])
    figures = {
        "cross_validated_auc": round(search.leader.auc(xval=True), 4),
        "test_auc": round(float(roc_auc_score(declined, p_declined)), 4),
        "test_accuracy": round(float(np.mean(np.array(labels) == table[TARGET])), 4),
        "test_majority_share": round(float(max(declined.mean(), 1 - declined.mean())), 4),
    }
    if probability is not None:
        figures["test_auc_of_the_rule"] = round(float(roc_auc_score(declined, 1 - probability)), 4)
    return figures


def main() -> None:
    """Train, evaluate, export."""
    job = training.read_job(
        __file__, __doc__ or "", "CSV with the six columns (default: synthetic)", None, target=TARGET
    )
    table, probability, origin = load(job.data)
    test = held_out(len(table))
    with automl.server():
        frame = automl.upload(table[~test], TYPES)
        levels = automl.domain(frame, TARGET)
        search = automl.train(frame, TARGET, project="loan", max_models=6, seed=SEED)
        figures = evaluate(search, table[test], None if probability is None else probability[test])
        scoreboard = automl.leaderboard(search)
        automl.export(search.leader, job.out / "model.zip")
        rows = pd.DataFrame(GOLDEN, columns=list(FEATURES))
        answers = automl.predict(search.leader, automl.upload(rows, TYPES))
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
    print("loan:", figures, "leader:", scoreboard[0]["model"])


if __name__ == "__main__":
    main()
