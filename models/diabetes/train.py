"""Train the diabetes model: gradient-boosted trees on the Pima measurements, saved in XGBoost's own format."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from tqdm import tqdm
from xgboost import XGBClassifier

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # runs as a plain script from anywhere

from models import figures, results, selection, tracking, training

FEATURES = (
    "times_pregnant",
    "glucose",
    "blood_pressure",
    "skin_fold_thick",
    "serum_insulin",
    "mass_index",
    "diabetes_pedigree",
    "age",
)
TARGET = "class"
ZERO_IS_MISSING = ("glucose", "blood_pressure", "skin_fold_thick", "serum_insulin", "mass_index")
SEED = 0
PARAMETERS: dict[str, Any] = {
    "n_estimators": 200,
    "max_depth": 3,
    "learning_rate": 0.03,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
}
TITLES = {
    "auc_5_fold": "AUC, mean of 5 folds",
    "auc_5_fold_sd": "its standard deviation over folds",
    "accuracy_5_fold": "accuracy, mean of 5 folds",
    "logloss_5_fold": "log loss, mean of 5 folds",
    "majority_share": "accuracy of always answering 0",
}
NAN = float("nan")
GOLDEN = (
    (1, 106, 70, 28, 135, 34.2, 0.142, 22),  # the published sample
    (8, 183, 64, NAN, NAN, 23.3, 0.672, 32),
    (0, 95, 80, 20, 90, 25.0, 0.3, 25),
    (2, 130, 70, 30, 150, 31.0, 0.45, 38),
    (10, 165, 85, 35, 200, 36.5, 0.9, 52),
    (0, 199, 60, 40, 400, 45.0, 1.5, 29),
    (5, NAN, 72, 25, 100, 30.0, 0.5, 45),
    (3, 120, NAN, NAN, NAN, NAN, 0.25, 30),
    (17, 90, 110, 10, 20, 19.0, 0.1, 81),
    (0, 127.5, 68.5, 29.5, 110.25, 32.35, 0.3725, 21),
    (0, 0, 0, 0, 0, 0, 0, 0),  # zeros as zeros: reading them as missing is the caller's business
    (NAN,) * len(FEATURES),
)


def load(content: bytes, target: str = TARGET) -> pd.DataFrame:
    """Read the original file (nine columns, no header), or one with a header; zeros that mean missing become NaN."""
    table = pd.read_csv(io.BytesIO(content), header=None)
    if not pd.api.types.is_numeric_dtype(table[0]):
        table = training.columns_of(pd.read_csv(io.BytesIO(content)), (*FEATURES, target)).rename(
            columns={target: TARGET}
        )
    elif target != TARGET or table.shape[1] != len(FEATURES) + 1:
        raise SystemExit(
            f"{table.shape[1]} columns without a header; expected 9: {', '.join(FEATURES)}, {TARGET}\n"
            "fix: write the names of the columns in the first line of the file, then --target names one of them"
        )
    table.columns = [*FEATURES, TARGET]
    table = table.astype(dict.fromkeys(FEATURES, float) | {TARGET: int})
    for name in ZERO_IS_MISSING:
        table[name] = table[name].where(table[name] != 0)
    return table


def build() -> XGBClassifier:
    """
    Return the unfitted classifier: shallow and slow, since defaults overfit 768 rows (AUC .79).

    One thread: sums in another order would move the last digits.
    """
    return XGBClassifier(**PARAMETERS, random_state=SEED, n_jobs=1)


def out_of_fold(table: pd.DataFrame) -> tuple[Any, Any]:
    """Return the probability of diabetes of each row, said by the model of the folds without it, and its fold."""
    features, truth = table[list(FEATURES)], table[TARGET].to_numpy()
    folds = selection.fold_numbers(truth, SEED)
    probability = np.empty(len(truth))
    for inside, outside in tqdm(list(selection.splits(folds)), desc="diabetes", unit="fold"):
        model = build().fit(features.iloc[inside], truth[inside])
        probability[outside] = model.predict_proba(features.iloc[outside])[:, 1]
    return probability, folds


def evaluate(table: pd.DataFrame, probability: Any, folds: Any) -> dict[str, float]:
    """Return the means over five stratified folds; nothing was tuned on them but the choice among six settings."""
    truth = table[TARGET].to_numpy()
    measured = [
        (
            roc_auc_score(truth[outside], probability[outside]),
            accuracy_score(truth[outside], probability[outside] > 0.5),
            log_loss(truth[outside], probability[outside]),
        )
        for _, outside in selection.splits(folds)
    ]
    auc, accuracy, logloss = np.mean(measured, axis=0)
    return {
        "auc_5_fold": round(float(auc), 4),
        "auc_5_fold_sd": round(float(np.std([row[0] for row in measured])), 4),
        "accuracy_5_fold": round(float(accuracy), 4),
        "logloss_5_fold": round(float(logloss), 4),
        "majority_share": round(float(max(truth.mean(), 1 - truth.mean())), 4),
    }


def main() -> None:
    """Train, evaluate, save, record."""
    accepts = "pima-indians-diabetes.csv, nine columns without a header; or a CSV with a header of these names"
    job = training.read_job(__file__, __doc__ or "", accepts, "pima-indians-diabetes.csv", target=TARGET)
    tracking.open_store()
    source = str(job.data)
    content = training.read_bytes(source)
    table = load(content, job.target)
    probability, folds = out_of_fold(table)
    model = build().fit(table[list(FEATURES)], table[TARGET])
    model.save_model(job.out / "model.ubj")
    rows = pd.DataFrame(GOLDEN, columns=list(FEATURES), dtype=float)
    names = [str(label) for label in model.classes_]
    predictions = [
        training.classified(int(label), dict(zip(names, p, strict=True)))
        for label, p in zip(model.predict(rows), model.predict_proba(rows), strict=True)
    ]
    origin: dict[str, Any] = {"source": Path(source).name, "rows": len(table), "sha256": training.fingerprint(content)}
    metrics = {
        "data": origin,
        "split": "stratified 5-fold, shuffled; the artifact is fitted on all rows",
        "figures": evaluate(table, probability, folds),
        "seed": SEED,
        "versions": training.versions(training.XGBOOST, "scikit-learn", "numpy", "pandas"),
    }
    truth = table[TARGET].to_numpy()
    results.leave(
        __file__,
        results.Results(
            artifact=job.out / "model.ubj",
            flavour="xgboost",
            model=model,
            metrics=metrics,
            titles=TITLES,
            parameters={"target": job.target, "seed": SEED, "folds": selection.FOLDS, **PARAMETERS},
            rows=rows,
            predictions=predictions,
            plots=figures.classifier(job.out, truth, probability, threshold=0.5, labels=("no", "yes")),
        ),
    )


if __name__ == "__main__":
    main()
