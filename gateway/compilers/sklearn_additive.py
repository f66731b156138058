"""
Folds encoders, scalers and a linear model into one amount per column. Runs while preparing.

Works backwards: the weights of the model are carried through the linear steps to the atoms.
"""

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from gateway.compilers.float_overflow import limits
from gateway.compilers.forest import Array
from gateway.compilers.linear_leaves import Leaf, NotAdditive, plain_links, unpiped, without_leaves
from gateway.compilers.sklearn_levels import Atom, Constant, Level, Number, Term
from gateway.compilers.sklearn_preprocessing import Front
from gateway.compilers.sklearn_text import Text, as_presence
from gateway.runtimes.additive import AdditiveProgram, LevelPart, NumberPart, Part, TextPart
from gateway.runtimes.answering import AnswerForm
from gateway.runtimes.levels import LevelTable
from gateway.runtimes.nodes import ColumnsNode, LinearNode, Node, ScaleNode
from gateway.runtimes.operations import operate

_FEATURE_BY_FEATURE = {"subtract", "divide", "multiply", "add"}


def lower_additive(front: Front, head: Node, answer: AnswerForm) -> AdditiveProgram:
    """Return the program of an AdditiveModel; raises NotAdditive."""
    leaves: list[Leaf] = []
    after = without_leaves(head, leaves)
    if not leaves:
        raise NotAdditive("a model that is not linear")
    texts = list(front.texts)
    folded = [_fold(leaf.steps, front, texts) for leaf in leaves]
    weights = np.hstack([weight for weight, _ in folded])
    intercept = np.concatenate([shift for _, shift in folded])
    parts, intercept = _parts(front.atoms, texts, weights, intercept)
    links = plain_links(head)
    return AdditiveProgram(
        width=weights.shape[1],
        intercept=intercept,
        parts=parts,
        links=links or [],
        after=None if links is not None else after,
        answer=answer,
    )


def _fold(steps: Sequence[Node], front: Front, texts: list[Text]) -> tuple[Array, Array]:
    """Carry weights (features, scores) and intercept backwards through all steps."""
    *rest, last = [part for node in front.nodes for part in unpiped(node)] + list(steps)
    if not isinstance(last, LinearNode):
        raise NotAdditive("a model that is not linear")
    weights, shift = np.array(last.weights), np.array(last.intercept)
    for place in reversed(range(len(rest))):
        weights, shift = _through(rest[place], weights, shift, front, texts, is_first=place == 0)
    if len(weights) != len(front.atoms):
        raise NotAdditive("steps that change the number of columns")
    return weights, shift


def _through(
    node: Node, weights: Array, shift: Array, front: Front, texts: list[Text], *, is_first: bool
) -> tuple[Array, Array]:
    if isinstance(node, LinearNode):
        return node.weights @ weights, shift + node.intercept @ weights
    if isinstance(node, ColumnsNode) and is_first:
        wide = np.zeros((len(front.atoms), weights.shape[1]))
        wide[node.chosen] = weights
        return wide, shift
    if isinstance(node, ScaleNode):
        if is_first and _is_presence(node) and _only_terms(front):
            # BernoulliNB: any weight of a term that occurs is above 0.
            texts[:] = [as_presence(text) for text in texts]
            return weights, shift
        return _through_scale(node, weights, shift)
    raise NotAdditive(f"the step {node.op}")


def _through_scale(node: ScaleNode, weights: Array, shift: Array) -> tuple[Array, Array]:
    for operation in reversed(node.operations):
        if operation.name not in _FEATURE_BY_FEATURE:
            raise NotAdditive(f"the operation {operation.name}")
        amount = np.asarray(operation.arguments[0], dtype=np.float64).reshape(-1)
        value = np.broadcast_to(amount, (len(weights),))
        if operation.name == "subtract":
            shift = shift - value @ weights
        elif operation.name == "add":
            shift = shift + value @ weights
        else:
            weights = weights / value[:, None] if operation.name == "divide" else weights * value[:, None]
    return weights, shift


def _is_presence(node: ScaleNode) -> bool:
    return [(operation.name, operation.arguments) for operation in node.operations] == [("above", (0.0,))]


def _only_terms(front: Front) -> bool:
    return all(isinstance(atom, Term) for atom in front.atoms)


