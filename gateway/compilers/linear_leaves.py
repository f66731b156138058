"""
Finds the linear models inside a head, so that only these look at features and the rest at their margins.

Runs while preparing.
"""

from dataclasses import dataclass

from gateway.runtimes.answering import LinkName
from gateway.runtimes.nodes import (
    AverageNode,
    BesideNode,
    CalibrateNode,
    ColumnsNode,
    LinearNode,
    LinkNode,
    Node,
    NormalizeNode,
    PipeNode,
    PowersNode,
    ScaleNode,
)


class NotAdditive(Exception):
    """Say what cannot be said as a sum over columns."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Hold a linear model inside a head, and the steps in front of it."""

    model: LinearNode
    before: tuple[Node, ...]

    @property
    def steps(self) -> list[Node]:
        """Return the steps and the model, in order."""
        return [part for node in (*self.before, self.model) for part in unpiped(node)]


def plain_links(head: Node) -> list[LinkName] | None:
    """Return the links where the head is nothing but a linear model with links, else None."""
    while isinstance(head, PipeNode):
        head = head.then
    if isinstance(head, LinkNode) and _is_linear(head.of):
        return list(head.names)
    return [] if _is_linear(head) else None


def _is_linear(node: Node) -> bool:
    return isinstance(node, LinearNode) or (isinstance(node, PipeNode) and _is_linear(node.then))


def without_leaves(node: Node, leaves: list[Leaf], before: tuple[Node, ...] = ()) -> Node:
    """Return the node over margins instead of features; the linear models themselves go to `leaves`."""
    if isinstance(node, LinearNode):
        start = sum(leaf.model.weights.shape[1] for leaf in leaves)
        leaves.append(Leaf(node, before))
        return ColumnsNode(list(range(start, start + node.weights.shape[1])))
    if isinstance(node, LinkNode):
        return LinkNode(without_leaves(node.of, leaves, before), node.names)
    if isinstance(node, AverageNode):
        return AverageNode([without_leaves(part, leaves, before) for part in node.of], node.weights)
    if isinstance(node, BesideNode):
        return BesideNode([without_leaves(part, leaves, before) for part in node.of])
    if isinstance(node, PipeNode):
        if _is_step(node.first) and not isinstance(node.then, CalibrateNode | ColumnsNode):
            return without_leaves(node.then, leaves, (*before, node.first))
        return PipeNode(without_leaves(node.first, leaves, before), node.then)
    raise NotAdditive("a model that is not linear")


def _is_step(node: Node) -> bool:
    """Say whether a node only shapes features."""
    return isinstance(node, ScaleNode | ColumnsNode | PowersNode | NormalizeNode) or (
        isinstance(node, PipeNode) and _is_step(node.first) and _is_step(node.then)
    )


def unpiped(node: Node) -> list[Node]:
    """Return the steps of nested pipes, in order."""
    return [*unpiped(node.first), *unpiped(node.then)] if isinstance(node, PipeNode) else [node]
