"""Turns the front of a pipeline into the program of a feature matrix. Runs while preparing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.overflow import overflows
from gateway.compilers.sklearn_additive import NotAdditive, merged_levels
from gateway.compilers.sklearn_front import Front
from gateway.compilers.sklearn_levels import Atom, Constant, Level, Number


def lower_matrix(front: Front, head: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the program of a MatrixModel."""
    steps = _checked(front, head)
    link = head if head["op"] == "link" else None
    # The link outermost: one row can then take the short way from a score to an answer.
    inner = head if link is None else link["of"]
    for node in reversed(steps):
        inner = {"op": "pipe", "first": node, "then": inner}
    return {
        "features": _features(front.atoms),
        "head": inner if link is None else {**link, "of": inner},
        "answer": answer,
    }


def _checked(front: Front, head: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes in front, with a check between them wherever a step may have made infinity of a number."""
    check = {"op": "scale", "operations": [["bounded"]]}
    atoms = [atom for atom in front.atoms if isinstance(atom, Number)]
    needed = any(overflows(atom.operations) for atom in atoms)
    model = head["of"] if head["op"] == "link" else head
    steps = [
        part for node in front.nodes for part in ([check, node] if needed or node is not front.nodes[0] else [node])
    ]
    is_checked_by_itself = model["op"] == "forest"
    return steps if is_checked_by_itself or not (needed or steps) else [*steps, check]


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
