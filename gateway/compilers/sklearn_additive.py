"""
Folds encoders, scalers and a linear model into one amount per column. Runs while preparing.

Works backwards: the weights of the model are carried through the linear steps to the atoms.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gateway.compilers.forest import Array
from gateway.compilers.overflow import limits
from gateway.compilers.sklearn_front import Front
from gateway.compilers.sklearn_levels import Atom, Constant, Level, Number, Term
from gateway.compilers.sklearn_text import Text, as_presence
from gateway.runtimes.features import OPERATIONS

_FEATURE_BY_FEATURE = {"subtract", "divide", "multiply", "add"}


class NotAdditive(Exception):
    """Say what cannot be said as a sum over columns."""


def lower_additive(front: Front, head: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the program of an AdditiveModel; raises NotAdditive."""
    leaves: list[dict[str, Any]] = []
    after = _without_leaves(head, leaves)
    if not leaves:
        raise NotAdditive("a model that is not linear")
    texts = list(front.texts)
    folded = [_fold(_flat(leaf), front, texts) for leaf in leaves]
    weights = np.hstack([weight for weight, _ in folded])
    intercept = np.concatenate([shift for _, shift in folded])
    program = _parts(front.atoms, texts, weights, intercept)
    links = _plain_links(head)
    return {**program, "links": links or [], "after": None if links is not None else after, "answer": answer}


def _plain_links(head: dict[str, Any]) -> list[str] | None:
    """Return the links where the head is nothing but a linear model with links, else None."""
    while head["op"] == "pipe":
        head = head["then"]
    if head["op"] == "link" and _is_linear(head["of"]):
        return list(head["names"])
    return [] if _is_linear(head) else None


def _is_linear(node: dict[str, Any]) -> bool:
    return node["op"] == "linear" or (node["op"] == "pipe" and _is_linear(node["then"]))


