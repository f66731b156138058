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
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # runs as a plain script from anywhere

from models import figures, results, tracking, training
from models.earnings import histogram
from models.earnings.columns import COLUMNS, LEVELS, NUMBERS, TARGET, encoder
from models.earnings.extract import load

SEED = 0
FOLDS = 5
ALPHA = 1.0  # a little shrinkage for the 300 fields of study, many of them with few rows
TITLES = {
    "r2_5_fold": "R2, mean of 5 folds",
    "r2_5_fold_sd": "its standard deviation over folds",
    "mae_5_fold_usd": "mean absolute error, USD",
    "r2_public_rows": "R2 among public colleges alone",
}
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
    """Return the unfitted pipeline."""
    return Pipeline([("columns", encoder()), ("regression", Ridge(alpha=ALPHA))])


def out_of_fold(table: pd.DataFrame) -> tuple[Any, list[Any]]:
    """Return the earnings of each row, said by the model of the folds without it, and the rows of each fold."""
    features, truth = table[list(COLUMNS)], table[TARGET].to_numpy()
    splits = list(KFold(n_splits=FOLDS, shuffle=True, random_state=SEED).split(features))
    predicted = np.empty(len(truth))
    for inside, outside in tqdm(splits, desc="earnings", unit="fold"):
        predicted[outside] = build().fit(features.iloc[inside], truth[inside]).predict(features.iloc[outside])
    return predicted, [outside for _, outside in splits]


def evaluate(table: pd.DataFrame, predicted: Any, folds: list[Any]) -> dict[str, Any]:
    """Return the means over five shuffled folds, and what is left of them for public colleges alone."""
    truth = table[TARGET].to_numpy()
    r2 = [r2_score(truth[fold], predicted[fold]) for fold in folds]
    errors = [mean_absolute_error(truth[fold], predicted[fold]) for fold in folds]
    public = (table["CONTROL"] == "Public").to_numpy()
    return {
        "r2_5_fold": round(float(np.mean(r2)), 4),
        "r2_5_fold_sd": round(float(np.std(r2)), 4),
        "mae_5_fold_usd": round(float(np.mean(errors))),
        "r2_public_rows": round(float(r2_score(truth[public], predicted[public])), 4),
    }


def main() -> None:
    """Train, evaluate, save, record."""
    accepts = "folder of the three college-scorecard extracts, or one CSV with the eight columns and EARN_MDN_HI_2YR"
    job = training.read_job(__file__, __doc__ or "", accepts, "", target=TARGET)
    tracking.open_store()
    table, origin = load(str(job.data), job.target)
    predicted, folds = out_of_fold(table)
    model = build().fit(table[list(COLUMNS)], table[TARGET])
    skops.io.dump(model, job.out / "model.skops", compression=zipfile.ZIP_DEFLATED, compresslevel=9)
    rows = pd.DataFrame(GOLDEN, columns=list(COLUMNS))
    rows = rows.astype(dict.fromkeys(LEVELS, object) | dict.fromkeys(NUMBERS, float))
    metrics = {
        "data": origin | {"rows": len(table), "public_rows": int((table["CONTROL"] == "Public").sum())},
        "split": "5-fold, shuffled; the artifact is fitted on all rows",
        "figures": evaluate(table, predicted, folds),
        "seed": SEED,
        "versions": training.versions("scikit-learn", "skops", "numpy", "pandas", "scipy"),
    }
    histogram.write(table, job.out)
    results.leave(
        __file__,
        results.Results(
            artifact=job.out / "model.skops",
            flavour="sklearn",
            model=model,
            metrics=metrics,
            titles=TITLES,
            parameters={"target": job.target, "seed": SEED, "folds": FOLDS, "model": "Ridge", "alpha": ALPHA},
            rows=rows,
            predictions=[{"value": float(v)} for v in model.predict(rows)],
            plots=figures.regressor(job.out, table[TARGET], predicted, unit="USD"),
        ),
    )


if __name__ == "__main__":
    main()
