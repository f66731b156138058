"""Turns the front of a pipeline into the program of a feature matrix. Runs while preparing."""

from collections.abc import Sequence

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.float_overflow import overflows
from gateway.compilers.linear_leaves import NotAdditive
from gateway.compilers.sklearn_additive import fields_of, merged_levels
from gateway.compilers.sklearn_levels import Atom, Constant, Level, Number
from gateway.compilers.sklearn_preprocessing import Front
from gateway.runtimes.answering import AnswerForm
from gateway.runtimes.features import Features, LevelBlock, NumberBlock
from gateway.runtimes.matrix import MatrixProgram
from gateway.runtimes.nodes import ForestNode, LinkNode, Node, PipeNode, ScaleNode
from gateway.runtimes.operations import Operation


def lower_matrix(front: Front, head: Node, answer: AnswerForm) -> MatrixProgram:
    """Return the program of a MatrixModel."""
    steps = _checked(front, head)
    link = head if isinstance(head, LinkNode) else None
    # The link outermost: one row can then take the short way from a score to an answer.
    inner = head if link is None else link.of
    for node in reversed(steps):
        inner = PipeNode(node, inner)
    whole = inner if link is None else LinkNode(inner, link.names)
    return MatrixProgram(_features(front.atoms), whole, answer)


def _checked(front: Front, head: Node) -> list[Node]:
    """Return the nodes in front, with a check between them wherever a step may have made infinity of a number."""
    check = ScaleNode([Operation("bounded")])
    atoms = [atom for atom in front.atoms if isinstance(atom, Number)]
    needed = any(overflows(atom.operations) for atom in atoms)
    model = head.of if isinstance(head, LinkNode) else head
    steps = [
        part for node in front.nodes for part in ([check, node] if needed or node is not front.nodes[0] else [node])
    ]
    is_checked_by_itself = isinstance(model, ForestNode)
    return steps if is_checked_by_itself or not (needed or steps) else [*steps, check]


def _features(atoms: Sequence[Atom]) -> Features:
    constants = np.zeros(len(atoms))
    blocks: list[NumberBlock | LevelBlock] = []
    levels: dict[int, list[int]] = {}
    for at, atom in enumerate(atoms):
        if isinstance(atom, Constant):
            constants[at] = atom.value
        elif isinstance(atom, Number):
            blocks.append(NumberBlock(column=atom.column, at=[at], operations=[list(atom.operations)]))
        elif isinstance(atom, Level):
            levels.setdefault(atom.column, []).append(at)
        else:
            raise Declined("text in front of a model that needs a matrix")
    for column, places in levels.items():
        try:
            table = merged_levels([atom for at in places if isinstance(atom := atoms[at], Level)])
        except NotAdditive as reason:
            raise Declined(str(reason)) from reason
        blocks.append(LevelBlock(column=column, at=places, **fields_of(table)))
    return Features(width=len(atoms), dtype="float64", constants=constants, blocks=blocks)
