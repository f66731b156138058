"""
What MLflow's own client code writes and reads, against the gateway at argv[1]; prints JSON.

Runs in a virtualenv of its own: imports nothing of this project.
"""

import json
import sys

import numpy as np
import pandas as pd
from mlflow.deployments import PredictionsResponse
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

rows = [[1, 106, 70, 28, 135, 34.2, 0.142, 22], [8, 183, 64, None, None, 23.3, 0.672, 32]]
names = [
    "times_pregnant",
    "glucose",
    "blood_pressure",
    "skin_fold_thick",
    "serum_insulin",
    "mass_index",
    "diabetes_pedigree",
    "age",
]
frame = pd.DataFrame(rows, columns=names)


class Client(ScoringServerClient):
    """Pin the one thing that is configured: the URL of the route."""

    def __init__(self, url: str) -> None:
        self.url_prefix = url


def predictions(answer: PredictionsResponse) -> list:
    return answer.get_predictions(predictions_format="ndarray").tolist()


diabetes, sentiment, loan = (Client(f"{sys.argv[1]}/{name}") for name in ("diabetes", "sentiment", "loan"))
car = {"age_group": "Young", "car_type": "SUV", "loanamount": 12342, "deposit": 2360, "area": "rural"}
said = {
    "frame": predictions(diabetes.invoke(frame)),
    "array": predictions(diabetes.invoke(np.array(rows[:1]))),
    "texts": predictions(sentiment.invoke(["that movie was boring", "très beau"])),
    "records": predictions(loan.invoke(pd.DataFrame([car]))),
    "instances": predictions(loan.invoke(json.dumps({"instances": [car, car]}))),
    "columns": predictions(loan.invoke(json.dumps({"inputs": {name: [value] for name, value in car.items()}}))),
    "params": predictions(diabetes.invoke(frame, params={"threshold": 0.3})),
}
try:
    diabetes.invoke(pd.DataFrame([[1]], columns=["glucose"]))
except Exception as error:  # the client wraps what the server said
    said["fault"] = str(error)
print(json.dumps(said))
