"""Finds the names of a model's classes in a bundle: a label encoder that made the target, or a list of names."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.preprocessing import MultiLabelBinarizer

from gateway.loaders.bundles.faults import no_columns, no_labels
from gateway.loaders.bundles.members import Member, names_of_codes, texts_of
from gateway.schema import Scalar

_OF_ENCODER: Final = re.compile(
    r"^(label_?encoder|encoder|enc|le|lbl)_|_(label_?encoder|encoder|encoding|enc|le|lbl)$", re.IGNORECASE
)


_PAIR: Final = 2
#: How encoders of the target are called; the places of a tuple say as much.
_OF_TARGET: Final = re.compile(
    r"((label|target|y|class|output)(s|es)?_?)?(encoder|encoding|enc|le|lbl|lb|binarizer|mlb|multi_?label_?binarizer)|labels?|target|classes|y|\d+",
    re.IGNORECASE,
)


def is_called_target(member: Member) -> bool:
    """Say whether a label encoder has a name that encoders of the target have."""
    return bool(_OF_TARGET.fullmatch(member.key.rpartition(".")[2]))


def column_of(member: Member, names: Sequence[str]) -> str | None:
    """Return the column that a label encoder is named after (sex, sex_encoder, le_sex); None: it is no column's."""
    leaf = member.key.rpartition(".")[2]
    wanted = {leaf.lower(), _OF_ENCODER.sub("", leaf).lower()}
    return next((name for name in names if name.lower() in wanted), None)


def classes_of(model: Any) -> list[Any] | None:
    """Return the classes that a model answers; None where it answers numbers, or several labels."""
    if isinstance(model, BaseEstimator):
        found = getattr(model, "classes_", None) if is_classifier(model) else None
        return found.tolist() if isinstance(found, np.ndarray) and found.ndim == 1 else None
    output = model.signature.output
    return list(output.labels) if output.kind == "classification" else None


def is_of_probability(threshold: Member, model: Any) -> bool:
    """Say whether a threshold can be one of the probability of the second of two classes."""
    classes = classes_of(model)
    if isinstance(model, BaseEstimator):
        has_probabilities = hasattr(model, "predict_proba")
    else:
        has_probabilities = model.signature.output.probabilities
    return classes is not None and len(classes) == _PAIR and has_probabilities and 0 <= threshold.value <= 1


def named_labels(path: Path, member: Member, model: Any) -> tuple[Scalar, ...] | None:
    """Return a name for each class of the model, None where the classes have these names; raises LoadError."""
    names, classes = _names(member), classes_of(model)
    if isinstance(member.value, MultiLabelBinarizer) and isinstance(found := getattr(model, "classes_", None), list):
        classes = list(range(len(found)))  # one answer of 0 or 1 for each label
    if classes is None:
        raise no_labels(path, member, names.values(), None)
    if sorted(map(str, names.values())) == sorted(map(str, classes)) and set(map(type, classes)) == {str}:
        return None
    codes = [int(one) if _is_whole(one) else None for one in classes]
    if None in codes or set(codes) != set(names):
        raise no_labels(path, member, names.values(), classes)
    return tuple(names[code] for code in codes if code is not None)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float | bool) and float(value).is_integer()


def _names(member: Member) -> dict[int, Scalar]:
    if member.kind == "labels":
        return dict(enumerate(np.asarray(member.value.classes_).tolist()))
    if isinstance(member.value, dict):
        return dict(names_of_codes(member.value))
    return dict(enumerate(texts_of(member.value)))


def target_of(path: Path, levels: Member, names: Sequence[str]) -> str | None:
    """Return the one key of encoders by column that is no column: that of the target; raises LoadError for several."""
    strangers = [key for key in levels.value if key not in names]
    if not names or len(strangers) > 1:
        raise no_columns(path, levels, strangers or list(levels.value), names)
    return strangers[0] if strangers else None
