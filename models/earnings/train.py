"""Train the earnings model: one-hot levels and ridge regression on College Scorecard rows, saved with skops."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict, cross_validate
from sklearn.pipeline import Pipeline

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # runs as a plain script from anywhere

from models import training
from models.earnings import histogram
from models.earnings.columns import COLUMNS, LEVELS, NUMBERS, TARGET, encoder
from models.earnings.extract import load

SEED = 0
NAN = float("nan")
ENGLISH = "English Language and Literature, General."
GOLDEN = (
    (800, "Bachelors Degree", ENGLISH, "Private, nonprofit", "1", 15000, "11", 0.3),  # the published sample
    (1350, "Bachelors Degree", "Economics.", "Private, nonprofit", "2", 32000, "12", 0.15),
    (NAN, "Associate's Degree", "Accounting and Related Services.", "Public", "8", 10000, "11", 0.35),
    (NAN, "Undergraduate Certificate or Diploma", "Cosmetology and Related Personal Grooming Services.",
     "Private, for-profit", "5", NAN, "21", NAN),
    (1100, "First Professional Degree", "Law.", "Private, nonprofit", "5", 32500, "31", 0.76),
    (1200, "Master's Degree", "Business Administration, Management and Operations.", "Public", "3", 18000, "13", 0.6),
    (NAN, "Doctoral Degree", "Education, General.", "Foreign", NAN, NAN, NAN, NAN),
    (NAN, "Bachelors Degree", "Psychology, General.", "Public", NAN, 9000, NAN, 0.8),
    (1000, "Bachelors Degree", "Psychology, General.", "Public", "missing", 9000, "missing", 0.8),
    (0, "Bachelors Degree", "Psychology, General.", "Public", "6", 0, "41", 0),  # the old clients' way to say missing
    (1600, "Graduate/Professional Certificate", "TooSmall", "Private, nonprofit", "9", 60000, "43", 1.0),
    (NAN,) * len(COLUMNS),
)  # fmt: skip


def build() -> Pipeline:
    """Return the unfitted pipeline; the little shrinkage is for the 300 fields of study, many of them with few rows."""
    return Pipeline([("columns", encoder()), ("regression", Ridge(alpha=1.0))])


def evaluate(table: pd.DataFrame) -> dict[str, Any]:
    """Return the means over five shuffled folds, and what is left of them for public colleges alone."""
    folds = KFold(n_splits=5, shuffle=True, random_state=SEED)
    features, truth = table[list(COLUMNS)], table[TARGET].to_numpy()
    scores = cross_validate(build(), features, truth, cv=folds, scoring=("r2", "neg_mean_absolute_error"))
    errors = truth - cross_val_predict(build(), features, truth, cv=folds)
    public = (table["CONTROL"] == "Public").to_numpy()
    spread = truth[public] - truth[public].mean()
    return {
        "r2_5_fold": round(float(np.mean(scores["test_r2"])), 4),
        "r2_5_fold_sd": round(float(np.std(scores["test_r2"])), 4),
        "mae_5_fold_usd": round(float(-np.mean(scores["test_neg_mean_absolute_error"]))),
        "r2_public_rows": round(float(1 - np.sum(errors[public] ** 2) / np.sum(spread**2)), 4),
    }


def main() -> None:
    """Train, evaluate, save."""
    accepts = "folder of the three college-scorecard extracts, or one CSV with the eight columns and EARN_MDN_HI_2YR"
    job = training.read_job(__file__, __doc__ or "", accepts, "")
    table, origin = load(str(job.data))
    figures = evaluate(table)
    model = build().fit(table[list(COLUMNS)], table[TARGET])
    skops.io.dump(model, job.out / "model.skops", compression=zipfile.ZIP_DEFLATED, compresslevel=9)
    rows = pd.DataFrame(GOLDEN, columns=list(COLUMNS))
    rows = rows.astype(dict.fromkeys(LEVELS, object) | dict.fromkeys(NUMBERS, float))
    training.write_golden(job.out, rows.to_dict("records"), [{"value": float(v)} for v in model.predict(rows)])
    metrics = {
        "data": origin | {"rows": len(table), "public_rows": int((table["CONTROL"] == "Public").sum())},
        "split": "5-fold, shuffled; the artifact is fitted on all rows",
        "figures": figures,
        "seed": SEED,
        "versions": training.versions("scikit-learn", "skops", "numpy", "pandas", "scipy"),
    }
    training.write_json(job.out / "metrics.json", metrics)
    histogram.write(table, job.out)
    print("earnings:", figures)


if __name__ == "__main__":
    main()
