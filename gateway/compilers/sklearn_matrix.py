"""
Turns the front of a pipeline into the program of a feature matrix, and finds rows at the thresholds of its trees.

Runs while preparing.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.forest import Array
from gateway.compilers.sklearn_additive import NotAdditive, merged_levels
from gateway.compilers.sklearn_forests import probe_forest
from gateway.compilers.sklearn_front import Front
from gateway.compilers.sklearn_levels import Atom, Constant, Level, Number
from gateway.compilers.tree_rows import base_rows, node_rows
from gateway.schema import Column, Signature, make_column

_SEED = 12


def lower_matrix(front: Front, head: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the program of a MatrixTwin."""
    for node in reversed(front.nodes):
        head = {"op": "pipe", "first": node, "then": head}
    if head["op"] == "pipe" and head["then"]["op"] == "link":
        # The link outermost: one row can then take the short way from a score to an answer.
        link = head["then"]
        head = {**link, "of": {**head, "then": link["of"]}}
    return {"features": _features(front.atoms), "head": head, "answer": answer}


def _features(atoms: Sequence[Atom]) -> dict[str, Any]:
    constants = np.zeros(len(atoms))
    blocks: list[dict[str, Any]] = []
    levels: dict[int, list[int]] = {}
    for at, atom in enumerate(atoms):
        if isinstance(atom, Constant):
            constants[at] = atom.value
        elif isinstance(atom, Number):
            operations = [list(operation) for operation in atom.operations]
            blocks.append({"kind": "number", "column": atom.column, "at": [at], "operations": [operations]})
        elif isinstance(atom, Level):
            levels.setdefault(atom.column, []).append(at)
        else:
            raise Declined("text in front of a model that needs a matrix")
    for column, places in levels.items():
        try:
            table = merged_levels([atom for at in places if isinstance(atom := atoms[at], Level)])
        except NotAdditive as reason:
            raise Declined(str(reason)) from reason
        blocks.append({"kind": "levels", "column": column, "at": places, **table})
    return {"width": len(atoms), "dtype": "float64", "constants": constants, "blocks": blocks}


def probes(front: Front, model: Any, signature: Signature) -> list[list[Column]]:
    """Return columns that stand at the thresholds of trees, where these look at columns that can be turned back."""
    forest = None if front.nodes else probe_forest(model)
    if forest is None or not front.atoms:
        return []
    draw = np.random.default_rng(_SEED)
    rows = node_rows(forest, base_rows(forest, len(front.atoms), draw), draw)
    return [_turned_back(front.atoms, rows, signature)]


def _turned_back(atoms: Sequence[Atom], rows: Array, signature: Signature) -> list[Column]:
    columns: list[Any] = [None] * len(signature.inputs)
    for at, atom in enumerate(atoms):
        if isinstance(atom, Number) and columns[atom.column] is None:
            columns[atom.column] = _inverse(atom, rows[:, at])
    found: list[Column] = []
    draw = np.random.default_rng(_SEED)
    for i, field in enumerate(signature.inputs):
        levels = _level_values(atoms, i, draw, len(rows)) if columns[i] is None else columns[i].tolist()
        values = levels if field.nullable else [0.0 if _is_hole(value) else value for value in levels]
        if field.type == "integer":
            values = [value if _is_hole(value) else round(value) for value in values]
        elif field.type == "boolean":
            values = [value if _is_hole(value) else bool(value > 0) for value in values]
        found.append(make_column(field.type, values))
    return found


def _is_hole(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _inverse(atom: Number, values: Array) -> Array:
    for name, *arguments in reversed(atom.operations):
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
    if not keys:
        return [0.0] * count
    return [keys[i] for i in draw.integers(len(keys), size=count)]
