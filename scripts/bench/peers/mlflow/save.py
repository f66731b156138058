"""Save one model in MLflow's format: the scikit-learn flavour, or a PythonModel that answers the probability."""

import sys

import mlflow
import native
import pandas as pd


class Chance(mlflow.pyfunc.PythonModel):
    def __init__(self, route):
        self.route = route

    def load_context(self, context):
        if self.route == "diabetes":
            from xgboost import XGBClassifier

            self.model = XGBClassifier()
            self.model.load_model(native.MODELS / "diabetes" / "model.ubj")
            self.model.set_params(n_jobs=1)
        else:
            self.model = native.load_skops("sentiment")

    def predict(self, context, model_input: pd.DataFrame, params=None):
        given = model_input.to_numpy() if self.route == "diabetes" else model_input["query"]
        return self.model.predict_proba(given)[:, 1]


route, path = sys.argv[1:]
if route == "earnings":
    mlflow.sklearn.save_model(native.load_skops(route), path, serialization_format="cloudpickle", pip_requirements=[])
else:
    mlflow.pyfunc.save_model(path, python_model=Chance(route), pip_requirements=[])
