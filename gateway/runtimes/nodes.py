"""
The nodes of a matrix program as data: what becomes of a feature matrix until it is scores.

Each node is a function from a matrix (rows, columns) to scores (rows, k); matrix.py runs them.
"""

from typing import Literal, TypeAlias

import msgspec

from gateway.runtimes.answering import LinkName
from gateway.runtimes.arrays import Bits, Floats, Integers
from gateway.runtimes.operations import Operation


class _Node(msgspec.Struct, tag_field="op", forbid_unknown_fields=True):
    """Name the operator of a node in its tag."""

    @property
    def op(self) -> str:
        """Return the name of the operator."""
        return str(self.__struct_config__.tag)


class LinearNode(_Node, tag="linear"):
    """matrix @ weights + intercept."""

    weights: Floats
    intercept: Floats


class ForestNode(_Node, tag="forest", kw_only=True):
    """
    Sum trees in ONNX Runtime and add `base`.

    `model` is the graph, `dtype` what it takes; `rounded` rounds the matrix to float32 before, `finite` refuses
    infinity.
    """

    model: bytes
    dtype: Literal["float32", "float64"]
    base: Floats
    rounded: bool
    finite: bool


class SymmetricNode(_Node, tag="symmetric-trees", kw_only=True):
    """
    Sum trees whose levels ask one question each, and add `base`; the answers are the bits of the leaf's number.

    For each of `columns`: its `borders`, ascending, and whether a missing value exceeds them all. `table` has, for one
    column after the other, the bits of every tree where the value exceeds none, one, ... all of the borders. `leaves`
    are (outputs, leaves of all trees), `starts` the first of each tree.
    """

    columns: list[int]
    borders: list[Floats]
    missing_high: list[bool]
    table: Bits
    leaves: Floats
    starts: Integers
    base: Floats


class LinkNode(_Node, tag="link"):
    """Apply link functions to the scores of a node."""

    of: "Node"
    names: list[LinkName]


class AverageNode(_Node, tag="average"):
    """Average the scores of nodes by weight."""

    of: list["Node"]
    weights: list[float]


class BesideNode(_Node, tag="beside"):
    """Put the scores of nodes side by side."""

    of: list["Node"]


class PipeNode(_Node, tag="pipe"):
    """Feed the scores of the first node to the second."""

    first: "Node"
    then: "Node"


class ColumnsNode(_Node, tag="columns"):
    """Choose columns by number."""

    chosen: list[int]


class ScaleNode(_Node, tag="scale"):
    """Apply operations whose arguments are numbers, or arrays over the columns."""

    operations: list[Operation] = msgspec.field(default_factory=list)


class PowersNode(_Node, tag="powers"):
    """Multiply columns as PolynomialFeatures does; a term lists the numbers of its columns."""

    terms: list[list[int]]


class NormalizeNode(_Node, tag="normalize"):
    """Divide each row by its norm."""

    norm: Literal["l1", "l2", "max"]


class GaussianNode(_Node, tag="gaussian"):
    """Return the log likelihoods of normal distributions, one per class."""

    means: Floats
    variances: Floats
    prior: Floats


class LayersNode(_Node, tag="layers"):
    """Run the layers of a network; its last one has no activation."""

    weights: list[Floats]
    intercepts: list[Floats]
    activation: Literal["relu", "tanh", "logistic", "identity"]


class SigmoidCurve(msgspec.Struct, tag_field="kind", tag="sigmoid", forbid_unknown_fields=True):
    """Calibrate by 1 / (1 + exp(slope * score + shift))."""

    slope: float
    shift: float


class IsotonicCurve(msgspec.Struct, tag_field="kind", tag="isotonic", forbid_unknown_fields=True):
    """Calibrate by interpolation between points."""

    at: Floats
    to: Floats


class CalibrateNode(_Node, tag="calibrate"):
    """Map each column of scores through its curve, then make the row sum to one."""

    curves: list[SigmoidCurve | IsotonicCurve]


Node: TypeAlias = (
    LinearNode
    | ForestNode
    | SymmetricNode
    | LinkNode
    | AverageNode
    | BesideNode
    | PipeNode
    | ColumnsNode
    | ScaleNode
    | PowersNode
    | NormalizeNode
    | GaussianNode
    | LayersNode
    | CalibrateNode
)


def parts_of(node: Node) -> list[Node]:
    """Return the nodes inside a node."""
    if isinstance(node, LinkNode):
        return [node.of]
    if isinstance(node, AverageNode | BesideNode):
        return node.of
    return [node.first, node.then] if isinstance(node, PipeNode) else []
