"""
Serves CatBoost models, from .cbm files, from CatBoost's own JSON or from a pickle.

The same answers as gateway/loaders/catboost.py. A file holds only hashes of its categories: a category is free text
here, and one that training never saw is answered as CatBoost does.
"""

from __future__ import annotations

import json
import math
from typing import Any, Sequence

import catboost
import numpy as np

from .faults import LoadError
from .levels import plain, with_dummies
from .schema import Columns, Field, Model, Output, Predictions, Scalar, Signature, sample_columns
from .spec import Spec

_BINARY = ("Logloss", "CrossEntropy", "Focal")
_LABELS = ("MultiLogloss", "MultiCrossEntropy")
#: Their wrapper answers counts and amounts, the file alone their logarithms.
_EXPONENTS = ("Poisson", "Tweedie")


class CatboostModel(Model):
    """Ask one model with one thread; several threads may ask at once."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._categories = sorted(model.get_cat_feature_indices())
        texts: list[int] = getattr(model, "get_text_feature_indices", list)()
        self._texts = sorted(texts)
        if getattr(model, "get_embedding_feature_indices", list)():
            raise LoadError(
                "child-signature",
                "it takes a list of numbers per instance (embedding features), which no input type can say",
                "write its predict as a Python file, `def predict(age: float, city: str)`",
            )
        fields, names_known = self._fields()
        raw = self._ask(self._pool(sample_columns(fields)), "RawFormulaVal")
        output, self._values, left_out = _answers_of(model, 1 if raw.ndim == 1 else raw.shape[1])
        self._codes: dict[Any, int] = {label: code for code, label in enumerate(output.labels)}
        self.signature = Signature(inputs=fields, output=output, names_known=names_known)
        self.warnings = (left_out,) if left_out else ()

    def predict(self, columns: Columns) -> Predictions:
        """Predict every instance; NaN is read as the nan_mode of the training says."""
        output = self.signature.output
        pool = self._pool(columns)
        values = self._ask(pool, self._values)
        probabilities = self._ask(pool, "Probability") if output.probabilities else None
        if output.kind == "classification":
            codes = [self._codes[label] for label in values.reshape(-1).tolist()]
            return Predictions(np.array(codes, dtype=np.int64), probabilities)
        if output.kind == "multi_label":
            return Predictions(values.astype(np.int64), probabilities)
        return Predictions(values.astype(np.float64, copy=False))

    def _pool(self, columns: Columns) -> Any:
        if not self._categories and not self._texts:
            rows: Any = np.column_stack([column.astype(np.float32) for column in columns])
        else:
            rows = np.empty((len(columns[0]), len(columns)), dtype=object)
            for i, column in enumerate(columns):
                is_code = column.dtype.kind in "iu" and i in self._categories
                rows[:, i] = column.astype(str) if is_code else column
        more = {"text_features": self._texts} if self._texts else {}
        return catboost.Pool(rows, cat_features=self._categories, thread_count=1, **more)

    def _ask(self, pool: Any, kind: str) -> Any:
        return np.asarray(self._model.predict(pool, prediction_type=kind, thread_count=1))

    def _fields(self) -> tuple[tuple[Field, ...], bool]:
        """Return the fields in the order of the model, and whether their names are the file's own."""
        told = [str(name) for name in self._model.feature_names_]
        # Trained on an array, the model calls its columns 0, 1, 2.
        names_known = told != [str(i) for i in range(len(told))]
        options = _params_of(self._model).get("data_processing_options", {})
        takes_missing = options.get("float_features_binarization", {}).get("nan_mode", "") != "Forbidden"
        fields = []
        for i, name in enumerate(told if names_known else [f"x{i}" for i in range(len(told))]):
            if i in self._categories or i in self._texts:
                # CatBoost refuses None and NaN there, and takes a whole number of a category as its digits.
                fields.append(Field(name=name, type="string", takes_integers=i in self._categories))
            else:
                fields.append(Field(name=name, required=not takes_missing, nullable=takes_missing))
        return with_dummies(fields) if names_known else tuple(fields), names_known


def load_model(spec: Spec) -> Model:
    """Return the model of a file that save_model wrote."""
    with open(spec.artifact, "rb") as file:
        form = "cbm" if file.read(4) == b"CBM1" else "json"
    return CatboostModel(catboost.CatBoost().load_model(spec.artifact, format=form))


def model_of(found: Any, spec: Spec) -> Model | None:
    """Return the model of an object of CatBoost's; None for what scikit-learn's rules hold for."""
    return CatboostModel(found) if isinstance(found, catboost.CatBoost) else None


def _json_of(model: Any, name: str) -> dict[str, Any]:
    told = model.get_metadata()
    found = json.loads((told[name] if name in told.keys() else "") or "{}")  # noqa: SIM118 - the proxy has no `in`
    return found if isinstance(found, dict) else {}


def _params_of(model: Any) -> dict[str, Any]:
    return _json_of(model, "params")


def _answers_of(model: Any, width: int) -> tuple[Output, str, str]:
    """Return the output of a model whose raw formula has `width` values, how to ask for it, and what is left out."""
    loss = _params_of(model).get("loss_function") or _json_of(model, "loss_function")
    name = str(loss.get("type", "")) if isinstance(loss, dict) else ""
    found = model.classes_
    labels: tuple[Scalar, ...] = () if found is None else tuple(plain(value) for value in found)
    if name in _LABELS:
        is_named = len(labels) == width and labels != tuple(range(width))
        names = tuple(str(label) for label in labels) if is_named else _numbered(width)
        return Output(kind="multi_label", names=names, probabilities=True, own="list"), "Class", ""
    if name in _BINARY or name.startswith("MultiClass") or len(labels) > 1:
        return _classes(name, labels or tuple(range(max(width, 2))))
    if name == "RMSEWithUncertainty":
        differs = _differs("variance")
        output = Output(kind="multi_output", names=("mean", "variance"), own="list", own_differs=differs)
        return output, "RMSEWithUncertainty", ""
    if width > 1:
        names = _names(name, loss, width)
        return Output(kind="multi_output", names=names, own="list"), "RawFormulaVal", ""
    if name in _EXPONENTS:
        return Output(kind="regression", own_differs=_differs("value")), "Exponent", ""
    left_out = "" if name else "the file does not tell its loss function: its raw values are answered"
    return Output(kind="regression"), "RawFormulaVal", left_out


def _classes(loss: str, labels: Sequence[Scalar]) -> tuple[Output, str, str]:
    has_probabilities = loss in _BINARY or loss == "MultiClass"
    positive = labels[1] if len(labels) == 2 else None
    # CatBoostClassifier.predict answers a column where the loss knows several classes, even of two.
    own = "column" if loss.startswith("MultiClass") or positive is None else "value"
    output = Output(
        kind="classification", labels=tuple(labels), probabilities=has_probabilities, positive=positive, own=own
    )
    left_out = "{} gives no probabilities that add up to 1: labels only".format(loss or "this loss")
    return output, "Class", "" if has_probabilities else left_out


def _names(loss: str, told: dict[str, Any], width: int) -> tuple[str, ...]:
    alphas = [alpha.strip() for alpha in str((told.get("params") or {}).get("alpha", "")).split(",")]
    if loss == "MultiQuantile" and len(set(alphas)) == width and all(map(_is_number, alphas)):
        return tuple(f"q{alpha}" for alpha in alphas)
    return _numbered(width)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"y{i}" for i in range(width))


def _differs(what: str) -> str:
    return f"CatBoost answers the logarithm of the {what} for a file that it loaded, this route the {what} itself"
