"""
Serves XGBoost boosters, from a file of XGBoost's or from a pickle, and wrappers that were fitted on categories.

The same answers as gateway/loaders/xgboost.py. Other wrappers are asked as scikit-learn's estimators are.
"""

from __future__ import annotations

import inspect
import json
import math
import threading
from dataclasses import replace
from typing import Any, Mapping, Sequence

import numpy as np
import xgboost

from .faults import LoadError
from .levels import plain, with_dummies
from .schema import Columns, Field, Model, Output, Predictions, Scalar, Signature
from .spec import Spec
from .xgboost_note import is_classifier, note_of, refuse_own_missing, with_labels

_TYPES = {"float": "number", "q": "number", "int": "number", "i": "boolean", "c": "string"}
#: Where XGBClassifier.predict parts two classes.
_HALF = 0.5


class XgboostModel(Model):
    """Ask one booster with one thread; columns go in as 32-bit floats, the type the trees were cut in."""

    def __init__(self, booster: Any, declared: Mapping[str, tuple[Scalar, ...]]) -> None:
        refuse_own_missing(booster)
        booster.set_param({"nthread": 1})
        self._booster = booster
        config = json.loads(booster.save_config())["learner"]
        self._objective = str(config["objective"]["name"])
        self._rounds = _rounds(booster)
        self._types = booster.feature_types
        self._levels = _levels_of(booster, declared)
        self.signature = _signature(booster, config, self._levels)
        # Only gbtree promises that several threads may predict at once.
        self._turn: Any = threading.Lock()
        kind = config["gradient_booster"]["name"]
        self._is_safe = kind == "gbtree"
        # Without a DMatrix in between; it takes neither coded categories nor linear boosters, and is there since 1.1.
        is_new = "ntree_limit" not in self._rounds and hasattr(booster, "inplace_predict")
        self._in_place = is_new and kind != "gblinear" and not self._levels

    def predict(self, columns: Columns) -> Predictions:
        """Predict every instance; NaN is missing, and a level the model never saw is missing too."""
        rows = np.empty((len(columns[0]), len(columns)), dtype=np.float32)
        for i, column in enumerate(columns):
            codes = self._levels.get(i)
            if codes:
                rows[:, i] = [codes.get(value, np.nan) for value in column.tolist()]
            else:
                rows[:, i] = column.astype(np.float32)
        if self._is_safe:
            return self._read(self._score(rows))
        with self._turn:
            return self._read(self._score(rows))

    def _score(self, rows: Any) -> Any:
        if self._in_place:
            return np.asarray(self._booster.inplace_predict(rows, validate_features=False, **self._rounds))
        more: dict[str, Any] = {"enable_categorical": True} if self._levels else {}
        matrix = xgboost.DMatrix(rows, feature_types=self._types, nthread=1, **more)
        return np.asarray(self._booster.predict(matrix, validate_features=False, **self._rounds))

    def _read(self, scores: Any) -> Predictions:
        kind = self.signature.output.kind
        if kind == "classification":
            if self._objective in ("binary:hinge", "multi:softmax"):
                return Predictions(scores.astype(np.int64))
            probabilities = scores if scores.ndim > 1 else np.column_stack([1.0 - scores, scores])
            values = np.argmax(probabilities, axis=1) if scores.ndim > 1 else (scores > _HALF).astype(np.int64)
            return Predictions(values, probabilities.astype(np.float64))
        if kind == "multi_label":
            return Predictions((scores > _HALF).astype(np.int64), scores.astype(np.float64))
        return Predictions(scores.astype(np.float64))


def load_model(spec: Spec) -> Model:
    """Return the model of a file that save_model wrote."""
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(spec.artifact)
    return XgboostModel(booster, spec.levels)


def model_of(found: Any, spec: Spec) -> Model | None:
    """Return the model of a booster, or of a wrapper with categories; None for what scikit-learn's rules hold for."""
    if isinstance(found, xgboost.Booster):
        return XgboostModel(found, spec.levels)
    if not isinstance(found, xgboost.XGBModel) or not hasattr(found, "_Booster") or hasattr(found, "_labels"):
        return None
    missing = found.missing
    if missing is not None and not (isinstance(missing, float) and math.isnan(missing)):
        return None
    booster = found.get_booster()
    if "c" not in (booster.feature_types or ()):
        return None
    model = XgboostModel(booster, spec.levels)
    output = model.signature.output
    if output.kind != ("classification" if isinstance(found, xgboost.XGBClassifier) else "regression"):
        return None
    labels = getattr(found, "classes_", None)
    if labels is not None and len(labels) == len(output.labels):
        told = tuple(plain(value) for value in np.asarray(labels))
        output = replace(output, labels=told, positive=None if output.positive is None else told[1])
    model.signature = replace(model.signature, output=replace(output, own="value", own_differs=""))
    return model


def _rounds(booster: Any) -> dict[str, Any]:
    """Return which rounds to ask: the best ones, as XGBClassifier does."""
    best = booster.attr("best_iteration")
    if best is None:
        return {}
    if "iteration_range" not in inspect.signature(xgboost.Booster.predict).parameters:  # before 1.4
        return {"ntree_limit": int(booster.attr("best_ntree_limit") or int(best) + 1)}
    return {"iteration_range": (0, int(best) + 1)}


