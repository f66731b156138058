"""
Lowers LightGBM's trees to ONNX Runtime in float64, as LightGBM compares and sums.

Runs while preparing; the text model was read and checked by its loader.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np

from gateway.compilers.base import Declined
from gateway.compilers.forest import Forest, to_onnx
from gateway.compilers.lightgbm_trees import MEMBER, OTHER, ZERO, TreeFeatures, forest_of
from gateway.compilers.tree_rows import base_rows, node_rows
from gateway.runtimes.answering import AnswerForm, LinkName
from gateway.runtimes.base import Draft
from gateway.runtimes.features import Features, LevelBlock, NumberBlock
from gateway.runtimes.matrix import MatrixProgram
from gateway.runtimes.nodes import ForestNode, LinkNode, Node
from gateway.runtimes.operations import Operation
from gateway.schema import Column, Field, Scalar, Signature

#: What becomes of the sum of leaves.
_LINKS: Final[dict[str, tuple[LinkName, ...]]] = {
    "": (),
    "custom": (),
    **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile", "mape"), ()),
    **dict.fromkeys(("lambdarank", "rank_xendcg"), ()),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), ("exp",)),
    "binary": ("expit",),
    "cross_entropy": ("expit",),
    "multiclass": ("softmax",),
    "multiclassova": ("expit",),
}
#: Levels times sets, beyond which the tables of a model take hundreds of MB.
_MOST_CELLS: Final = 20_000_000
_SEED: Final = 11


class LightgbmCompiler:
    """Compile everything but linear leaves."""

    name: ClassVar[str] = "lightgbm"

    def lower(self, predictor: Any) -> Draft:
        """Return the draft of a booster."""
        model = predictor.model
        signature: Signature = predictor.signature
        forest, features = forest_of(model, predictor.rounds)
        links = _scaled(forest, model.header.get("objective", ""))
        is_pair = signature.output.kind == "classification" and forest.outputs == 1
        if is_pair:
            links = ("pair-of-scores",)
        answer = AnswerForm(kind=signature.output.kind, probabilities=signature.output.probabilities, single=is_pair)
        program = MatrixProgram(
            _features(features, signature.inputs, predictor.categories), _head(forest, links), answer
        )
        rows = [] if features.sets else [_probes(forest, features, signature.inputs)]
        return Draft(runtime="matrix", program=program, signature=signature, rows=rows, uses=("onnxruntime",))


def _head(forest: Forest, links: tuple[LinkName, ...]) -> Node:
    base = np.zeros(forest.outputs)
    node = ForestNode(model=to_onnx(forest), dtype="float64", base=base, rounded=False, finite=False)
    return LinkNode(node, list(links)) if links else node


def _scaled(forest: Forest, objective: str) -> tuple[LinkName, ...]:
    """Return the links of an objective, and put its steepness into the leaves."""
    kind, *options = objective.split(" ")
    if kind not in _LINKS or "sqrt" in options:
        raise Declined(f"the objective {objective} is not known to the compiler")
    steepness = next((float(one.partition(":")[2]) for one in options if one.startswith("sigmoid:")), 1.0)
    if steepness != 1.0:
        for tree in forest.trees:
            tree.values[:] *= steepness
    return _LINKS[kind]


def _features(features: TreeFeatures, fields: Sequence[Field], categories: Any) -> Features:
    """Numbers keep their place, also as codes of levels; sets, and columns where zero is missing, come behind."""
    blocks: list[NumberBlock | LevelBlock] = []
    constants = np.zeros(features.total)
    for i, field in enumerate(fields):
        sets = {at: members for (column, members), at in features.sets.items() if column == i}
        if i in categories.levels:
            keys = list(field.enum) if field.enum is not None else list(categories.levels[i])
            blocks.append(_levels(features, i, keys, sets, is_known=True))
            continue
        at: list[int] = [i]
        operations: list[list[Operation]] = [[]]
        if i in features.zeros:
            at.append(features.zeros[i])
            operations.append([Operation("missing-within", (ZERO,))])
        blocks.append(NumberBlock(column=i, at=at, operations=operations))
        if sets:
            most = max((max(members, default=0) for members in sets.values()), default=0)
            blocks.append(_levels(features, i, list(range(most + 1)), sets, is_known=False))
    return Features(width=features.total, dtype="float64", constants=constants, blocks=blocks)


def _levels(
    features: TreeFeatures, column: int, keys: list[Scalar], sets: dict[int, frozenset[int]], *, is_known: bool
) -> LevelBlock:
    """Return what becomes of levels: whether they are in each set, and their code where that is asked for."""
    if len(keys) * len(sets) > _MOST_CELLS:
        raise Declined(f"{len(keys):,} levels in {len(sets):,} sets make too large a table")
    at = list(sets)
    values = np.full((len(keys) + 2, len(sets)), OTHER)
    for place, members in enumerate(sets.values()):
        values[[code for code in members if code < len(keys)], place] = MEMBER
    if is_known:
        codes = np.append(np.arange(len(keys), dtype=np.float64), [np.nan, np.nan])
        zeros = np.where(np.abs(codes) <= ZERO, np.nan, codes)
        at = [column, *at]
        values = np.column_stack([codes, values])
        if column in features.zeros:
            at.append(features.zeros[column])
            values = np.column_stack([values, zeros])
    return LevelBlock(column=column, keys=keys, values=values, at=at, takes_missing=True, takes_unknown=True)


def _probes(forest: Forest, features: TreeFeatures, fields: Sequence[Field]) -> list[Column]:
    """Return rows on the thresholds; a feature where zero is missing is probed through its column."""
    draw = np.random.default_rng(_SEED)
    rows = node_rows(forest, base_rows(forest, features.total, draw), draw)
    for column, at in features.zeros.items():
        rows[:, column] = rows[:, at]
    return [rows[:, i] for i in range(len(fields))]
