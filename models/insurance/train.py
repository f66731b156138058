"""Train the insurance model on raw columns: H2O AutoML against XGBoost and LightGBM; a user posts the raw CSV."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # runs as a plain script from anywhere

from models import search, tracking, training
from models.insurance.synthetic import CHANNELS, FEATURES, TARGET, generate

ROWS = 30_000
SEED = 1
SPLIT_SEED = 100  # not SEED: the split would repeat the generator's first draws, and hold out one age group
SAMPLE_SEED = 2
TEST_SHARE = 0.2
CODES = ("Region_Code", "Policy_Sales_Channel")  # numbers in the file, names in truth
TEXTS = ("Gender", "Vehicle_Age", "Vehicle_Damage")
TYPES = dict.fromkeys(FEATURES, "numeric") | dict.fromkeys((*CODES, *TEXTS, TARGET), "enum")
NUMBERS = {name: float for name in FEATURES if TYPES[name] == "numeric"}
MAX_MODELS = 10
TASK = search.Task(name="insurance", target=TARGET, labels=("0", "1"), features=FEATURES, types=TYPES, seed=SEED)
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


def load(source: str | None, target: str = TARGET) -> search.Loaded:
    """Return the holders; those that the rule made come with its own probability of a yes."""
    if source is None:
        table, probability = generate(ROWS, SEED)
        table = table[[*FEATURES, TARGET]]
        origin = {"source": "models/insurance/synthetic.py", "rows": len(table), "seed": SEED}
        return search.Loaded(table, probability, origin | {"sha256": training.fingerprint_of(table)})
    content = training.read_bytes(source)
    table = training.columns_of(pd.read_csv(io.BytesIO(content)), (*FEATURES, target)).rename(columns={target: TARGET})
    for name in (*CODES, TARGET):
        table[name] = table[name].astype(float).astype("Int64").astype("string")  # the original writes 28.0
    origin = {"source": Path(source).name, "rows": len(table), "sha256": training.fingerprint(content)}
    return search.Loaded(table.astype(dict.fromkeys(CODES, object)), None, origin)


def held_out(rows: int) -> Any:
    """Choose the test rows; the first rows, which show every level once, are always trained on."""
    test = np.random.default_rng(SPLIT_SEED).random(rows) < TEST_SHARE
    test[: len(CHANNELS)] = False
    return test


def write_sample(path: Path) -> None:
    """Write 20 raw rows as the original file has them: with `id`, codes as 28.0, no answer."""
    table, _ = generate(20 + len(CHANNELS), SAMPLE_SEED)
    rows = table.iloc[len(CHANNELS) :].drop(columns=TARGET)
    rows.assign(**{name: rows[name].astype(float) for name in CODES}).to_csv(path, index=False)


def main() -> None:
    """Search, choose, measure, save, record."""
    job = training.read_job(
        __file__,
        __doc__ or "",
        "the original train.csv (default: synthetic)",
        None,
        target=TARGET,
        max_models=MAX_MODELS,
    )
    tracking.open_store()
    loaded = load(job.data, job.target)
    rows = pd.DataFrame(GOLDEN, columns=list(FEATURES)).astype(NUMBERS)
    search.train(__file__, job, TASK, loaded=loaded, test=held_out(len(loaded.table)), rows=rows)
    write_sample(job.out / "sample.csv")


if __name__ == "__main__":
    main()
