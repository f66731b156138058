"""The models as their own libraries load and score them: what every peer calls, and all that they share.

`score(fields)` takes one instance by name and returns the number that the routes are compared by: the value, or the
probability of the positive class. One thread each, as all peers run one process per core.
"""

import os
from pathlib import Path

import numpy as np

MODELS = Path(os.environ["BENCH_MODELS"])
EARNINGS = ("SAT_AVG_ALL", "CREDDESC", "CIPDESC_new", "CONTROL", "REGION", "tuition", "LOCALE", "ADM_RATE_ALL")
DIABETES = (
    "times_pregnant", "glucose", "blood_pressure", "skin_fold_thick", "serum_insulin", "mass_index",
    "diabetes_pedigree", "age",
)  # fmt: skip


def load_skops(route):
    from skops import io

    path = MODELS / route / "model.skops"
    return io.load(path, trusted=io.get_untrusted_types(file=path))


def earnings():
    import pandas as pd

    model = load_skops("earnings")
    return lambda fields: float(model.predict(pd.DataFrame([fields], columns=EARNINGS))[0])


def diabetes():
    from xgboost import XGBClassifier

    model = XGBClassifier()
    model.load_model(MODELS / "diabetes" / "model.ubj")
    model.set_params(n_jobs=1)
    return lambda fields: float(model.predict_proba(np.array([[fields[name] for name in DIABETES]]))[0, 1])


def sentiment():
    model = load_skops("sentiment")
    positive = list(model.classes_).index("Positive")
    return lambda fields: float(model.predict_proba([fields["query"]])[0, positive])


LOADERS = {"earnings": earnings, "diabetes": diabetes, "sentiment": sentiment}


def load(route):
    return LOADERS[route]()
