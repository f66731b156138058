"""
Lowers single scikit-learn transformers of numbers: to operations per column where they act so, else to a node.

Runs while preparing. The order of floating-point operations is scikit-learn's, because trees compare the results.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.forest import Array
from gateway.runtimes.nodes import (
    BesideNode,
    ColumnsNode,
    LinearNode,
    Node,
    NormalizeNode,
    PipeNode,
    PowersNode,
    ScaleNode,
)
from gateway.runtimes.operations import Operation, OperationName

_FUNCTIONS: dict[Any, OperationName] = {np.log1p: "log1p", np.log: "log", np.sqrt: "sqrt", np.exp: "exp", np.abs: "abs"}


def operation(name: OperationName, *arguments: float | Array) -> Operation:
    """Return an operation; the last argument may have a value per column."""
    numbers = tuple(float(argument) for argument in arguments if np.ndim(argument) == 0)
    arrays = [np.asarray(argument) for argument in arguments if np.ndim(argument)]
    if not arrays:
        return Operation(name, numbers)
    array = arrays[-1]
    return Operation(name, numbers, array if array.dtype.kind == "f" else array.astype(np.float64))


@dataclass(slots=True)
class Step:
    """
    Say what a transformer does: pick columns (None: all), then operate on each; or `node`, where columns mix.

    `marks` are further columns: (source column, operations).
    """

    operations: list[Operation] = field(default_factory=list)
    chosen: list[int] | None = None
    marks: list[tuple[int, tuple[Operation, ...]]] = field(default_factory=list)
    node: Node | None = None


def lower_step(step: Any) -> Step:
    """Return what a fitted transformer does; raises Declined where it is not known."""
    kind = type(step).__name__
    if kind not in _STEPS:
        raise Declined(f"the step {kind} is not known to the compiler")
    return _STEPS[kind](step)


def as_node(step: Step) -> Node:
    """Return a step as a node over the whole matrix."""
    if step.node is not None:
        return step.node
    node: Node = ScaleNode(list(step.operations))
    if step.chosen is not None:
        node = PipeNode(ColumnsNode(step.chosen), node)
    if not step.marks:
        return node
    marks = [PipeNode(ColumnsNode([i]), ScaleNode(list(mark))) for i, mark in step.marks]
    return BesideNode([node, *marks])


def _standard(step: Any) -> Step:
    operations: list[Operation] = []
    if step.with_mean:
        operations.append(operation("subtract", step.mean_))
    if step.with_std:
        operations.append(operation("divide", step.scale_))
    return Step(operations)


def _min_max(step: Any) -> Step:
    operations = [operation("multiply", step.scale_), operation("add", step.min_)]
    return Step([*operations, operation("clip", *map(float, step.feature_range))] if step.clip else operations)


def _max_abs(step: Any) -> Step:
    if getattr(step, "clip", False):
        return Step([operation("divide", step.scale_), operation("clip", -1.0, 1.0)])
    return Step([operation("divide", step.scale_)])


def _robust(step: Any) -> Step:
    operations: list[Operation] = []
    if step.with_centering:
        operations.append(operation("subtract", step.center_))
    if step.with_scaling:
        operations.append(operation("divide", step.scale_))
    return Step(operations)


def _function(step: Any) -> Step:
    if step.kw_args or (step.func is not None and step.func not in _FUNCTIONS):
        raise Declined("a FunctionTransformer runs code that the compiler does not know")
    # The steps behind refuse what a function makes of numbers outside its domain.
    return Step([] if step.func is None else [operation(_FUNCTIONS[step.func]), operation("finite")])


def _impute(step: Any) -> Step:
    try:
        # Constants are kept as objects.
        fills = np.asarray(step.statistics_).astype(np.float64)
    except ValueError as error:
        raise Declined("an imputer of text over numbers") from error
    kept = list(range(len(fills))) if step.keep_empty_features else np.flatnonzero(~np.isnan(fills)).tolist()
    gap = step.missing_values
    is_nan = gap is None or (isinstance(gap, float) and math.isnan(gap))
    fill = operation("fill", fills[kept]) if is_nan else operation("replace", float(gap), fills[kept])
    mark = operation("is-missing") if is_nan else operation("equals", float(gap))
    marked = step.indicator_.features_.tolist() if step.add_indicator else []
    chosen = None if len(kept) == len(fills) else kept
    return Step([fill], chosen, [(int(i), (mark,)) for i in marked])


def _select(step: Any) -> Step:
    return Step(chosen=np.flatnonzero(step.get_support()).tolist())


def _project(step: Any) -> Step:
    """PCA and TruncatedSVD: a matrix product."""
    weights = step.components_.T.astype(np.float64)
    shift = np.zeros(weights.shape[1])
    if type(step).__name__ == "PCA":
        if step.mean_ is not None:
            shift = -(step.mean_ @ weights)
        if step.whiten:
            scale = np.sqrt(step.explained_variance_)
            scale[scale < np.finfo(scale.dtype).eps] = np.finfo(scale.dtype).eps
            weights, shift = weights / scale, shift / scale
    return Step(node=LinearNode(weights, shift))


def _polynomial(step: Any) -> Step:
    terms = [[int(i) for i, power in enumerate(row) for _ in range(power)] for row in step.powers_]
    return Step(node=PowersNode(terms))


_STEPS: dict[str, Callable[[Any], Step]] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "RobustScaler": _robust,
    "FunctionTransformer": _function,
    "Binarizer": lambda step: Step([operation("above", float(step.threshold))]),
    "Normalizer": lambda step: Step(node=NormalizeNode(step.norm)),
    "SimpleImputer": _impute,
    "PCA": _project,
    "TruncatedSVD": _project,
    "PolynomialFeatures": _polynomial,
    "_Weight": lambda step: Step([operation("multiply", float(step.weight))]),
    **dict.fromkeys(
        ("SelectKBest", "SelectPercentile", "SelectFromModel", "VarianceThreshold", "RFE", "RFECV", "SelectFpr"),
        _select,
    ),
}
