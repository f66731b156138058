"""
Make what docs/promote.md promotes: a served diabetes model and three candidates, a better, an equal and a broken one.

usage: python scripts/examples/promote_diabetes.py FOLDER [--data pima-indians-diabetes.csv]

A quarter of the rows is held out and written with its right answers (holdout.csv); no model is trained on it. The
served model saw 300 of the other rows, the better one all of them. The equal one is the served one in another format.
The broken one is the better one, trained on a table in which two columns had changed places.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from xgboost import XGBClassifier

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GATEWAY_DATA") or ROOT / ".." / "shared" / "data") / "pima-indians-diabetes.csv"
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
ZERO_IS_MISSING = ("glucose", "blood_pressure", "skin_fold_thick", "serum_insulin", "mass_index")
EXCHANGED = ("mass_index", "age")
SERVED_ROWS = 300
GOLDEN_ROWS = 12
SEED = 0
REGISTRY = """\
version: 1
routes:
  # The clinic asks this one.
  /diabetes:
    artifact: served/model.ubj  # trained in spring
    inputs:
      glucose: {missing: 0, unit: mg/dL}
      blood_pressure: {missing: 0, unit: mmHg}
      skin_fold_thick: {missing: 0, unit: mm}
      serum_insulin: {missing: 0, unit: muU/mL}
      mass_index: {missing: 0, unit: kg/m2}
    outputs: {labels: ["no", "yes"], positive: "yes"}
"""
Table = npt.NDArray[np.float64]


def main() -> None:
    """Read the data, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA, help="nine columns without a header")
    options = parser.parse_args()
    if not options.data.is_file():
        raise SystemExit(
            f"{options.data}: no such file; name the Pima data with --data, or its folder with GATEWAY_DATA"
        )
    table = np.loadtxt(options.data, delimiter=",")
    order = np.random.default_rng(SEED).permutation(len(table))
    held = len(table) // 4
    holdout, rows = table[order[:held]], table[order[held:]]
    served, better = fitted(rows[:SERVED_ROWS]), fitted(rows)
    exchanged = rows.copy()
    first, second = (FEATURES.index(name) for name in EXCHANGED)
    exchanged[:, [first, second]] = rows[:, [second, first]]
    broken = fitted(exchanged)
    write(options.folder / "served" / "model.ubj", served, rows)
    write(options.folder / "equal" / "model.json", served, rows)
    write(options.folder / "better" / "model.ubj", better, rows)
    write(options.folder / "broken" / "model.ubj", broken, rows)
    with (options.folder / "holdout.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*FEATURES, "diabetes"])
        writer.writerows([[*(f"{value:g}" for value in row[:-1]), "yes" if row[-1] else "no"] for row in holdout])
    (options.folder / "registry.yaml").write_text(REGISTRY, encoding="utf-8")
    print(f"{options.folder}: served, better, equal, broken; {held} rows held out")


def inputs_of(rows: Table) -> Table:
    """Return the eight columns; a zero that means missing is NaN."""
    features = rows[:, :-1].copy()
    for name in ZERO_IS_MISSING:
        column = features[:, FEATURES.index(name)]
        column[column == 0] = np.nan
    return features


def fitted(rows: Table) -> XGBClassifier:
    """Return the classifier of models/diabetes, fitted on these rows."""
    model = XGBClassifier(
        n_estimators=200,
        max_depth=3,
        learning_rate=0.03,
        subsample=0.8,
        colsample_bytree=0.8,
        random_state=SEED,
        n_jobs=1,
    )
    return model.fit(inputs_of(rows), rows[:, -1].astype(int))


def write(path: Path, model: XGBClassifier, rows: Table) -> None:
    """Save a model with the names of its columns, and its own answers to some rows as golden rows beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    model.get_booster().feature_names = list(FEATURES)
    model.save_model(path)
    inputs = inputs_of(rows[:GOLDEN_ROWS])
    probabilities = model.get_booster().inplace_predict(inputs, missing=np.nan)
    golden = {
        "version": 1,
        "instances": [
            {name: None if np.isnan(value) else float(value) for name, value in zip(FEATURES, row, strict=True)}
            for row in inputs
        ],
        "predictions": [
            {"label": int(p > 0.5), "probabilities": {"0": 1 - float(p), "1": float(p)}} for p in probabilities
        ],
    }
    (path.parent / "golden.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
