"""
Serves XGBoost boosters from .ubj and .json files, the only formats that XGBoost promises to read for ever.

Reads names, types, levels and objective out of the file; `best_iteration` is honoured as XGBClassifier does.
"""

import contextlib
import json
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import xgboost

from gateway.errors import ArtifactError, LoadError
from gateway.loaders.base import LoadOptions
from gateway.loaders.dummies import with_dummies
from gateway.loaders.versions.xgboost_versions import refuse_changed_meaning
from gateway.loaders.xgboost_contents import check_contents
from gateway.loaders.xgboost_density import is_trained_on_dense
from gateway.loaders.xgboost_formats import refuse_other_formats
from gateway.loaders.xgboost_levels import Levels, levels_of
from gateway.loaders.xgboost_note import is_classifier, note_of, refuse_own_missing, with_labels
from gateway.schema import Column, Field, FieldType, Output, OwnAnswer, Predictions, Signature

_TYPES: dict[str, FieldType] = {"float": "number", "q": "number", "int": "number", "i": "boolean", "c": "string"}

#: Of a column of which nothing is known; numbers are float64.
_DTYPES: dict[str, Any] = {"string": object}

#: Where XGBClassifier.predict parts two classes.
_HALF = 0.5


class XgboostPredictor:
    """Ask one booster with one thread; columns go in as float32, the type the trees were cut in."""

    #: Whose compilers lower it, whatever loader opened the file.
    lowered_as: ClassVar[str] = "xgboost"

    def __init__(self, booster: xgboost.Booster, declared: Mapping[str, Levels]) -> None:
        refuse_own_missing(booster)
        self._booster = booster
        self._objective = _objective(booster)
        self._levels = levels_of(booster, declared)
        kind = _booster_kind(booster)
        self._trees = _iteration_range(booster, kind)
        self._in_place = kind != "gblinear" and not self._levels
        # Only gbtree promises that several threads may predict at once (Booster.predict's documentation).
        self._turn = contextlib.nullcontext() if kind == "gbtree" else threading.Lock()
        self.signature = _signature(booster, self._objective, self._levels)
        self._answer = self.signature.output.kind

    def absent_cell(self, *, is_of_words: bool) -> float:
        """Return what a cell is that a sparse table does not hold: missing, or a zero as in training."""
        return 0.0 if is_trained_on_dense(self._booster, is_of_words=is_of_words) else math.nan

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance; NaN is missing, and a level the model never saw is missing too."""
        rows = self.rows(columns)
        with self._turn:
            scores = self._score(rows)
        return self._read(np.asarray(scores))

    def rows(self, columns: Sequence[Column]) -> npt.NDArray[np.float32]:
        """Return the columns as the booster takes them."""
        rows = np.empty((len(columns[0]), len(columns)), dtype=np.float32)
        for i, column in enumerate(columns):
            codes = self._levels.get(i)
            rows[:, i] = column if codes is None else _encode(column, codes)
        return rows

    def _score(self, rows: npt.NDArray[np.float32]) -> Any:
        if self._in_place:
            return self._booster.inplace_predict(rows, iteration_range=self._trees, validate_features=False)
        return self._booster.predict(self._matrix(rows), iteration_range=self._trees, validate_features=False)

    def _matrix(self, rows: npt.NDArray[np.float32]) -> xgboost.DMatrix:
        """Wrap rows for what inplace_predict cannot do: coded categories and linear boosters."""
        return xgboost.DMatrix(rows, feature_types=self._booster.feature_types, enable_categorical=True, nthread=1)

    def _read(self, scores: npt.NDArray[Any]) -> Predictions:
        if self._answer == "classification":
            if self._objective in {"binary:hinge", "multi:softmax"}:
                return Predictions(scores.astype(np.int64))
            probabilities = scores if scores.ndim > 1 else np.column_stack([1.0 - scores, scores])
            values = np.argmax(probabilities, axis=1) if scores.ndim > 1 else (scores > _HALF).astype(np.int64)
            return Predictions(values, probabilities.astype(np.float64))
        if self._answer == "multi_label":
            return Predictions((scores > _HALF).astype(np.int64), scores.astype(np.float64))
        return Predictions(scores.astype(np.float64))


def ask_once(predictor: XgboostPredictor) -> None:
    """Predict one row without any value: what a model cannot do shows while it is loaded."""
    predictor.predict([np.full(1, np.nan, dtype=_DTYPES.get(one.type)) for one in predictor.signature.inputs])


class XgboostLoader:
    """Read the two stable formats; refuse pickles and the binary format that XGBoost 3 dropped."""

    name: ClassVar[str] = "xgboost"

    def load(self, path: Path, options: LoadOptions) -> XgboostPredictor:
        """Load the booster and cap it at one thread."""
        refuse_other_formats(path)
        held = check_contents(path)
        booster = xgboost.Booster({"nthread": 1})
        try:
            refuse_changed_meaning(held)
            booster.load_model(path)
            booster.set_param({"nthread": 1})
            predictor = XgboostPredictor(booster, options.levels)
            ask_once(predictor)
            return predictor
        except LoadError as exc:
            raise LoadError(f"{path.name}: {exc.message}", code=exc.code, hint=exc.hint) from exc
        except (xgboost.core.XGBoostError, ValueError, KeyError, TypeError, OverflowError) as exc:
            raise ArtifactError(
                f"{path.name}: not a readable XGBoost model: {_first_line(exc)}",
                code="broken-artifact",
                hint="name a file that save_model('model.ubj') wrote, and compare its sha256 with the one there",
            ) from exc

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Load it: that takes milliseconds."""
        return self.load(path, options).signature


