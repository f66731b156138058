"""
Tells what the members of a bundle are: a step, a model, names of columns, labels. Knows nothing of their order.

Only what was admitted as part of a model arrives here; nothing is called but `hasattr`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.preprocessing import LabelBinarizer, LabelEncoder, MultiLabelBinarizer

from gateway.loaders.admission.plain_values import is_plain

#: levels: encoders by the names of their columns; classes: names of the classes of the model; note: has no effect.
Kind: TypeAlias = Literal["step", "model", "labels", "levels", "columns", "classes", "threshold", "note", "unknown"]

_COLUMNS: Final = re.compile(
    r"((train|training|model|input|all|final|x)_)*"
    r"(columns?|cols|features?|feature_?(names?|columns?|cols|order|list)|column_?(names?|order|list)|predictors)"
    r"(_?(in|list|order|names))?_?",
    re.IGNORECASE,
)
_CLASSES: Final = re.compile(
    r"(class|target|label)(es|s)?(_?(names?|map|mapping|dict|list|labels?|order))?_?|id2label|label2id"
    r"|(idx|index|int|id)_to_(class|label|name)|(class|label)_to_(idx|index|int|id)",
    re.IGNORECASE,
)
_THRESHOLD: Final = re.compile(
    r"((best|optimal|decision|classification|prob|probability|model)_)*(threshold|cutoff)", re.IGNORECASE
)
_DEEPEST: Final = 3
_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Member:
    """Hold one member: `name` for messages (a file, a key, a place), `key` for rules and for the registry."""

    name: str
    key: str
    value: Any
    kind: Kind


def member_of(name: str, key: str, value: Any, *, is_file: bool = False) -> Member:
    """Return a member with its kind; a file of its own with a list of texts is one of column names."""
    return Member(name, key, value, _kind(key, value, is_file=is_file))


def members_in(found: Any, prefix: str = "", depth: int = 0) -> list[Member]:
    """Return the members of a dict, tuple or list; dicts in it are opened, too."""
    members = []
    for key, value in _items(found):
        full = f"{prefix}{key}"
        name = f"'{full}'" if isinstance(found, dict) or not key.isdigit() else f"item {full}"
        one = member_of(name, full, value)
        is_nest = one.kind == "unknown" and isinstance(value, dict | list | tuple) and depth < _DEEPEST
        members += members_in(value, f"{full}.", depth + 1) if is_nest else [one]
    return members


def is_container(found: Any) -> bool:
    """Say whether an object may hold members."""
    return isinstance(found, dict | list | tuple) and not isinstance(found, str)


def texts_of(value: Any) -> tuple[str, ...]:
    """Return the texts of a list, array or Index that holds texts only; else nothing."""
    if isinstance(value, np.ndarray | pd.Index):
        value = value.tolist() if value.ndim == 1 else ()
    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) for one in value):
        return ()
    return tuple(str(one) for one in value)


def _items(found: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(found, dict):
        yield from ((str(key), value) for key, value in found.items())
        return
    for place, value in enumerate(found):
        is_named = isinstance(value, list | tuple) and len(value) == _PAIR and isinstance(value[0], str)
        # The list of a Pipeline: pairs of a name and a step.
        yield (value[0], value[1]) if is_named and isinstance(value[1], BaseEstimator) else (str(place), value)


def _kind(key: str, value: Any, *, is_file: bool) -> Kind:
    if isinstance(value, LabelEncoder | LabelBinarizer | MultiLabelBinarizer):
        return "labels"
    if isinstance(value, BaseEstimator):
        return _kind_of_estimator(value)
    if hasattr(value, "signature") and hasattr(value, "predict"):
        return "model"  # a predictor of another loader
    leaf = key.rpartition(".")[2]
    if texts_of(value):
        return _kind_of_texts(leaf, is_file=is_file)
    if isinstance(value, dict) and value:
        return _kind_of_dict(leaf, value)
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return "threshold" if _THRESHOLD.fullmatch(leaf) else "note"
    return "note" if is_without_effect(value) else "unknown"


def _kind_of_estimator(value: BaseEstimator) -> Kind:
    if hasattr(value, "predict"):
        return "model"
    return "step" if hasattr(value, "transform") else "unknown"


def _kind_of_texts(leaf: str, *, is_file: bool) -> Kind:
    if _CLASSES.fullmatch(leaf):
        return "classes"
    return "columns" if is_file or _COLUMNS.fullmatch(leaf) else "note"


def _kind_of_dict(leaf: str, value: Mapping[Any, Any]) -> Kind:
    if all(isinstance(one, BaseEstimator) and not hasattr(one, "predict") for one in value.values()):
        is_by_column = all(isinstance(key, str) and _is_of_one(one) for key, one in value.items())
        return "levels" if is_by_column else "unknown"
    if is_without_effect(value):
        return "classes" if _CLASSES.fullmatch(leaf) and names_of_codes(value) else "note"
    return "unknown"


def _is_of_one(value: Any) -> bool:
    return isinstance(value, LabelEncoder) or getattr(value, "n_features_in_", 0) == 1


def names_of_codes(value: Mapping[Any, Any]) -> dict[int, str]:
    """Return code -> name of a mapping in either direction; else nothing."""
    if all(_is_code(key) and isinstance(name, str) for key, name in value.items()):
        return {int(key): name for key, name in value.items()}
    if all(_is_code(code) and isinstance(name, str) for name, code in value.items()):
        return {int(code): name for name, code in value.items()}
    return {}


def _is_code(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_without_effect(value: Any) -> bool:
    """Say whether a value is plain data, which can do nothing to an answer."""
    # Without recursion, and each container once: a file may nest them without end, and name one many times.
    stack, seen = [value], set()
    while stack:
        one = stack.pop()
        if isinstance(one, list | tuple | set | frozenset | dict):
            if id(one) not in seen:
                seen.add(id(one))
                stack += one.values() if isinstance(one, dict) else one
        elif not (isinstance(one, np.ndarray | pd.Index) or is_plain(one)):
            return False
    return True
