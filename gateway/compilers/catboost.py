"""
Lowers CatBoost's models of numbers: symmetric trees to a table of bits, others to ONNX Runtime.

Values are rounded to float32 as CatBoost compares them, leaves are summed in doubles. Runs while preparing; the trees
are read out of the JSON that CatBoost itself writes.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.catboost_trees import CatboostTrees
from gateway.compilers.forest import Array
from gateway.runtimes.answering import AnswerForm, LinkName
from gateway.runtimes.base import Draft
from gateway.runtimes.features import Features, NumberBlock
from gateway.runtimes.matrix import MatrixProgram
from gateway.runtimes.nodes import ForestNode, LinkNode
from gateway.schema import Column, Signature

#: Kind of values that CatBoost is asked for -> what becomes of the sum of leaves, where no class is answered.
_LINKS: Final[dict[str, tuple[LinkName, ...]]] = {"RawFormulaVal": (), "Exponent": ("exp",)}
#: The usual probability beyond which the second class, or one of several labels, is answered.
_HALF: Final = 0.5
#: Rows whose every value stands on a border, beside one, or is missing; each border has at least two of them.
_LEAST_ROWS, _SEED = 3_000, 11


class CatboostCompiler:
    """Compile models all of whose features are numbers."""

    name: ClassVar[str] = "catboost"

    def lower(self, predictor: Any) -> Draft:
        """Return the draft of a model."""
        signature: Signature = predictor.signature
        if any(field.type == "string" for field in signature.inputs):
            raise Declined("features of categories or text are encoded by CatBoost alone")
        trees = CatboostTrees(_exported(predictor.model))
        links = _links(predictor, trees.outputs)
        node = trees.node()
        width = len(signature.inputs)
        program = MatrixProgram(
            Features(
                width=width,
                dtype="float32",
                constants=np.zeros(width, dtype=np.float32),
                blocks=[NumberBlock(column=i, at=[i], operations=[[]]) for i in range(width)],
            ),
            LinkNode(node, list(links)) if links else node,
            AnswerForm(kind=signature.output.kind, probabilities=signature.output.probabilities),
        )
        uses = ("onnxruntime",) if isinstance(node, ForestNode) else ()
        rows = [_rows(trees.borders, signature)]
        return Draft(runtime="matrix", program=program, signature=signature, rows=rows, uses=uses)


def _exported(model: Any) -> dict[str, Any]:
    """Return CatBoost's JSON of a model, written to memory: CatBoost writes to paths only."""
    if not hasattr(os, "memfd_create"):
        raise Declined("this system has no files in memory, in which CatBoost could write its trees")
    with os.fdopen(os.memfd_create("catboost"), "rb") as file:
        model.save_model(f"/proc/self/fd/{file.fileno()}", format="json")
        file.seek(0)
        found: dict[str, Any] = json.load(file)
        return found


def _links(predictor: Any, outputs: int) -> tuple[LinkName, ...]:
    """Return what becomes of the sums of leaves; raises Declined for answers that CatBoost alone makes."""
    output = predictor.signature.output
    # Among several classes there is none.
    has_threshold = output.kind == "multi_label" or (output.kind == "classification" and outputs == 1)
    if has_threshold and _threshold(predictor.model) != _HALF:
        raise Declined("its labels have a threshold of their own")
    if output.kind == "multi_label":
        return ("expit",)
    if output.kind != "classification":
        if predictor.values not in _LINKS:
            raise Declined(f"its answers are CatBoost's {predictor.values}")
        return _LINKS[predictor.values]
    if outputs == 1:
        return ("pair-of-scores",)
    return ("softmax",) if output.probabilities else ()


def _threshold(model: Any) -> float:
    """Return the probability beyond which a label is answered; CatBoost's wrapper of classifiers alone tells it."""
    return float(model._object._get_binclass_probability_threshold())


def _rows(borders: Mapping[int, Array], signature: Signature) -> list[Column]:
    """Return rows that stand on the borders, one float32 step beside them, or miss a value, in every column."""
    draw = np.random.default_rng(_SEED)
    steps = {column: _steps(at) for column, at in borders.items()}
    count = max(_LEAST_ROWS, *(2 * len(values) for values in steps.values()), 0)
    found: list[Column] = []
    for column, field in enumerate(signature.inputs):
        values = steps.get(column, np.array([0.0, 1.0]))
        values = np.append(values, np.nan) if field.nullable else values
        found.append(draw.permutation(np.resize(values, count)).astype(np.float64))
    return found


def _steps(borders: Array) -> Array:
    end = np.float32(np.inf)
    with np.errstate(over="ignore"):  # CatBoost parts missing values by a border at the end of float32
        return np.unique(np.concatenate([borders, np.nextafter(borders, -end), np.nextafter(borders, end)]))
