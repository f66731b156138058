"""
Lowers the transformers at the front of a scikit-learn pipeline, while each feature still comes from one column.

Runs while preparing. Such features are atoms (sklearn_levels.py); what mixes columns becomes a node over their matrix
(sklearn_steps.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from gateway.compilers.base import Declined
from gateway.compilers.sklearn_levels import ENCODERS, Atom, Constant, Level, Number, Term, Word, encode, fill_words
from gateway.compilers.sklearn_steps import as_node, lower_step
from gateway.compilers.sklearn_text import VECTORIZERS, Text, lower_vectorizer, weigh_terms
from gateway.estimators.wrappers import is_nothing
from gateway.runtimes.nodes import BesideNode, ColumnsNode, Node, PipeNode
from gateway.runtimes.operations import Operation, operate


@dataclass(slots=True)
class Front:
    """Hold the features so far: atoms, then nodes over their matrix; `texts` belong to the terms."""

    atoms: list[Atom]
    nodes: list[Node] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)


def lower_front(step: Any, front: Front) -> Front:
    """Return the front behind one more step; raises Declined for a step that is not known."""
    if is_nothing(step):
        return front
    if isinstance(step, Pipeline):
        for _, part in step.steps:
            front = lower_front(part, front)
        return front
    kind = type(step).__name__
    if isinstance(step, ColumnTransformer | FeatureUnion):
        if front.nodes:
            raise Declined(f"{kind} behind a step that mixes columns")
        return _side_by_side(step, front)
    if kind in VECTORIZERS:
        return _vectorize(step, front)
    if kind == "TfidfTransformer" and not front.nodes:
        return replace(front, texts=[weigh_terms(step, text) for text in front.texts])
    if kind in ENCODERS and not front.nodes:
        return replace(front, atoms=encode(step, front.atoms))
    if kind == "SimpleImputer" and any(isinstance(atom, Word) for atom in front.atoms):
        return replace(front, atoms=fill_words(step, front.atoms))
    return _apply(step, front)


def _apply(step: Any, front: Front) -> Front:
    if any(isinstance(atom, Word) for atom in front.atoms):
        raise Declined(f"{type(step).__name__} on a column of text")
    lowered = lower_step(step)
    if lowered.node is not None or front.nodes or any(isinstance(atom, Term) for atom in front.atoms):
        return replace(front, nodes=[*front.nodes, as_node(lowered)])
    chosen = range(len(front.atoms)) if lowered.chosen is None else lowered.chosen
    atoms = [_operated(front.atoms[i], _at(lowered.operations, place)) for place, i in enumerate(chosen)]
    atoms += [_operated(front.atoms[i], mark) for i, mark in lowered.marks]
    return replace(front, atoms=atoms)


def _at(operations: Sequence[Operation], place: int) -> tuple[Operation, ...]:
    """Pick one feature's arguments out of those of all."""
    return tuple(
        Operation(
            one.name, tuple(float(np.asarray(a).reshape(-1)[place if np.size(a) > 1 else 0]) for a in one.arguments)
        )
        for one in operations
    )


def _operated(atom: Atom, operations: tuple[Operation, ...]) -> Atom:
    if isinstance(atom, Number):
        return replace(atom, operations=(*atom.operations, *operations))
    if isinstance(atom, Level):
        return replace(atom, values=operate(atom.values, operations))
    if isinstance(atom, Constant):
        return Constant(float(operate(np.array([atom.value]), operations)[0]))
    raise Declined("a step on a column of text")


def _side_by_side(step: Any, front: Front) -> Front:
    weights = step.transformer_weights or {}
    if isinstance(step, ColumnTransformer):
        places = step._transformer_to_input_indices
        parts = [(name, part, [front.atoms[i] for i in places.get(name, ())]) for name, part, _ in step.transformers_]
    else:
        parts = [(name, part, front.atoms) for name, part in step.transformer_list]
    found = []
    for name, part, atoms in parts:
        if (isinstance(part, str) and part == "drop") or not atoms:
            continue
        one = lower_front(part, Front(list(atoms), texts=[]))
        if weights.get(name, 1.0) != 1.0:
            one = _apply(_Weight(weights[name]), one)
        found.append(one)
    return _joined(found)


class _Weight:
    """Stand for `transformer_weights`."""

    def __init__(self, weight: float) -> None:
        self.weight = weight


def _joined(fronts: Sequence[Front]) -> Front:
    atoms: list[Atom] = []
    texts: list[Text] = []
    nodes: list[Node] = []
    for front in fronts:
        start = len(atoms)
        shift = len(texts)
        atoms += [replace(atom, text=atom.text + shift) if isinstance(atom, Term) else atom for atom in front.atoms]
        texts += front.texts
        node: Node = ColumnsNode(list(range(start, len(atoms))))
        for then in front.nodes:
            node = PipeNode(node, then)
        nodes.append(node)
    if not any(front.nodes for front in fronts):
        nodes = []
    return Front(atoms, [BesideNode(nodes)] if nodes else [], texts)


def _vectorize(step: Any, front: Front) -> Front:
    if front.nodes or len(front.atoms) != 1 or not isinstance(front.atoms[0], Word):
        raise Declined("a vectoriser that does not read a column of text")
    atom = front.atoms[0]
    if atom.replaced:
        raise Declined("a vectoriser behind an imputer")
    text = lower_vectorizer(step, atom.column)
    return Front([Term(0, index) for index in range(text.width)], [], [text])
