"""
Finds out what a fitted scikit-learn estimator wants to be fed: names, types, levels, and where NaN may come in.

The same as gateway/loaders/sklearn_inputs.py: a model has one signature wherever it runs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, NamedTuple, Sequence

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from .faults import LoadError
from .frames import frame_of
from .levels import typed, with_dummies
from .schema import Columns, Field, sample_columns
from .sklearn_tracing import VECTORIZERS, Facts, Slot, is_sampler, note, trace, wrapped
from .sklearn_versions import names_in, width_of


class Inputs(NamedTuple):
    """
    Say how to feed an estimator: one column of texts ("text"), a "frame" with names, a "matrix", or "dicts".

    `needs_all` says that the frame has to have all columns of `trained_on`, also those that nothing reads.
    """

    shape: str
    fields: tuple[Field, ...]
    names_known: bool
    trained_on: tuple[str, ...] = ()
    needs_all: bool = False


def find_inputs(estimator: Any, declared: Sequence[Field] = ()) -> Inputs:
    """
    Return the inputs of a fitted estimator; names are made up (x0, x1, …) where it was fitted without.

    `declared` are those of the registry, for a first step that tells nothing: a class of the user's own.
    """
    head = _head(estimator)
    if type(head).__name__ in VECTORIZERS:
        return Inputs("text", (Field(name="text", type="string"),), names_known=False)
    if type(head).__name__ == "DictVectorizer":
        return _of_dicts(head)
    width = width_of(head)
    if not width and declared:
        return Inputs("frame", tuple(declared), names_known=True)
    if not width:
        raise LoadError(
            "child-signature",
            f"a {type(head).__name__} does not tell how many columns it takes",
            "declare all of them at the route, in the order of training: `inputs: {age: {type: number}}`; or write its "
            "predict as a Python file, `def predict(age: float, city: str)`, and name that at the route",
        )
    known = names_in(head)
    names = known if known is not None else [f"x{i}" for i in range(width)]
    facts = Facts()
    note(facts.reaching, trace(estimator, [Slot(i, frozenset([i])) for i in range(width)], facts))
    is_chosen = isinstance(head, ColumnTransformer) and known is not None
    wanted = sorted(facts.used) if is_chosen else list(range(width))
    fields = tuple(_field(names[i], i, facts) for i in wanted)
    return Inputs(
        shape="matrix" if known is None else "frame",
        fields=fields if known is None else with_dummies(fields),
        names_known=known is not None,
        trained_on=tuple(names) if len(wanted) < width else (),
        needs_all=not hasattr(head, "feature_names_in_"),  # before 1.0
    )


def _head(estimator: Any) -> Any:
    """Return the step that sees the input first."""
    while True:
        if isinstance(estimator, Pipeline):
            steps = [step for _, step in estimator.steps if step is not None and not isinstance(step, str)]
            estimator = next(step for step in steps if not is_sampler(step))
        elif isinstance(estimator, FeatureUnion):
            parts = [part for _, part in estimator.transformer_list if not isinstance(part, str)]
            if not parts or type(_head(parts[0])).__name__ not in VECTORIZERS:
                return estimator
            estimator = parts[0]
        else:
            inner = wrapped(estimator)
            if inner is None:
                return estimator
            estimator = inner


def _field(name: str, index: int, facts: Facts) -> Field:
    nullable = index not in facts.refuses
    if index not in facts.reaching and index not in facts.words:
        return Field(name=name, nullable=nullable, required=not nullable, unused=True)
    if index in facts.text:
        return Field(name=name, type="string", nullable=nullable, required=not nullable)
    levels = facts.levels.get(index)
    if levels is None:
        kind = "string" if index in facts.words else "number"
        return Field(name=name, type=kind, nullable=nullable, required=not nullable)
    kind, enum = typed(levels)
    return Field(name=name, type=kind, enum=enum, nullable=nullable, required=not nullable)


def _of_dicts(vectorizer: Any) -> Inputs:
    """Read the inputs of a DictVectorizer off its columns: `plan=year` is a level, `months` a number."""
    separator = str(vectorizer.separator)
    levels: dict[str, list[str]] = {}
    numbers = set()
    for column in map(str, vectorizer.feature_names_):
        name, found, level = column.partition(separator)
        known = levels.setdefault(name, [])
        if found:
            known.append(level)
        else:
            numbers.add(name)
    mixed = sorted(name for name in numbers if levels[name])
    if mixed:
        raise LoadError(
            "child-signature",
            f"the DictVectorizer was fitted on texts and on numbers of {mixed[0]!r}, no field of one type",
            "fit it again with one type for each name",
        )
    fields = tuple(
        Field(name=name, type="string", enum=tuple(found)) if found else Field(name=name)
        for name, found in levels.items()
    )
    return Inputs("dicts", fields, names_known=True)


def as_fitted(inputs: Inputs, columns: Columns) -> Any:
    """Shape columns the way the estimator saw them at fit: texts, a frame with names, a matrix, or dicts."""
    if inputs.shape == "text":
        return columns[0]
    if inputs.shape == "dicts":
        names = [field.name for field in inputs.fields]
        return [dict(zip(names, row)) for row in zip(*[one.tolist() for one in columns])]
    # A route may declare a number to be an integer; an imputer that was fitted on floats refuses int64.
    columns = [
        column.astype(np.float64) if field.type == "number" and column.dtype.kind in "iu" else column
        for field, column in zip(inputs.fields, columns)
    ]
    if inputs.shape == "frame":
        frame = frame_of([field.name for field in inputs.fields], columns)
        return frame.reindex(columns=list(inputs.trained_on)) if inputs.needs_all and inputs.trained_on else frame
    if any(column.dtype == object for column in columns):
        return np.column_stack([column.astype(object) for column in columns])
    return np.column_stack(columns).astype(np.float64, copy=False)


def fitting_missing(inputs: Inputs, ask: Callable[[list[Any]], object], number: int) -> Inputs:
    """Return the inputs, of which none may be missing where the model does not answer rows with a missing value."""
    # What no model sees, but a step checks for NaN, is filled with a number that all steps take.
    filled = tuple(
        replace(field, required=False, default=number) if field.unused and field.required else field
        for field in inputs.fields
    )
    inputs = inputs._replace(fields=filled)
    if not any(field.nullable for field in filled):
        return inputs
    try:
        ask(sample_columns(filled, number, missing=True))
        return inputs
    except Exception:  # whatever it raises, it does not take missing values
        fields = tuple(replace(field, nullable=False, required=field.default is None) for field in filled)
        return inputs._replace(fields=fields)
