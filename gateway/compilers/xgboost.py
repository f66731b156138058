"""
Lowers XGBoost boosters to trees in ONNX Runtime: float32 as the original, thresholds and NaN directions as stored.

Runs while preparing.
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.forest import Array, to_onnx
from gateway.compilers.tree_rows import base_rows, node_rows
from gateway.compilers.xgboost_trees import Booster, read_booster
from gateway.runtimes.answering import AnswerForm
from gateway.runtimes.base import Draft
from gateway.runtimes.features import Features, LevelBlock, NumberBlock
from gateway.runtimes.matrix import MatrixProgram
from gateway.runtimes.nodes import ForestNode, LinkNode, Node
from gateway.schema import Column, Field, Output, Scalar, Signature

_SEED = 11


class XgboostCompiler:
    """Compile gbtree and dart boosters."""

    name: ClassVar[str] = "xgboost"

    def lower(self, predictor: Any) -> Draft:
        """Return the draft of a booster."""
        booster = read_booster(predictor._booster)
        signature: Signature = predictor.signature
        answer = _answer(booster, signature.output)
        features = _features(booster, signature.inputs)
        program = MatrixProgram(features, head_of(booster, finite=bool(predictor._levels)), answer)
        rows = [] if booster.sets else [_probes(booster, signature.inputs)]
        return Draft(runtime="matrix", program=program, signature=signature, rows=rows, uses=("onnxruntime",))


def head_of(booster: Booster, *, finite: bool = False) -> Node:
    """
    Return the node from a float32 matrix to the booster's answer.

    `finite` refuses infinity, as XGBoost does where it has to build a DMatrix (categories).
    """
    model = to_onnx(booster.forest)
    node = ForestNode(model=model, dtype="float32", base=booster.base, rounded=False, finite=finite)
    return LinkNode(node, booster.links) if booster.links else node


def _answer(booster: Booster, output: Output) -> AnswerForm:
    binary = booster.objective in {"binary:logistic", "binary:hinge"}
    if output.kind == "classification" and binary and output.probabilities:
        booster.links.append("pair")
    return AnswerForm(kind=output.kind, probabilities=output.probabilities, single=binary)


def _features(booster: Booster, fields: Sequence[Field]) -> Features:
    """Plain numbers keep their place; of a categorical column each set of categories becomes a feature."""
    owners: dict[int, list[int]] = {}
    for number, (column, _) in enumerate(booster.sets):
        owners.setdefault(column, []).append(number)
    blocks: list[NumberBlock | LevelBlock] = []
    for i, field in enumerate(fields):
        if i in owners:
            blocks.append(_sets_of(booster, i, owners[i], field))
        elif field.type != "string":
            blocks.append(NumberBlock(column=i, at=[i], operations=[[]]))
    width = booster.width + len(booster.sets)
    return Features(width=width, dtype="float32", constants=np.zeros(width, np.float32), blocks=blocks)


def _sets_of(booster: Booster, column: int, numbers: list[int], field: Field) -> LevelBlock:
    members = [booster.sets[number][1] for number in numbers]
    if field.enum is None:
        # Codes without stored levels: one beyond every set goes left, as any code that is in none.
        keys: list[Scalar] = list(range(max((max(one, default=0) for one in members), default=0) + 1))
    else:
        keys = list(field.enum)
    values = np.zeros((len(keys) + 2, len(numbers)), dtype=np.float32)
    for at, one in enumerate(members):
        values[[code for code in one if code < len(keys)], at] = 1.0
    values[len(keys)] = np.nan
    values[len(keys) + 1] = 0.0 if field.enum is None else np.nan
    return LevelBlock(
        column=column,
        keys=keys,
        values=values,
        at=[booster.width + number for number in numbers],
        takes_missing=True,
        takes_unknown=True,
    )


def _probes(booster: Booster, fields: Sequence[Field]) -> list[Column]:
    if booster.width != len(fields):
        raise Declined("the booster and its signature disagree about the number of columns")
    draw = np.random.default_rng(_SEED)
    rows: Array = node_rows(booster.forest, base_rows(booster.forest, booster.width, draw), draw)
    return [_as_field(rows[:, i], field) for i, field in enumerate(fields)]


def _as_field(values: Array, field: Field) -> Column:
    """Return the values in the type of the field; whole numbers for integers, so that they could be sent."""
    if field.type == "boolean":
        column: Column = np.empty(len(values), dtype=object)
        column[:] = [value if math.isnan(value) else value > 0 for value in values.tolist()]
        return column
    return values
