"""Train the loan model on synthetic applications: H2O AutoML against XGBoost and LightGBM, the best one is served."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # runs as a plain script from anywhere

from models import search, tracking, training
from models.loan.synthetic import FEATURES, TARGET, generate

ROWS = 8_000
SEED = 1
SPLIT_SEED = 100  # not SEED: the split would repeat the generator's first draws, and hold out one age group
TEST_SHARE = 0.25
TYPES = dict.fromkeys((*FEATURES, TARGET), "enum") | {"loanamount": "numeric", "deposit": "numeric"}
MAX_MODELS = 10
TASK = search.Task(
    name="loan", target=TARGET, labels=("approved", "declined"), features=FEATURES, types=TYPES, seed=SEED
)
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


def load(source: str | None, target: str = TARGET) -> search.Loaded:
    """Return the applications; those that the rule made come with its own probability of `declined`."""
    if source is None:
        table, probability = generate(ROWS, SEED)
        origin = {"source": "models/loan/synthetic.py", "rows": len(table), "seed": SEED}
        return search.Loaded(table, 1 - probability, origin | {"sha256": training.fingerprint_of(table)})
    content = training.read_bytes(source)
    table = pd.read_csv(io.BytesIO(content)).rename(columns={"Loanamount": "loanamount", "Deposit": "deposit"})
    table = training.columns_of(table, (*FEATURES, target)).rename(columns={target: TARGET})
    origin = {"source": Path(source).name, "rows": len(table), "sha256": training.fingerprint(content)}
    return search.Loaded(table, None, origin)


def held_out(rows: int) -> Any:
    """Choose the test rows."""
    return np.random.default_rng(SPLIT_SEED).random(rows) < TEST_SHARE


def main() -> None:
    """Search, choose, measure, save, record."""
    job = training.read_job(
        __file__,
        __doc__ or "",
        "CSV with the six columns (default: synthetic)",
        None,
        target=TARGET,
        max_models=MAX_MODELS,
    )
    tracking.open_store()
    loaded = load(job.data, job.target)
    rows = pd.DataFrame(GOLDEN, columns=list(FEATURES))
    search.train(__file__, job, TASK, loaded=loaded, test=held_out(len(loaded.table)), rows=rows)


if __name__ == "__main__":
    main()
