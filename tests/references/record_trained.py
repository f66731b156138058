"""
Record committed models as their training does, without training: `record_trained.py OUT NAME TREES ...`.

Runs in a process of its own, since MLflow keeps the store in globals. NAME is a model with an XGBoost file; the first
TREES trees of it are one more model of the same inputs, 0 takes all.
"""

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import xgboost
from pandas.api.types import is_numeric_dtype

from models import results, tracking, training

MODELS = Path(training.ROOT) / "models"


def main(out: Path, name: str, trees: int) -> None:
    """Write the files that a training leaves in `out`, and record its run; the alias `champion` moves to it."""
    home, here = MODELS / name, out / f"{name}-{trees}"
    here.mkdir(parents=True)
    booster = xgboost.Booster(model_file=home / "model.ubj")
    booster = booster[:trees] if trees else booster
    booster.save_model(here / "model.ubj")
    model = xgboost.XGBClassifier()
    model.load_model(here / "model.ubj")
    rows = pd.DataFrame(json.loads((home / "golden.json").read_text())["instances"])
    rows = rows.astype({name: float if is_numeric_dtype(rows[name]) else "category" for name in rows})
    predictions = [
        training.classified(int(p[1] > 0.5), {"0": p[0], "1": p[1]}) for p in model.predict_proba(rows).tolist()
    ]
    metrics = json.loads((home / "metrics.json").read_text())
    shutil.copytree(home / "plots", here / "plots")
    results.leave(
        str(home / "train.py"),
        results.Results(
            artifact=here / "model.ubj",
            flavour="xgboost",
            model=model,
            metrics=metrics,
            titles={figure: figure for figure in metrics["figures"]},
            parameters={"trees": booster.num_boosted_rounds()},
            rows=rows,
            predictions=predictions,
            plots=sorted((here / "plots").glob("*.svg")),
        ),
    )


if __name__ == "__main__":
    tracking.open_store()
    for name, trees in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
        main(Path(sys.argv[1]), name, int(trees))