def _levels_of(booster: Any, declared: Mapping[str, tuple[Scalar, ...]]) -> dict[int, dict[Any, float]]:
    """Return column -> level -> code for the categorical columns; a column without any levels takes codes."""
    types = booster.feature_types or []
    if "c" not in types:
        return {}
    model = json.loads(bytes(booster.save_raw("json")).decode("utf-8"))["learner"]["gradient_booster"]
    stored = (model.get("gbtree") or model)["model"].get("cats", {}).get("enc", [])
    names = booster.feature_names or [f"x{i}" for i in range(len(types))]
    found = {}
    for i, kind in enumerate(types):
        if kind == "c":
            told = stored[i] if i < len(stored) else {"values": []}
            levels = _levels(names[i], told, declared.get(names[i]))
            found[i] = {level: float(code) for code, level in enumerate(levels)}
    return found


def _levels(name: str, stored: Mapping[str, Any], declared: tuple[Scalar, ...] | None) -> Sequence[Scalar]:
    values, offsets = stored["values"], stored.get("offsets")
    if not values:
        return declared or ()
    if not offsets:
        return list(values)
    if all(value >= 0 for value in values):
        text = bytes(values).decode("ascii")
        return [text[start:stop] for start, stop in zip(offsets, offsets[1:])]
    if declared is None or len(declared) != len(offsets) - 1:
        raise LoadError(
            "child-signature",
            f"the file names categories of {name!r} with letters outside ASCII, of which XGBoost keeps a part",
            f"say them all in the registry, in the order of training: `inputs: {{{name}: {{enum: [...]}}}}`",
        )
    return declared


def _signature(booster: Any, config: Mapping[str, Any], levels: Mapping[int, Mapping[Any, float]]) -> Signature:
    width = int(config["learner_model_param"]["num_feature"])
    names = booster.feature_names or [f"x{i}" for i in range(width)]
    types = booster.feature_types or ["float"] * width
    fields = tuple(_field(name, kind, levels.get(i)) for i, (name, kind) in enumerate(zip(names, types)))
    is_named = booster.feature_names is not None
    output = with_labels(_output(booster, config), booster)
    output = replace(output, own_differs=_own_differs(booster, output))
    return Signature(inputs=with_dummies(fields) if is_named else fields, output=output, names_known=is_named)


def _field(name: str, kind: str, codes: Mapping[Any, float] | None) -> Field:
    """Trees and linear boosters both read NaN as missing: every field is nullable."""
    if codes is None:
        found = _TYPES.get(kind, "number")
        return Field(name=name, type=found, required=False, nullable=True, booleans_as_numbers=found == "boolean")
    enum = tuple(codes)
    if enum and isinstance(enum[0], str):
        return Field(name=name, type="string", enum=enum, required=False, nullable=True)
    least = None if enum else 0
    return Field(name=name, type="integer", enum=enum or None, minimum=least, required=False, nullable=True, whole=True)


def _own_differs(booster: Any, output: Output) -> str:
    """Say why Booster.predict answers otherwise: it takes all rounds, XGBClassifier and this model the best ones."""
    if output.kind == "regression" and is_classifier(booster):
        return "XGBClassifier answers labels, this route the value that the booster answers"
    best = booster.attr("best_iteration")
    if best is None or note_of(booster) or not hasattr(booster, "num_boosted_rounds"):
        return ""
    rounds = booster.num_boosted_rounds()
    if int(best) + 1 >= rounds:
        return ""
    return (
        f"training stopped early: Booster.predict takes all {rounds} rounds, this route the best {int(best) + 1}; "
        f"keep only those: booster[:{int(best) + 1}].save_model('model.ubj')"
    )


def _output(booster: Any, config: Mapping[str, Any]) -> Output:
    told = config["learner_model_param"]
    objective = str(config["objective"]["name"])
    classes, targets = int(told.get("num_class", 0)), int(told.get("num_target", 1))
    names = tuple(f"y{i}" for i in range(targets))
    is_raw = not is_classifier(booster)
    if objective in ("binary:logistic", "binary:hinge"):
        probabilities = objective == "binary:logistic"
        if targets > 1:
            own = "probabilities" if probabilities and is_raw else "list"
            return Output(kind="multi_label", names=names, probabilities=probabilities, own=own)
        own = "value" if not is_raw else "probability" if probabilities else "number"
        return Output(kind="classification", labels=(0, 1), probabilities=probabilities, positive=1, own=own)
    if objective in ("multi:softprob", "multi:softmax"):
        probabilities = objective == "multi:softprob"
        own = "value" if not is_raw else "probabilities" if probabilities else "number"
        labels: tuple[Scalar, ...] = tuple(range(classes))
        return Output(kind="classification", labels=labels, probabilities=probabilities, own=own)
    if targets > 1:
        return Output(kind="multi_output", names=names, own="list")
    return Output(kind="regression")
