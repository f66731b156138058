"""
Builds the fitted scikit-learn steps that apply some transformers to some columns and leave the others as they are.

Everything made here is scikit-learn's own (ColumnTransformer, OrdinalEncoder), so that signature and compilers know it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import LabelEncoder, OrdinalEncoder

from gateway.loaders.bundles.faults import Misfit
from gateway.loaders.bundles.widths import names_out


class ColumnPart:
    """Hold a fitted transformer, the columns that it takes, and those that it gives."""

    def __init__(self, transformer: Any, takes: Sequence[str], gives: Sequence[str]) -> None:
        self.transformer = transformer
        self.takes = tuple(takes)
        self.gives = tuple(gives)


def parts_by_column(encoders: Mapping[str, Any]) -> list[ColumnPart]:
    """Return a part for each encoder of one column."""
    parts = []
    for column, encoder in encoders.items():
        if isinstance(encoder, LabelEncoder):
            parts.append(ColumnPart(_ordinal(column, encoder), [column], [column]))
            continue
        given = names_out(encoder) or ()
        if len(given) != 1:
            raise Misfit(f"the {type(encoder).__name__} of column {column} gives {len(given)} columns, wanted is one")
        parts.append(ColumnPart(encoder, [column], [column]))
    return parts


def _ordinal(column: str, encoder: LabelEncoder) -> OrdinalEncoder:
    """Return what codes a column of a table as a LabelEncoder does: by the place in its sorted classes."""
    classes = np.asarray(encoder.classes_)
    levels = classes.astype(object) if classes.dtype.kind == "U" else classes
    return OrdinalEncoder(categories=[levels], dtype=np.float64).fit(pd.DataFrame({column: levels[:1]}))


def column_stage(parts: Sequence[ColumnPart], wanted: Sequence[str]) -> tuple[list[Any], tuple[str, ...]]:
    """Return the fitted steps that give the columns `wanted`, and the names of the columns that they take."""
    given = [name for part in parts for name in part.gives]
    missing = [name for name in given if name not in wanted]
    if missing or len(set(given)) < len(given):
        raise Misfit(f"what follows knows no column {(missing or given)[0]}")
    rest = [name for name in wanted if name not in given]
    raw = _raw_names(parts, wanted)
    if len(set(raw)) < len(raw):
        raise Misfit(
            f"two steps take the same columns: {', '.join(sorted(name for name in raw if raw.count(name) > 1))}"
        )
    sample = pd.DataFrame({name: _plain(parts, name) for name in raw})
    named = [
        (f"part{i}", FrozenEstimator(part.transformer), [raw.index(name) for name in part.takes])
        for i, part in enumerate(parts)
    ]
    # By place: the columns of a step that stands before this one have no names any more.
    others = [("rest", "passthrough", [raw.index(name) for name in rest])] if rest else []
    first = ColumnTransformer([*named, *others], sparse_threshold=0)
    table = first.fit(sample).transform(sample)
    _thaw(first)
    order = [(given + rest).index(name) for name in wanted]
    if order == list(range(len(order))):
        return [first], raw
    return [first, ColumnTransformer([("order", "passthrough", order)]).fit(np.asarray(table))], raw


def _raw_names(parts: Sequence[ColumnPart], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the columns before the parts: each stands where the first that is made of it does."""
    owner = {name: part for part in parts for name in part.gives}
    raw: list[str] = []
    for name in wanted:
        part = owner.get(name)
        if part is None or part.takes == part.gives:
            raw.append(name)
        elif name == next(one for one in wanted if owner.get(one) is part):
            raw.extend(part.takes)
    return tuple(raw)


def _plain(parts: Sequence[ColumnPart], name: str) -> list[Any]:
    """Return one value that a column may have."""
    for part in parts:
        categories = getattr(part.transformer, "categories_", None)
        if name in part.takes and categories is not None:
            return list(np.asarray(categories[part.takes.index(name)]).tolist()[:1])
    return [0.0]


def _thaw(transformer: ColumnTransformer) -> None:
    """Put the fitted parts themselves in place of what kept them from being fitted again."""
    transformer.transformers_ = [
        (name, part.estimator if isinstance(part, FrozenEstimator) else part, columns)
        for name, part, columns in transformer.transformers_
    ]
    transformer.transformers = [
        (name, part.estimator if isinstance(part, FrozenEstimator) else part, columns)
        for name, part, columns in transformer.transformers
    ]
