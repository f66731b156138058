"""
Rows that tell most about a scikit-learn pipeline: on the thresholds of its trees, and where its scalers say data lies.

Runs while preparing. Rows are made of features and turned back into columns through the steps in front.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gateway.compilers.forest import Array, Forest
from gateway.compilers.sklearn_forests import FORESTS, probe_forest
from gateway.compilers.sklearn_levels import Atom, Level, Number
from gateway.compilers.sklearn_preprocessing import Front
from gateway.compilers.tree_rows import MAX_PROBES, base_rows, node_rows
from gateway.compilers.xgboost_trees import read_booster
from gateway.schema import Column, Signature, make_column
from gateway.validation.sample import plausible

_SEED = 12
#: Rows within a few deviations of the middle, and the share of missing values in them.
_TYPICAL, _HOLES = 400, 0.05
_MEMBERS = {"VotingClassifier", "VotingRegressor", "StackingClassifier", "StackingRegressor", "MultiOutputRegressor"}
_BAGS = {"BaggingClassifier", "BaggingRegressor"}


def typical(front: Front, signature: Signature) -> list[list[Column]]:
    """Return rows where the numbers lie about where the scalers were fitted: sums of large amounts cancel there."""
    atoms = [atom for atom in front.atoms if isinstance(atom, Number | Level)]
    if not any(isinstance(atom, Number) and atom.operations for atom in atoms):
        return []
    draw = np.random.default_rng(_SEED)
    rows = draw.normal(0.0, 1.5, size=(_TYPICAL, len(atoms)))
    rows[draw.random(rows.shape) < _HOLES] = np.nan
    return [_turned_back(atoms, rows, signature)]


def probes(front: Front, model: Any, signature: Signature) -> list[list[Column]]:
    """Return columns that stand at the thresholds of trees, where these look at columns that can be turned back."""
    forests = [] if front.nodes or not front.atoms else list(_forests(model))
    draw = np.random.default_rng(_SEED)
    found = []
    for forest, chosen in forests:
        width = len(front.atoms) if chosen is None else len(chosen)
        rows = node_rows(forest, base_rows(forest, width, draw), draw, most=max(MAX_PROBES // len(forests), 1))
        if chosen is not None:
            wide = draw.normal(size=(len(rows), len(front.atoms)))
            wide[:, chosen] = rows
            rows = wide
        found.append(_turned_back(front.atoms, rows, signature))
    return found


def _forests(model: Any) -> Iterator[tuple[Forest, list[int] | None]]:
    """Yield the forests inside a model, each with the features that it looks at (None: all)."""
    kind = type(model).__name__
    if kind in FORESTS:
        yield probe_forest(model), None
    elif kind.startswith("XGB"):
        booster = read_booster(model.get_booster())
        if not booster.sets:
            yield booster.forest, None
    elif kind in _MEMBERS:
        for part in model.estimators_:
            yield from _forests(part)
    elif kind == "CalibratedClassifierCV":
        for part in model.calibrated_classifiers_:
            yield from _forests(part.estimator)
    elif kind in _BAGS:
        for part, features in zip(model.estimators_, model.estimators_features_, strict=True):
            for forest, chosen in _forests(part):
                own = [int(i) for i in features]
                yield forest, own if chosen is None else [own[i] for i in chosen]


def _turned_back(atoms: Sequence[Atom], rows: Array, signature: Signature) -> list[Column]:
    columns: list[Any] = [None] * len(signature.inputs)
    for at, atom in enumerate(atoms):
        if isinstance(atom, Number) and columns[atom.column] is None:
            columns[atom.column] = _inverse(atom, rows[:, at])
    found: list[Column] = []
    draw = np.random.default_rng(_SEED)
    for i, field in enumerate(signature.inputs):
        levels = _level_values(atoms, i, draw, len(rows)) if columns[i] is None else columns[i].tolist()
        levels = levels or [plausible(field)] * len(rows)
        values = levels if field.nullable else [0.0 if _is_hole(value) else value for value in levels]
        if field.type == "integer":
            values = [value if _is_hole(value) else round(value) for value in values]
        elif field.type == "boolean":
            values = [value if _is_hole(value) else bool(value > 0) for value in values]
        found.append(make_column(field.column_type, values))
    return found


def _is_hole(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _inverse(atom: Number, values: Array) -> Array:
    for operation in reversed(atom.operations):
        name, arguments = operation.name, operation.arguments
        if name == "subtract":
            values = values + arguments[0]
        elif name == "add":
            values = values - arguments[0]
        elif name == "multiply":
            values = values / (arguments[0] or 1.0)
        elif name == "divide":
            values = values * arguments[0]
    return values


def _level_values(atoms: Sequence[Atom], column: int, draw: np.random.Generator, count: int) -> list[Any]:
    keys = [key for atom in atoms if isinstance(atom, Level) and atom.column == column for key in atom.keys]
    return keys and [keys[i] for i in draw.integers(len(keys), size=count)]
