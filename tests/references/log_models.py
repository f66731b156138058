"""
Train and log models by MLflow's own API, as people do who know nothing of this gateway: `log_models.py STORE ROWS`.

Prints what MLflow itself answers for the rows, as JSON by the name of the model.
"""

import json
import sys

import catboost
import lightgbm
import mlflow
import mlflow.catboost
import mlflow.lightgbm
import numpy as np
import pandas as pd

NAMES = ["income", "age", "loan", "rooms"]


def main(store: str, path: str) -> None:
    """Log, register and alias a classifier of LightGBM and one of CatBoost."""
    mlflow.set_tracking_uri(store)
    mlflow.set_experiment("churn")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, 4)), columns=NAMES)
    truth = np.where(frame.income + frame.age * frame.loan > 0, "yes", "no")
    rows = pd.read_json(path, orient="records", dtype=float)[NAMES]
    models = {
        "lgb": (lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1), mlflow.lightgbm),
        "cat": (catboost.CatBoostClassifier(iterations=20, verbose=0, allow_writing_files=False), mlflow.catboost),
    }
    answers = {}
    for name, (model, flavour) in models.items():
        with mlflow.start_run():
            model.fit(frame, truth)
            mlflow.log_metric("accuracy", float((np.ravel(model.predict(frame)) == truth).mean()))
            info = flavour.log_model(model, name="model", registered_model_name=name, pip_requirements=[name])
        mlflow.MlflowClient().set_registered_model_alias(name, "champion", info.registered_model_version)
        loaded = flavour.load_model(f"models:/{name}@champion")
        answers[name] = {
            "labels": np.ravel(loaded.predict(rows)).tolist(),
            "yes": loaded.predict_proba(rows)[:, 1].tolist(),
        }
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
