"""
Tells what fitted steps take and give: how many columns, under which names.

Looks at fitted attributes, and at `get_feature_names_out`, which transforms nothing.
"""

from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline

from gateway.loaders.admission.sklearn_trees import walk_parts

#: Steps that take no columns: texts, or dicts.
_OF_TEXT: Final = (CountVectorizer, HashingVectorizer)
_OF_DICTS: Final = (DictVectorizer, FeatureHasher)


def first_of(step: Any) -> Any:
    """Return the part of a step that sees its input first."""
    if isinstance(step, Pipeline):
        return first_of(step.steps[0][1])
    if isinstance(step, FeatureUnion):
        return first_of(step.transformer_list[0][1])
    return step


def takes_no_columns(step: Any) -> bool:
    """Say whether a step takes texts or dicts, so that nothing can stand before it."""
    return isinstance(first_of(step), (*_OF_TEXT, *_OF_DICTS))


def width_in(step: Any) -> int | None:
    """Return how many columns a step or a model takes; None where it does not say."""
    if not isinstance(step, BaseEstimator):
        return len(step.signature.inputs)
    found = getattr(first_of(step), "n_features_in_", None)
    return None if found is None else int(found)


def width_out(step: Any) -> int | None:
    """Return how many columns a step gives; None where it does not say."""
    first = first_of(step)
    if isinstance(first, CountVectorizer) and first is step:
        return len(step.vocabulary_)
    if isinstance(first, HashingVectorizer | FeatureHasher) and first is step:
        return int(step.n_features)
    names = names_out(step)
    return None if names is None else len(names)


def names_in(step: Any) -> tuple[str, ...] | None:
    """Return the names of the columns that a step or a model was fitted on; None where it knows none."""
    if not isinstance(step, BaseEstimator):
        return step.signature.names if step.signature.names_known else None
    found = getattr(first_of(step), "feature_names_in_", None)
    return None if found is None else tuple(str(name) for name in found)


def names_out(step: Any) -> tuple[str, ...] | None:
    """Return the names of the columns that a step gives; made-up ones where it was fitted without names."""
    try:
        return tuple(str(name) for name in step.get_feature_names_out())
    except Exception:  # each step raises what it likes where it cannot tell
        return None


def is_one_to_one(step: Any) -> bool:
    """Say whether a step gives each column that it takes, in its place."""
    given = names_out(step)
    taken = names_in(step) or tuple(f"x{i}" for i in range(width_in(step) or 0))
    return bool(taken) and given == taken


def takes_words(step: Any) -> bool:
    """Say whether a step encodes texts: it stands before every step that computes."""
    first = first_of(step)
    found = getattr(first, "categories_", None) or [getattr(first, "classes_", ())]
    return any(np.asarray(levels).dtype.kind in "OUS" for levels in found)


def forget_names(step: Any) -> None:
    """
    Delete the names of the columns that a step behind another one was fitted on: it gets an array.

    They have been compared with what it gets; scikit-learn would warn of the missing ones in each call.
    """
    parts = list(walk_parts(step))
    if any(isinstance(part, ColumnTransformer) and _selects_by_name(part) for part in parts):
        return
    for part in parts:
        vars(part).pop("feature_names_in_", None)


def _selects_by_name(step: ColumnTransformer) -> bool:
    return any(np.asarray(columns).dtype.kind in "OU" for _, _, columns in step.transformers_ if not callable(columns))