def _parts(atoms: Sequence[Atom], texts: Sequence[Text], weights: Array, intercept: Array) -> tuple[list[Part], Array]:
    """Return what each column adds, and the intercept with what is always added."""
    width = weights.shape[1]
    intercept = intercept.copy()
    levels: dict[int, list[tuple[Level, Array]]] = {}
    numbers: dict[int, list[tuple[Number, Array]]] = {}
    terms = [np.zeros((text.width, width)) for text in texts]
    for atom, weight in zip(atoms, weights, strict=True):
        if isinstance(atom, Constant):
            intercept += atom.value * weight
        elif isinstance(atom, Level):
            levels.setdefault(atom.column, []).append((atom, weight))
        elif isinstance(atom, Number):
            numbers.setdefault(atom.column, []).append((atom, weight))
        elif isinstance(atom, Term):
            terms[atom.text][atom.index] += weight
    parts: list[Part] = [_level_part(column, found, width) for column, found in levels.items()]
    parts += [_number_part(column, found, width) for column, found in numbers.items()]
    parts += [
        TextPart(column=text.column, vectorizer=text.program, weights=table)
        for text, table in zip(texts, terms, strict=True)
    ]
    return parts, intercept


def _level_part(column: int, found: Sequence[tuple[Level, Array]], width: int) -> LevelPart:
    table = merged_levels([level for level, _ in found])
    values = np.zeros((len(table.keys) + 2, width))
    for at, (_, weight) in enumerate(found):
        values += table.values[:, at : at + 1] * weight
    return LevelPart(column=column, **fields_of(msgspec.structs.replace(table, values=values)))


def merged_levels(levels: Sequence[Level]) -> LevelTable:
    """Return one table (levels, features) for all features of a column, whose encoders may know different levels."""
    keys = list(dict.fromkeys(key for level in levels for key in level.keys))
    values = np.empty((len(keys) + 2, len(levels)), dtype=np.float64)
    for at, level in enumerate(levels):
        own = dict(zip(level.keys, level.values, strict=False))
        if len(own) < len(keys) and not level.takes_unknown:
            raise NotAdditive("encoders of one column that know different levels")
        values[:-2, at] = [own.get(key, level.values[-1]) for key in keys]
        values[-2:, at] = level.values[-2:]
    missing, unknown = all(one.takes_missing for one in levels), all(one.takes_unknown for one in levels)
    return LevelTable(keys=keys, values=values, takes_missing=missing, takes_unknown=unknown)


def fields_of(table: LevelTable) -> dict[str, Any]:
    """Return the fields of a table, for a part or a block that extends it."""
    return msgspec.structs.asdict(table)


def _number_part(column: int, found: Sequence[tuple[Number, Array]], width: int) -> NumberPart:
    slope, shift, missing = np.zeros(width), np.zeros(width), np.zeros(width)
    steps: dict[float, Array] = {}
    for number, weight in found:
        a, b, at, gap = _line(number)
        missing += gap * weight
        if at is None:
            slope, shift = slope + a * weight, shift + b * weight
        else:
            steps[at] = steps.get(at, 0.0) + weight
    return NumberPart(
        column=column,
        slope=slope,
        shift=shift,
        missing=missing,
        takes_missing=bool(np.isfinite(missing).all()),
        at=np.array(list(steps), dtype=np.float64),
        heights=np.array(list(steps.values()), dtype=np.float64).reshape(-1, width),
        limits=_limits([number for number, _ in found]),
    )


def _limits(numbers: Sequence[Number]) -> tuple[float, float]:
    ends = [limits(number.operations) for number in numbers]
    return max(low for low, _ in ends), min(high for _, high in ends)


def _line(number: Number) -> tuple[float, float, float | None, float]:
    """Return slope, shift, threshold (then the feature is 0 or 1) and the value for a missing number."""
    a, b, at, gap = 1.0, 0.0, None, math.nan
    for operation in number.operations:
        name, arguments = operation.name, operation.arguments
        if at is not None:
            raise NotAdditive("an operation behind a threshold")
        gap = float(operate(np.array([gap]), [operation])[0])
        if name == "is-missing":
            a, b = 0.0, 0.0
        elif name == "subtract":
            b -= arguments[0]
        elif name == "add":
            b += arguments[0]
        elif name in {"multiply", "divide"}:
            factor = arguments[0] if name == "multiply" else 1.0 / arguments[0]
            a, b = a * factor, b * factor
        elif name == "above":
            if (a, b) != (1.0, 0.0):
                raise NotAdditive("a threshold behind a scaler")
            at = float(arguments[0])
        elif name != "fill":
            raise NotAdditive(f"the operation {name}")
    return a, b, at, gap
