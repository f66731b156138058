"""
Serves CatBoost models from .cbm files and CatBoost's own JSON.

Reads names, types, labels and loss function out of the file. A file holds only hashes of its categories: a category is
free text here, and one that training never saw is answered as CatBoost does.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import catboost
import numpy as np
import numpy.typing as npt

from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.loaders.base import LoadOptions
from gateway.loaders.catboost_contents import MAGIC, fault_of
from gateway.loaders.catboost_outputs import answers_of, fault_of_classes, params_of
from gateway.loaders.dummies import with_dummies
from gateway.schema import Column, Field, Output, Predictions, Scalar, Signature


class CatboostPredictor:
    """Ask one model with one thread; several threads may ask at once."""

    lowered_as: ClassVar[str] = "catboost"

    def __init__(self, model: catboost.CatBoost) -> None:
        self.model = model
        self._categories = sorted(model.get_cat_feature_indices())
        self._texts = sorted(model.get_text_feature_indices())
        _refuse_embeddings(model)
        _refuse_other_classes(model)
        fields, names_known = _fields(model, set(self._categories), set(self._texts))
        self._is_mixed = bool(self._categories or self._texts)
        raw = self._ask(self.pool_of_rows(self.rows(_made_up(fields))), "RawFormulaVal")
        answers = answers_of(model, 1 if raw.ndim == 1 else raw.shape[1])
        self.values = answers.values
        self._codes: dict[Scalar, int] = {label: code for code, label in enumerate(answers.output.labels)}
        self.signature = Signature(inputs=fields, output=answers.output, names_known=names_known)
        self.warnings = (answers.left_out,) if answers.left_out else ()

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance; NaN is read as the nan_mode of the training says."""
        output: Output = self.signature.output
        pool = self.pool_of_rows(self.rows(columns))
        values = self._ask(pool, self.values)
        probabilities = self._ask(pool, "Probability") if output.probabilities else None
        if output.kind == "classification":
            codes = [self._codes[label] for label in values.reshape(-1).tolist()]
            return Predictions(np.array(codes, dtype=np.int64), probabilities)
        if output.kind == "multi_label":
            return Predictions(values.astype(np.int64), probabilities)
        return Predictions(values.astype(np.float64, copy=False))

    def rows(self, columns: Sequence[Column]) -> npt.NDArray[Any]:
        """Return the columns as the model takes them."""
        rows: npt.NDArray[Any]
        if self._is_mixed:
            rows = np.empty((len(columns[0]), len(columns)), dtype=object)
            for i, column in enumerate(columns):
                is_code = column.dtype.kind in "iu" and i in self._categories
                rows[:, i] = column.astype(str) if is_code else column
        else:
            rows = np.column_stack([column.astype(np.float32) for column in columns])
        return rows

    def pool_of_rows(self, rows: npt.NDArray[Any]) -> catboost.Pool:
        """Return the rows with what is a category and what is a text."""
        return catboost.Pool(rows, cat_features=self._categories, text_features=self._texts, thread_count=1)

    def _ask(self, pool: catboost.Pool, kind: str) -> npt.NDArray[Any]:
        return np.asarray(self.model.predict(pool, prediction_type=kind, thread_count=1))


class CatboostLoader:
    """Read CatBoost's binary format and its JSON."""

    name: ClassVar[str] = "catboost"

    def load(self, path: Path, options: LoadOptions) -> CatboostPredictor:
        """Load the model and ask it for a made-up row."""
        form = _format(path)
        try:
            model = catboost.CatBoost().load_model(str(path), format=form)
            return CatboostPredictor(model)
        except GatewayError as exc:
            raise LoadError(f"{path.name}: {exc.message}", code=exc.code, hint=exc.hint) from exc
        except Exception as exc:  # CatboostError, and whatever a damaged file makes Python raise on the way
            raise _broken(path, _first_line(exc)) from exc

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Load it: that takes milliseconds."""
        return self.load(path, options).signature


def _format(path: Path) -> str:
    data = path.read_bytes()
    fault = fault_of(data)
    if fault:
        raise _broken(path, fault)
    return "cbm" if data.startswith(MAGIC) else "json"


def _broken(path: Path, what: str) -> ArtifactError:
    return ArtifactError(
        f"{path.name}: not a readable CatBoost model: {what}",
        code="broken-artifact",
        hint="write it again with save_model('model.cbm'), and compare its sha256 after copying",
    )


def _refuse_embeddings(model: catboost.CatBoost) -> None:
    found = model.get_embedding_feature_indices()
    if not found:
        return
    names = ", ".join(repr(model.feature_names_[i]) for i in found[:3])
    raise LoadError(
        f"takes a list of numbers per instance in {names} (embedding features), which no input type can say",
        code="unsupported-model",
        hint="train it with one numeric column for each number of the embedding, or write a Python route "
        "(`def predict(...)` in a .py file) that loads it",
    )


def _refuse_other_classes(model: catboost.CatBoost) -> None:
    fault = fault_of_classes(model)
    if fault:
        raise LoadError(
            f"not a whole CatBoost model: {fault}",
            code="missing-parts",
            hint="write it again with save_model('model.cbm') where it was trained, and compare its sha256",
        )


def _fields(model: catboost.CatBoost, categories: set[int], texts: set[int]) -> tuple[tuple[Field, ...], bool]:
    """Return the fields in the order of the model, and whether their names are the file's own."""
    told = [str(name) for name in model.feature_names_]
    # Trained on an array, the model calls its columns 0, 1, 2.
    names_known = told != [str(i) for i in range(len(told))]
    takes_missing = _nan_mode(model) != "Forbidden"
    fields = []
    for i, name in enumerate(told if names_known else [f"x{i}" for i in range(len(told))]):
        if i in categories or i in texts:
            # CatBoost refuses None and NaN there, and takes a whole number of a category as its digits.
            fields.append(Field(name=name, type="string", takes_integers=i in categories))
        else:
            fields.append(Field(name=name, required=not takes_missing, nullable=takes_missing))
    return with_dummies(fields) if names_known else tuple(fields), names_known


def _nan_mode(model: catboost.CatBoost) -> str:
    options = params_of(model).get("data_processing_options", {})
    return str(options.get("float_features_binarization", {}).get("nan_mode", ""))


def _made_up(fields: Sequence[Field]) -> list[Column]:
    return [np.array(["text" if field.type == "string" else 0.0], dtype=object) for field in fields]


def _first_line(exc: Exception) -> str:
    return next((line.strip() for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
