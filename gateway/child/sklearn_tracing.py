"""
Follows every input column through pipelines, column transformers and encoders of a fitted estimator.

Notes levels, texts, where NaN may come in, and which columns can reach a model at all. Looks at fitted attributes only.
The same as gateway/loaders/sklearn_tracing.py, for old versions too: a model has one signature wherever it runs.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from .levels import is_missing
from .sklearn_versions import allows_missing, chosen_columns, keeps_columns

VECTORIZERS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")
_ENCODERS = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")
_IMPUTERS = ("SimpleImputer", "KNNImputer", "IterativeImputer")
#: What they make of a column depends on no other one, so that a column dropped behind them reaches no model.
_COLUMN_BY_COLUMN = (
    "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "PowerTransformer", "Binarizer",
)  # fmt: skip
#: Wrappers that hand their input on untouched, and where the fitted estimator is.
_WRAPPERS = {
    "GridSearchCV": "best_estimator_",
    "RandomizedSearchCV": "best_estimator_",
    "HalvingGridSearchCV": "best_estimator_",
    "HalvingRandomSearchCV": "best_estimator_",
    "FixedThresholdClassifier": "estimator_",
    "TunedThresholdClassifierCV": "estimator_",
    "TransformedTargetRegressor": "regressor_",
}


class Slot(NamedTuple):
    """Trace one column inside a pipeline: which input it still is (None: none alone), and whose NaN it may carry."""

    column: int | None
    missing: frozenset[int]


class Facts:
    """Collect what the steps say about the input columns."""

    def __init__(self) -> None:
        self.levels: dict[int, list[Any]] = {}
        self.text: set[int] = set()
        self.words: set[int] = set()
        self.refuses: set[int] = set()
        self.used: set[int] = set()
        self.reaching: set[int] = set()


def wrapped(estimator: Any) -> Any:
    """Return the fitted estimator that a wrapper hands its input to; None for what is no wrapper."""
    return getattr(estimator, _WRAPPERS.get(type(estimator).__name__, ""), None)


def is_sampler(step: Any) -> bool:
    """Say whether a step of a pipeline is a sampler of imbalanced-learn, which acts at fit only."""
    return hasattr(step, "fit_resample")


def trace(step: Any, slots: list[Slot], facts: Facts) -> list[Slot]:
    """Feed slots to a step, note what it says about them, and return the slots that leave it."""
    if isinstance(step, str) or step is None:
        return [] if step == "drop" else _use(slots, facts)
    inner = wrapped(step)
    if inner is not None:
        return trace(inner, slots, facts)
    if isinstance(step, Pipeline):
        for _, part in step.steps:
            slots = slots if is_sampler(part) else trace(part, slots, facts)
        return slots
    if isinstance(step, ColumnTransformer):
        return _walk_columns(step, slots, facts)
    if isinstance(step, FeatureUnion):
        return [slot for _, part in step.transformer_list for slot in trace(part, list(slots), facts)]
    _use(slots, facts)
    kind = type(step).__name__
    if kind in VECTORIZERS:
        note(facts.reaching, slots)
        note(facts.text, slots)
        return _refuse(slots, facts)
    if kind in _ENCODERS:
        return _encode(step, slots, facts)
    if kind in _IMPUTERS:
        return _impute(step, slots, facts)
    return _walk_other(step, slots, facts)


def _use(slots: list[Slot], facts: Facts) -> list[Slot]:
    note(facts.used, slots)
    return slots


def note(group: set[int], slots: Sequence[Slot]) -> None:
    """Add the inputs that slots still are to a group."""
    group.update(slot.column for slot in slots if slot.column is not None)


def _walk_columns(step: Any, slots: list[Slot], facts: Facts) -> list[Slot]:
    """Send each part the columns it was fitted on; the order of what comes out does not matter for NaN and levels."""
    positions = chosen_columns(step, len(slots))
    leaving: list[Slot] = []
    for name, part, _ in step.transformers_:
        chosen = [slots[i] for i in positions.get(name, ()) if i < len(slots)]
        leaving += trace(part, chosen, facts)
    return leaving


def _encode(step: Any, slots: list[Slot], facts: Facts) -> list[Slot]:
    note(facts.reaching, slots)
    for slot, categories in zip(slots, step.categories_):
        levels = [value for value in np.asarray(categories).tolist() if not is_missing(value)]
        if len(levels) == len(categories):
            facts.refuses |= slot.missing
        if slot.column is None:
            continue
        facts.levels.setdefault(slot.column, levels)
        if all(isinstance(value, str) for value in levels):
            facts.words.add(slot.column)
    if type(step).__name__ == "OneHotEncoder":
        return [Slot(None, frozenset()) for _ in slots]
    # OrdinalEncoder hands a NaN level on as NaN unless it was given a code of its own.
    keeps = is_missing(getattr(step, "encoded_missing_value", 0))
    return [Slot(None, slot.missing if keeps else frozenset()) for slot in slots]


def _impute(step: Any, slots: list[Slot], facts: Facts) -> list[Slot]:
    if type(step).__name__ != "SimpleImputer" or step.add_indicator:
        note(facts.reaching, slots)
    # A constant fill makes the array `object` for numbers, too: what counts is each column's own fill.
    fills = np.asarray(getattr(step, "statistics_", ())).tolist()
    note(facts.words, [slot for slot, fill in zip(slots, fills) if isinstance(fill, str)])
    if not is_missing(getattr(step, "missing_values", np.nan)):
        return _refuse(slots, facts)
    return [Slot(slot.column, frozenset()) for slot in slots]


def _walk_other(step: Any, slots: list[Slot], facts: Facts) -> list[Slot]:
    front = getattr(step, "_preprocessor", None)
    if type(step).__name__.startswith("HistGradientBoosting") and isinstance(front, ColumnTransformer):
        # It codes its categories itself, and missing or unknown ones as NaN, which its trees take.
        note(facts.reaching, slots)
        inner = Facts()
        _walk_columns(front, [Slot(slot.column, frozenset()) for slot in slots], inner)
        facts.levels = {**facts.levels, **{i: levels for i, levels in inner.levels.items() if i not in facts.levels}}
        facts.words |= inner.words
        return []
    members = _fed_alike(step)
    if members:
        for member in members:
            note(facts.reaching, trace(member, list(slots), facts))
        if getattr(step, "passthrough", False):  # of a stack: its last estimator sees the columns, too
            note(facts.reaching, slots)
        return []
    if type(step).__name__ == "FunctionTransformer" and not step.validate:
        # `passthrough` of a fitted ColumnTransformer is one without a function.
        if step.func is None:
            return slots
        note(facts.reaching, slots)
        return [Slot(None, slot.missing) for slot in slots]
    if not allows_missing(step):
        slots = _refuse(slots, facts)
    support = step.get_support() if hasattr(step, "get_support") else ()
    if len(support) == len(slots) and len(slots):
        return [slot for slot, is_kept in zip(slots, support) if is_kept]
    if type(step).__name__ not in _COLUMN_BY_COLUMN:
        note(facts.reaching, slots)
    if keeps_columns(step):
        return slots
    carried = frozenset().union(*[slot.missing for slot in slots]) if slots else frozenset()
    return [Slot(None, carried)]


def _fed_alike(step: Any) -> list[Any]:
    """Return the members of a vote, a stack or a calibration: each sees the same columns as its owner."""
    found = [_calibrated(part) for part in getattr(step, "calibrated_classifiers_", ())]
    if type(step).__name__.startswith(("Voting", "Stacking", "MultiOutput", "OneVsRest")):
        found += list(getattr(step, "estimators_", ()))
    return [part for part in found if hasattr(part, "get_params")]


def _calibrated(part: Any) -> Any:
    return getattr(part, "estimator", None) or getattr(part, "base_estimator", None)


def _refuse(slots: list[Slot], facts: Facts) -> list[Slot]:
    for slot in slots:
        facts.refuses |= slot.missing
    return [Slot(slot.column, frozenset()) for slot in slots]
