"""
Finds out what a fitted scikit-learn estimator wants to be fed: names, types, levels, and where NaN may come in.

Follows every input column through pipelines, column transformers and encoders. Looks at fitted attributes only and
predicts nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import get_tags

from gateway.errors import LoadError
from gateway.loaders.dummies import with_dummies
from gateway.loaders.sklearn_levels import is_missing, typed
from gateway.schema import Field, FieldType

Shape = Literal["text", "frame", "matrix"]

_VECTORIZERS = {"CountVectorizer", "TfidfVectorizer", "HashingVectorizer"}
_ENCODERS = {"OneHotEncoder", "OrdinalEncoder", "TargetEncoder"}
#: Transformers of dictionaries: no column has a place.
_SHAPELESS = {"DictVectorizer", "FeatureHasher"}
_IMPUTERS = {"SimpleImputer", "KNNImputer", "IterativeImputer"}
#: What they make of a column depends on no other one, so that a column dropped behind them reaches no model.
_COLUMN_BY_COLUMN = {"StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "PowerTransformer", "Binarizer"}
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


@dataclass(frozen=True, slots=True)
class Inputs:
    """Say how to feed an estimator: one column of texts, a frame with names, or a matrix."""

    shape: Shape
    fields: tuple[Field, ...]
    names_known: bool
    trained_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TracedColumn:
    """Trace one column inside a pipeline: which input it still is (None: none alone), and whose NaN it may carry."""

    column: int | None
    missing: frozenset[int]


@dataclass(slots=True)
class Facts:
    """Collect what the steps say about the input columns."""

    levels: dict[int, list[Any]] = field(default_factory=dict)
    text: set[int] = field(default_factory=set)
    words: set[int] = field(default_factory=set)
    refuses: set[int] = field(default_factory=set)
    used: set[int] = field(default_factory=set)
    reaching: set[int] = field(default_factory=set)


def find_inputs(estimator: Any) -> Inputs:
    """Return the inputs of a fitted estimator; names are made up (x0, x1, …) where it was fitted without."""
    head = _head(estimator)
    if type(head).__name__ in _VECTORIZERS:
        return Inputs("text", (Field(name="text", type="string"),), names_known=False)
    width = _width(head)
    known = getattr(head, "feature_names_in_", None)
    names = [str(name) for name in known] if known is not None else [f"x{i}" for i in range(width)]
    facts = Facts()
    _note(facts.reaching, _walk(estimator, [TracedColumn(i, frozenset({i})) for i in range(width)], facts))
    wanted = sorted(facts.used) if isinstance(head, ColumnTransformer) and known is not None else range(width)
    trained_on = tuple(names) if len(wanted) < width else ()
    fields = tuple(_field(names[i], i, facts) for i in wanted)
    if known is not None:
        fields = with_dummies(fields)
    shape: Shape = "matrix" if known is None else "frame"
    return Inputs(shape, fields, names_known=known is not None, trained_on=trained_on)


def _width(head: Any) -> int:
    """Return the number of input columns; raises LoadError where the first step does not tell it."""
    if type(head).__name__ == "IsotonicRegression":
        return 1
    width = int(getattr(head, "n_features_in_", 0))
    if not width and type(head).__name__ in _SHAPELESS:
        raise LoadError(
            f"a {type(head).__name__} takes objects of any shape, so the inputs cannot be told",
            code="unknown-inputs",
            hint="fit a ColumnTransformer on a data frame instead, or serve it with the python loader",
        )
    return width


def without_nullable(inputs: Inputs) -> Inputs:
    """Return the same inputs with every field required to be present."""
    fields = tuple(replace(found, nullable=False, required=found.default is None) for found in inputs.fields)
    return replace(inputs, fields=fields)


def with_defaults(inputs: Inputs, number: int) -> Inputs:
    """Fill what no model sees, but a step checks for NaN, with a number that all steps take."""
    fields = tuple(
        replace(found, required=False, default=number) if found.unused and found.required else found
        for found in inputs.fields
    )
    return replace(inputs, fields=fields)


def _head(estimator: Any) -> Any:
    """Return the step that sees the input first."""
    while True:
        if isinstance(estimator, Pipeline):
            steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
            estimator = steps[0]
        elif isinstance(estimator, FeatureUnion):
            parts = [part for _, part in estimator.transformer_list if not isinstance(part, str)]
            if not parts or type(_head(parts[0])).__name__ not in _VECTORIZERS:
                return estimator
            estimator = parts[0]
        else:
            inner = _wrapped(estimator)
            if inner is None:
                return estimator
            estimator = inner


def _wrapped(estimator: Any) -> Any:
    return getattr(estimator, _WRAPPERS.get(type(estimator).__name__, ""), None)


def _walk(step: Any, slots: list[TracedColumn], facts: Facts) -> list[TracedColumn]:
    """Feed slots to a step, note what it says about them, and return the slots that leave it."""
    if isinstance(step, str) or step is None:
        return [] if step == "drop" else _use(slots, facts)
    inner = _wrapped(step)
    if inner is not None:
        return _walk(inner, slots, facts)
    if isinstance(step, Pipeline):
        for _, part in step.steps:
            slots = _walk(part, slots, facts)
        return slots
    if isinstance(step, ColumnTransformer):
        return _walk_columns(step, slots, facts)
    if isinstance(step, FeatureUnion):
        return [slot for _, part in step.transformer_list for slot in _walk(part, list(slots), facts)]
    _use(slots, facts)
    kind = type(step).__name__
    if kind in _VECTORIZERS:
        _note(facts.reaching, slots)
        _note(facts.text, slots)
        return _refuse(slots, facts)
    if kind in _ENCODERS:
        return _encode(step, slots, facts)
    if kind in _IMPUTERS:
        return _impute(step, slots, facts)
    return _walk_other(step, slots, facts)


def _use(slots: list[TracedColumn], facts: Facts) -> list[TracedColumn]:
    _note(facts.used, slots)
    return slots


def _note(group: set[int], slots: Sequence[TracedColumn]) -> None:
    group.update(slot.column for slot in slots if slot.column is not None)


def _walk_columns(step: Any, slots: list[TracedColumn], facts: Facts) -> list[TracedColumn]:
    """Send each part the columns it was fitted on; the order of what comes out does not matter for NaN and levels."""
    positions = step._transformer_to_input_indices  # the only place where names, masks and callables are resolved
    leaving: list[TracedColumn] = []
    for name, part, _ in step.transformers_:
        chosen = [slots[i] for i in positions.get(name, ()) if i < len(slots)]
        leaving += _walk(part, chosen, facts)
    return leaving


def _encode(step: Any, slots: list[TracedColumn], facts: Facts) -> list[TracedColumn]:
    _note(facts.reaching, slots)
    for slot, categories in zip(slots, step.categories_, strict=False):
        levels = [value for value in np.asarray(categories).tolist() if not is_missing(value)]
        if len(levels) == len(categories):
            facts.refuses |= slot.missing
        if slot.column is None:
            continue
        facts.levels.setdefault(slot.column, levels)
        if all(isinstance(value, str) for value in levels):
            facts.words.add(slot.column)
    if type(step).__name__ == "OneHotEncoder":
        return [TracedColumn(None, frozenset()) for _ in slots]
    # OrdinalEncoder hands a NaN level on as NaN unless it was given a code of its own.
    keeps = is_missing(getattr(step, "encoded_missing_value", 0))
    return [TracedColumn(None, slot.missing if keeps else frozenset()) for slot in slots]


def _impute(step: Any, slots: list[TracedColumn], facts: Facts) -> list[TracedColumn]:
    if type(step).__name__ != "SimpleImputer" or step.add_indicator:
        _note(facts.reaching, slots)
    # A constant fill makes the array `object` for numbers, too: what counts is each column's own fill.
    fills = np.asarray(getattr(step, "statistics_", ())).tolist()
    _note(facts.words, [slot for slot, fill in zip(slots, fills, strict=False) if isinstance(fill, str)])
    if not is_missing(getattr(step, "missing_values", np.nan)):
        return _refuse(slots, facts)
    return [TracedColumn(slot.column, frozenset()) for slot in slots]


def _walk_other(step: Any, slots: list[TracedColumn], facts: Facts) -> list[TracedColumn]:
    front = getattr(step, "_preprocessor", None)
    if type(step).__name__.startswith("HistGradientBoosting") and isinstance(front, ColumnTransformer):
        # It codes its categories itself, and missing or unknown ones as NaN, which its trees take.
        _note(facts.reaching, slots)
        inner = Facts()
        _walk_columns(front, [TracedColumn(slot.column, frozenset()) for slot in slots], inner)
        facts.levels = inner.levels | facts.levels
        facts.words |= inner.words
        return []
    members = _fed_alike(step)
    if members:
        for member in members:
            _note(facts.reaching, _walk(member, list(slots), facts))
        if getattr(step, "passthrough", False):  # of a stack: its last estimator sees the columns, too
            _note(facts.reaching, slots)
        return []
    if type(step).__name__ == "FunctionTransformer" and not step.validate:
        # `passthrough` of a fitted ColumnTransformer is one without a function.
        if step.func is None:
            return slots
        _note(facts.reaching, slots)
        return [TracedColumn(None, slot.missing) for slot in slots]
    if not get_tags(step).input_tags.allow_nan:
        slots = _refuse(slots, facts)
    if isinstance(step, SelectorMixin) and len(chosen := step.get_support()) == len(slots):
        return [slot for slot, is_kept in zip(slots, chosen, strict=True) if is_kept]
    if type(step).__name__ not in _COLUMN_BY_COLUMN:
        _note(facts.reaching, slots)
    if isinstance(step, OneToOneFeatureMixin):
        return slots
    carried = frozenset().union(*(slot.missing for slot in slots)) if slots else frozenset()
    return [TracedColumn(None, carried)]


def _fed_alike(step: Any) -> list[Any]:
    """Return the members of a vote, a stack or a calibration: each sees the same columns as its owner."""
    found = [part.estimator for part in getattr(step, "calibrated_classifiers_", ())]
    if type(step).__name__.startswith(("Voting", "Stacking", "MultiOutput", "OneVsRest")):
        found += list(getattr(step, "estimators_", ()))
    return [part for part in found if hasattr(part, "get_params")]


def _refuse(slots: list[TracedColumn], facts: Facts) -> list[TracedColumn]:
    for slot in slots:
        facts.refuses |= slot.missing
    return [TracedColumn(slot.column, frozenset()) for slot in slots]


def _field(name: str, index: int, facts: Facts) -> Field:
    nullable = index not in facts.refuses
    if index not in facts.reaching and index not in facts.words:
        return Field(name=name, nullable=nullable, required=not nullable, unused=True)
    if index in facts.text:
        return Field(name=name, type="string", nullable=nullable, required=not nullable)
    levels = facts.levels.get(index)
    if levels is None:
        kind: FieldType = "string" if index in facts.words else "number"
        return Field(name=name, type=kind, nullable=nullable, required=not nullable)
    kind, enum = typed(levels)
    return Field(name=name, type=kind, enum=enum, nullable=nullable, required=not nullable)
