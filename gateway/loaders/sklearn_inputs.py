"""
Finds out what a fitted scikit-learn estimator wants to be fed: names, types, levels, and where NaN may come in.

Follows every input column through pipelines, column transformers and encoders. Looks at fitted attributes only and
predicts nothing.
"""

from dataclasses import replace
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from gateway.loaders.dummies import with_dummies
from gateway.loaders.sklearn_dicts import dict_inputs
from gateway.loaders.sklearn_levels import typed
from gateway.loaders.sklearn_rows import Inputs, Shape
from gateway.loaders.sklearn_tracing import VECTORIZERS, Facts, TracedColumn, is_sampler, note, trace, wrapped
from gateway.loaders.sklearn_unfit import untold_inputs
from gateway.schema import Field, FieldType


def find_inputs(estimator: Any) -> Inputs:
    """Return the inputs of a fitted estimator; names are made up (x0, x1, …) where it was fitted without."""
    head = _head(estimator)
    if type(head).__name__ in VECTORIZERS:
        return Inputs("text", (Field(name="text", type="string"),), names_known=False)
    if type(head).__name__ == "DictVectorizer":
        return dict_inputs(head)
    width = _width(head)
    known = getattr(head, "feature_names_in_", None)
    names = [str(name) for name in known] if known is not None else [f"x{i}" for i in range(width)]
    facts = Facts()
    note(facts.reaching, trace(estimator, [TracedColumn(i, frozenset({i})) for i in range(width)], facts))
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
    width = int(getattr(head, "n_features_in_", 0) or 0)
    if not width:
        raise untold_inputs(type(head).__name__)
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
        kind: FieldType = "string" if index in facts.words else "number"
        return Field(name=name, type=kind, nullable=nullable, required=not nullable)
    kind, enum = typed(levels)
    return Field(name=name, type=kind, enum=enum, nullable=nullable, required=not nullable)