def _first_line(exc: Exception) -> str:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return next((line for line in lines if "heck failed" in line), lines[0] if lines else type(exc).__name__)


def _objective(booster: xgboost.Booster) -> str:
    return str(json.loads(booster.save_config())["learner"]["objective"]["name"])


def _booster_kind(booster: xgboost.Booster) -> str:
    return str(json.loads(booster.save_config())["learner"]["gradient_booster"]["name"])


def _iteration_range(booster: xgboost.Booster, kind: str) -> tuple[int, int]:
    """
    Return the rounds that XGBClassifier would use; (0, 0) means all of them.

    Before 1.6 a file did not say how many trees a round has, so that now each of its trees is a round; there the number
    of trees that was noted beside the best iteration counts.
    """
    best, trees = booster.attr("best_iteration"), booster.attr("best_ntree_limit")
    if best is None or kind == "gblinear":
        return 0, 0
    return 0, int(best) + 1 if trees is None else max(int(trees) // _trees_of_a_round(booster, kind), int(best) + 1)


def _trees_of_a_round(booster: xgboost.Booster, kind: str) -> int:
    model = json.loads(booster.save_config())["learner"]["gradient_booster"]
    return int((model.get("gbtree") or model)["gbtree_model_param"]["num_parallel_tree"])


def _encode(column: Column, codes: dict[Any, float]) -> npt.NDArray[np.float32]:
    if not codes:
        return column.astype(np.float32)
    return np.array([codes.get(value, np.nan) for value in column.tolist()], dtype=np.float32)


def _signature(booster: xgboost.Booster, objective: str, levels: dict[int, dict[Any, float]]) -> Signature:
    width = booster.num_features()
    names = booster.feature_names or [f"x{i}" for i in range(width)]
    types = booster.feature_types or ["float"] * width
    fields = tuple(_field(name, kind, levels.get(i)) for i, (name, kind) in enumerate(zip(names, types, strict=True)))
    if booster.feature_names is not None:
        fields = with_dummies(fields)
    output = with_labels(_output(booster, objective), booster)
    output = replace(output, own_differs=_own_differs(booster, output))
    return Signature(inputs=fields, output=output, names_known=booster.feature_names is not None)


def _field(name: str, kind: str, codes: dict[Any, float] | None) -> Field:
    """Trees and linear boosters both read NaN as missing: every field is nullable."""
    if codes is None:
        found = _TYPES.get(kind, "number")  # int: the type of a training column, of which trees take any number
        return Field(name=name, type=found, required=False, nullable=True, booleans_as_numbers=found == "boolean")
    enum = tuple(codes)
    if enum and isinstance(enum[0], str):
        return Field(name=name, type="string", enum=enum, required=False, nullable=True)
    return Field(
        name=name,
        type="integer",
        enum=enum or None,
        minimum=None if enum else 0,
        required=False,
        nullable=True,
        whole=True,
    )


def _own_differs(booster: xgboost.Booster, output: Output) -> str:
    """Say why Booster.predict answers otherwise: it takes all rounds, XGBClassifier and this loader the best ones."""
    if output.kind == "regression" and is_classifier(booster):
        return "XGBClassifier answers labels, this route the value that the booster answers"
    best = booster.attr("best_iteration")
    rounds = booster.num_boosted_rounds()
    if best is None or note_of(booster) is not None or int(best) + 1 >= rounds:
        return ""
    return (
        f"training stopped early: Booster.predict takes all {rounds} rounds, this route the best {int(best) + 1}; "
        f"keep only those: booster[:{int(best) + 1}].save_model('model.ubj')"
    )


def _output(booster: xgboost.Booster, objective: str) -> Output:
    config = json.loads(booster.save_config())["learner"]["learner_model_param"]
    classes, targets = int(config.get("num_class", 0)), int(config.get("num_target", 1))
    names = tuple(f"y{i}" for i in range(targets))
    is_raw = not is_classifier(booster)
    if objective in {"binary:logistic", "binary:hinge"}:
        probabilities = objective == "binary:logistic"
        if targets > 1:
            own: OwnAnswer = "probabilities" if probabilities and is_raw else "list"
            return Output(kind="multi_label", names=names, probabilities=probabilities, own=own)
        own = "value" if not is_raw else "probability" if probabilities else "number"
        return Output(kind="classification", labels=(0, 1), probabilities=probabilities, positive=1, own=own)
    if objective in {"multi:softprob", "multi:softmax"}:
        probabilities = objective == "multi:softprob"
        own = "value" if not is_raw else "probabilities" if probabilities else "number"
        return Output(kind="classification", labels=tuple(range(classes)), probabilities=probabilities, own=own)
    if targets > 1:
        return Output(kind="multi_output", names=names, own="list")
    return Output(kind="regression")
