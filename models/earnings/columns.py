"""The columns of the earnings model and how each kind is turned into numbers."""

from __future__ import annotations

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import Binarizer, OneHotEncoder, StandardScaler

COLUMNS = ("SAT_AVG_ALL", "CREDDESC", "CIPDESC_new", "CONTROL", "REGION", "tuition", "LOCALE", "ADM_RATE_ALL")
NUMBERS = ("SAT_AVG_ALL", "tuition", "ADM_RATE_ALL")
LEVELS = tuple(name for name in COLUMNS if name not in NUMBERS)
TARGET = "EARN_MDN_HI_2YR"
MISSING = "missing"


def encoder() -> ColumnTransformer:
    """
    Return the unfitted encoder: missing text is a level of its own, a missing number is 0 and marked as unknown.

    So 0, NaN and an empty cell say the same for numbers, as the original data does. Each column has one constant
    imputer, first in its chain: a compiler can take it off and fill the values itself.
    """
    levels = Pipeline(
        [
            ("missing", SimpleImputer(strategy="constant", fill_value=MISSING)),
            ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    )
    numbers = Pipeline(
        [
            ("missing", SimpleImputer(strategy="constant", fill_value=0.0)),
            # Not 0: the ONNX compiled model of Binarizer says 1 at the threshold itself, scikit-learn says 0.
            ("values", FeatureUnion([("scaled", StandardScaler()), ("known", Binarizer(threshold=1e-9))])),
        ]
    )
    return ColumnTransformer([("levels", levels, list(LEVELS)), ("numbers", numbers, list(NUMBERS))])
