"""
Serves LightGBM boosters, from a text file or from a pickle, and wrappers alone.

The same answers as gateway/loaders/lightgbm.py. A file lists the levels of its categories, not their columns: where
several columns could have them, the registry has to say which.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Sequence, Tuple

import lightgbm
import numpy as np

from .faults import LoadError
from .levels import codes_of, encode, field_of, plain, with_dummies
from .schema import Columns, Field, Model, Output, Predictions, Scalar, Signature
from .spec import Spec

Levels = Tuple[Any, ...]

#: Where LGBMClassifier.predict parts two classes.
_HALF = 0.5
#: What a file says of a column of True and False: its least and its greatest number.
_FLAG = "[0:1]"
#: Codes are read as C's int.
_INT = 2**31


class LightgbmModel(Model):
    """Ask one booster with one thread; columns go in as 64-bit floats, as LightGBM takes a data frame."""

    def __init__(
        self, booster: Any, declared: Mapping[str, Levels], *, rounds: int = -1, labels: tuple[Scalar, ...] = ()
    ) -> None:
        self._booster = booster
        self._rounds = rounds
        head = _head(booster)
        levels, coded = _categories(head, booster, declared)
        self.signature = _signature(head, booster, levels, coded, labels)
        self._codes = {i: codes_of(self.signature.inputs[i], one) for i, one in levels.items()}

    def predict(self, columns: Columns) -> Predictions:
        """Predict every instance; NaN is missing, and a level that training did not see is missing too."""
        rows = np.empty((len(columns[0]), len(columns)), dtype=np.float64)
        for i, column in enumerate(columns):
            codes = self._codes.get(i)
            rows[:, i] = column if codes is None else encode(column, codes)
        found = self._booster.predict(rows, num_iteration=self._rounds, num_threads=1)
        scores = np.asarray(found, dtype=np.float64)
        if self.signature.output.kind != "classification":
            return Predictions(scores)
        if scores.ndim > 1:
            return Predictions(np.argmax(scores, axis=1), scores)
        return Predictions((scores > _HALF).astype(np.int64), np.column_stack([1.0 - scores, scores]))


def load_model(spec: Spec) -> Model:
    """Return the model of a file that Booster.save_model wrote."""
    with open(spec.artifact, encoding="utf-8") as file:
        return LightgbmModel(lightgbm.Booster(model_str=file.read()), spec.levels)


def model_of(found: Any, spec: Spec) -> Model | None:
    """Return the model of a booster or a fitted wrapper; None for what scikit-learn's rules hold for."""
    booster = found if isinstance(found, lightgbm.Booster) else getattr(found, "_Booster", None)
    if not isinstance(booster, lightgbm.Booster):
        return None
    labels: tuple[Scalar, ...] = ()
    if isinstance(found, lightgbm.LGBMClassifier):
        labels = tuple(plain(value) for value in np.asarray(found.classes_))
        if len(labels) != max(int(_head(booster).get("num_class", "1")), 2):
            return None  # one class only: what its wrapper answers is no label
    best = getattr(booster, "best_iteration", None)
    rounds = best if isinstance(best, int) and best > 0 else -1
    return LightgbmModel(booster, spec.levels, rounds=rounds, labels=labels)


def _head(booster: Any) -> dict[str, str]:
    """Return the lines in front of the trees, key -> value."""
    text = str(booster.model_to_string(num_iteration=1))
    lines = text.partition("\nTree=")[0].splitlines()
    return {key: value for key, found, value in (line.partition("=") for line in lines) if found}


def _categories(
    head: Mapping[str, str], booster: Any, declared: Mapping[str, Levels]
) -> tuple[dict[int, Levels], list[int]]:
    """Return column -> its levels, and the columns that take codes themselves."""
    names = booster.feature_name()
    columns = _category_columns(head, booster)
    lists = [tuple(one) for one in booster.pandas_categorical or ()]
    if not lists:
        told = {i: declared[names[i]] for i in columns if names[i] in declared}
        return told, [i for i in columns if i not in told]
    by_name = {i: declared[name] for i, name in enumerate(names) if declared.get(name) in lists}
    if len(by_name) == len(lists):
        return by_name, [i for i in columns if i not in by_name]
    if len(columns) != len(lists):
        raise LoadError(
            "child-signature",
            f"it lists the levels of {len(lists)} columns of a data frame, and does not tell which columns these are",
            "say it in the registry: `inputs: {{column: {{enum: [...]}}}}` with the levels of each: {}".format(
                "; ".join(str(list(one))[:80] for one in lists[:3])
            ),
        )
    return dict(zip(columns, lists)), []


def _category_columns(head: Mapping[str, str], booster: Any) -> list[int]:
    """Return the columns that training took as categories."""
    infos = head["feature_infos"].split(" ")
    found = {i for i, info in enumerate(infos) if info[:1] not in ("[", "n")}
    for tree in booster.dump_model()["tree_info"]:
        waiting = [tree["tree_structure"]]
        while waiting:
            node = waiting.pop()
            if node.get("decision_type") == "==":
                found.add(int(node["split_feature"]))
            waiting += [node[side] for side in ("left_child", "right_child") if side in node]
    return sorted(found)


def _signature(
    head: Mapping[str, str],
    booster: Any,
    levels: Mapping[int, Levels],
    coded: Sequence[int],
    labels: tuple[Scalar, ...],
) -> Signature:
    written = [str(name) for name in booster.feature_name()]
    infos = head["feature_infos"].split(" ")
    is_unnamed = written == [f"Column_{i}" for i in range(len(written))]
    names = [f"x{i}" for i in range(len(written))] if is_unnamed else written
    fields = tuple(_field(name, i, infos[i], levels, coded) for i, name in enumerate(names))
    if is_unnamed:
        fields = tuple(replace(field, aliases=(name,)) for field, name in zip(fields, written))
    else:
        fields = _with_spaces(with_dummies(fields))
    return Signature(inputs=fields, output=_output(head, labels), names_known=not is_unnamed)


def _field(name: str, at: int, info: str, levels: Mapping[int, Levels], coded: Sequence[int]) -> Field:
    """Trees take NaN in every column; codes may be negative, which means missing."""
    if at in levels:
        return field_of(name, levels[at])
    if at in coded:
        return Field(name=name, type="integer", minimum=-_INT, maximum=_INT - 1, required=False, nullable=True)
    return Field(name=name, required=False, nullable=True, booleans_as_numbers=info == _FLAG)


def _with_spaces(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Let a column be sent under its name with spaces, which LightGBM wrote as underscores."""
    names = {field.name for field in fields}
    spaced = [field.name.replace("_", " ") for field in fields]
    return tuple(
        replace(field, aliases=(text,)) if text not in names and spaced.count(text) == 1 else field
        for field, text in zip(fields, spaced)
    )


def _output(head: Mapping[str, str], labels: tuple[Scalar, ...]) -> Output:
    """Return what the objective makes of a model; without one (a function of somebody's own) the answer is a score."""
    kind, classes = head.get("objective", "").split(" ")[0], int(head.get("num_class", "1"))
    if kind == "binary" or (labels and classes == 1):
        known: tuple[Scalar, ...] = labels or (0, 1)
        own = "value" if labels else "probability"
        return Output(kind="classification", labels=known, probabilities=True, positive=known[1], own=own)
    if kind in ("multiclass", "multiclassova") or labels:
        own = "value" if labels else "probabilities"
        return Output(kind="classification", labels=labels or tuple(range(classes)), probabilities=True, own=own)
    if classes > 1:
        return Output(kind="multi_output", names=tuple(f"y{i}" for i in range(classes)), own="list")
    return Output(kind="regression")