def _without_leaves(node: dict[str, Any], leaves: list[dict[str, Any]], before: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Return the node over margins instead of features; the linear models themselves go to `leaves`."""
    op = node["op"]
    if op == "linear":
        start = sum(leaf["weights"].shape[1] for leaf in (entry["leaf"] for entry in leaves))
        leaves.append({"leaf": node, "before": before})
        return {"op": "columns", "chosen": list(range(start, start + node["weights"].shape[1]))}
    if op == "link":
        return {**node, "of": _without_leaves(node["of"], leaves, before)}
    if op in {"average", "beside"}:
        return {**node, "of": [_without_leaves(part, leaves, before) for part in node["of"]]}
    if op == "pipe":
        if _is_step(node["first"]) and not _is_over_scores(node["then"]):
            return _without_leaves(node["then"], leaves, (*before, node["first"]))
        return {**node, "first": _without_leaves(node["first"], leaves, before)}
    raise NotAdditive("a model that is not linear")


def _is_step(node: dict[str, Any]) -> bool:
    """Say whether a node only shapes features."""
    return node["op"] in {"scale", "columns", "powers", "normalize"} or (
        node["op"] == "pipe" and _is_step(node["first"]) and _is_step(node["then"])
    )


def _is_over_scores(node: dict[str, Any]) -> bool:
    return node["op"] in {"calibrate", "columns"}


def _flat(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps in front of a linear model and the model, in order."""
    found: list[dict[str, Any]] = []
    for node in (*entry["before"], entry["leaf"]):
        found += _unpiped(node)
    return found


def _unpiped(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [*_unpiped(node["first"]), *_unpiped(node["then"])] if node["op"] == "pipe" else [node]


def _fold(steps: Sequence[dict[str, Any]], front: Front, texts: list[Text]) -> tuple[Array, Array]:
    """Carry weights (features, scores) and intercept backwards through all steps."""
    *rest, last = [part for node in front.nodes for part in _unpiped(node)] + list(steps)
    weights, shift = np.array(last["weights"]), np.array(last["intercept"])
    for place in reversed(range(len(rest))):
        weights, shift = _through(rest[place], weights, shift, front, texts, is_first=place == 0)
    if len(weights) != len(front.atoms):
        raise NotAdditive("steps that change the number of columns")
    return weights, shift


def _through(
    node: dict[str, Any], weights: Array, shift: Array, front: Front, texts: list[Text], *, is_first: bool
) -> tuple[Array, Array]:
    if node["op"] == "linear":
        return node["weights"] @ weights, shift + node["intercept"] @ weights
    if node["op"] == "columns" and is_first:
        wide = np.zeros((len(front.atoms), weights.shape[1]))
        wide[node["chosen"]] = weights
        return wide, shift
    if node["op"] == "scale":
        if is_first and [list(one) for one in node["operations"]] == [["above", 0.0]] and _only_terms(front):
            # BernoulliNB: any weight of a term that occurs is above 0.
            texts[:] = [as_presence(text) for text in texts]
            return weights, shift
        for name, *arguments in reversed(node["operations"]):
            if name not in _FEATURE_BY_FEATURE:
                raise NotAdditive(f"the operation {name}")
            value = np.broadcast_to(np.asarray(arguments[0], dtype=np.float64).reshape(-1), (len(weights),))
            if name == "subtract":
                shift = shift - value @ weights
            elif name == "add":
                shift = shift + value @ weights
            else:
                weights = weights / value[:, None] if name == "divide" else weights * value[:, None]
        return weights, shift
    raise NotAdditive(f"the step {node['op']}")


def _only_terms(front: Front) -> bool:
    return all(isinstance(atom, Term) for atom in front.atoms)


def _parts(atoms: Sequence[Atom], texts: Sequence[Text], weights: Array, intercept: Array) -> dict[str, Any]:
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
    parts = [_level_part(column, found, width) for column, found in levels.items()]
    parts += [_number_part(column, found, width) for column, found in numbers.items()]
    parts += [
        {"kind": "text", "column": text.column, "vectorizer": text.program, "weights": table}
        for text, table in zip(texts, terms, strict=True)
    ]
    return {"width": width, "intercept": intercept, "parts": parts}


def _level_part(column: int, found: Sequence[tuple[Level, Array]], width: int) -> dict[str, Any]:
    tables = merged_levels([level for level, _ in found])
    values = np.zeros((len(tables["keys"]) + 2, width))
    for at, (_, weight) in enumerate(found):
        values += tables["values"][:, at : at + 1] * weight
    return {"kind": "levels", "column": column, **tables, "values": values}


def merged_levels(levels: Sequence[Level]) -> dict[str, Any]:
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
    return {"keys": keys, "values": values, "takes_missing": missing, "takes_unknown": unknown}


def _number_part(column: int, found: Sequence[tuple[Number, Array]], width: int) -> dict[str, Any]:
    slope, shift, missing = np.zeros(width), np.zeros(width), np.zeros(width)
    steps: dict[float, Array] = {}
    for number, weight in found:
        a, b, at, gap = _line(number)
        missing += gap * weight
        if at is None:
            slope, shift = slope + a * weight, shift + b * weight
        else:
            steps[at] = steps.get(at, 0.0) + weight
    return {
        "kind": "number",
        "column": column,
        "slope": slope,
        "shift": shift,
        "missing": missing,
        "takes_missing": bool(np.isfinite(missing).all()),
        "at": np.array(list(steps), dtype=np.float64),
        "heights": np.array(list(steps.values()), dtype=np.float64).reshape(-1, width),
        "limits": _limits([number for number, _ in found]),
    }


def _limits(numbers: Sequence[Number]) -> list[float]:
    ends = [limits(number.operations) for number in numbers]
    return [max(low for low, _ in ends), min(high for _, high in ends)]


def _line(number: Number) -> tuple[float, float, float | None, float]:
    """Return slope, shift, threshold (then the feature is 0 or 1) and the value for a missing number."""
    a, b, at, gap = 1.0, 0.0, None, math.nan
    for name, *arguments in number.operations:
        if at is not None:
            raise NotAdditive("an operation behind a threshold")
        gap = float(OPERATIONS[name](np.array([gap]), *arguments)[0])
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
