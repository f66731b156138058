"""
Finds out what a graph answers: a label with its scores, a table of numbers, or several outputs by name.

Looks at what the session declares and at the answer to a made-up row, where there is one.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gateway.errors import LoadError
from gateway.loaders.onnx_graph import GraphFacts
from gateway.loaders.onnx_inputs import read_property
from gateway.loaders.onnx_parts import SCORE_TYPES, of_one, parts_of
from gateway.own_output import NamedOutput, OutputForm
from gateway.schema import Output, Scalar

#: Dimensions of rows by columns.
_TABLE = 2
#: Only of two classes is one the positive one.
_PAIR = 2

_LABEL_TYPES = {"tensor(int64)", "tensor(string)"}
#: What ZipMap makes of probabilities: one map of labels a row.
_MAP_TYPES = {"seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))"}

#: float32 probabilities of a few classes sum to one within this; decision values do not.
_SUM_TOLERANCE = 1e-3


def find_output(
    nodes: Sequence[Any], meta: dict[str, str], facts: GraphFacts, samples: Sequence[list[Any]], *, by_name: bool
) -> tuple[Output, str]:
    """
    Return what the outputs of a graph answer, and a text on what of it is not answered ("" for nothing).

    `samples` are the answers to one made-up row and to several, if there are any. A label with its scores is a
    classification, unless its outputs are wanted `by_name`; any other outputs are answered by name. Decision values and
    distances beside a label stay out of the answer, as in scikit-learn's own predict. Raises LoadError
    (`partial-answer`) where an output cannot be answered.
    """
    output, left_out = _find(nodes, meta, facts, samples, by_name=by_name)
    named = _named(nodes, output, samples[-1] if samples else [])
    return replace(output, own="named", own_outputs=named), left_out


def _find(
    nodes: Sequence[Any], meta: dict[str, str], facts: GraphFacts, samples: Sequence[list[Any]], *, by_name: bool
) -> tuple[Output, str]:
    sample = samples[0] if samples else []
    if not by_name and nodes[0].type in _LABEL_TYPES:
        if are_columns(nodes):
            labels = _labels(meta, facts, sample[:1])
            joined = join_columns(sample) if sample else []
            if len(labels) == len(nodes) - 1 and (not joined or _are_probabilities(joined[1], len(labels))):
                return _of_labels(labels, probabilities=True), ""
        elif is_label(nodes, sample):
            return _classification(nodes, meta, facts, sample)
    if len(nodes) == 1 and not by_name:
        return of_one(nodes[0], samples), ""
    return parts_of(nodes, samples), ""


def is_label(nodes: Sequence[Any], sample: Sequence[Any]) -> bool:
    """Say whether a graph answers one label for each row, alone or with its scores."""
    shapes = [np.shape(value) if isinstance(value, np.ndarray) else None for value in sample] or [None] * len(nodes)
    columns = _columns(nodes[0], shapes[0])
    is_one = nodes[0].type in _LABEL_TYPES and columns is not None and columns <= 1
    if len(nodes) == 1 or not is_one:
        return is_one
    fits = nodes[1].type in SCORE_TYPES | _MAP_TYPES and _columns(nodes[1], shapes[1]) is not None
    return len(nodes) == _PAIR and fits


def _classification(
    nodes: Sequence[Any], meta: dict[str, str], facts: GraphFacts, sample: list[Any]
) -> tuple[Output, str]:
    labels = _labels(meta, facts, sample)
    told = "prob" in nodes[-1].name
    output = _of_labels(labels, _are_probabilities(sample[1], len(labels)) if len(sample) > 1 else told)
    if len(nodes) == 1 or output.probabilities:
        return output, ""
    both = json.dumps([node.name for node in nodes], ensure_ascii=False)
    return output, (
        f"the output {nodes[1].name!r} holds no probabilities and is not answered, the label is; "
        f"outputs: {{use: {both}}} in the registry answers both by name"
    )


def _named(nodes: Sequence[Any], output: Output, sample: Sequence[Any]) -> tuple[NamedOutput, ...]:
    """Return the outputs that are answered, each with its form in the answer of ONNX Runtime."""
    if output.parts and output.names == tuple(node.name for node in nodes):
        shapes = [np.shape(found) for found in sample] or [node.shape or () for node in nodes]
        return tuple(
            NamedOutput(node.name, "several-column" if tuple(shape[1:]) == (1,) else "several", at)
            for at, (node, shape) in enumerate(zip(nodes, shapes, strict=True))
        )
    shape = np.shape(sample[0]) if sample else nodes[0].shape or ()
    form: OutputForm = "column" if len(shape) == _TABLE else "value"
    first = NamedOutput(nodes[0].name, "list" if output.kind == "multi_output" else form)
    if not output.probabilities:
        return (first,)
    if are_columns(nodes):
        return (first, *(NamedOutput(node.name, "probability", at) for at, node in enumerate(nodes[1:])))
    return first, NamedOutput(nodes[1].name, "map" if nodes[1].type in _MAP_TYPES else "probabilities")


def are_columns(nodes: Sequence[Any]) -> bool:
    """Say whether a label is followed by one output per class, as the option zipmap=columns of skl2onnx writes them."""
    scores = nodes[1:]
    is_each_one = all(node.type in SCORE_TYPES and len(node.shape) == 1 for node in scores)
    return nodes[0].type in _LABEL_TYPES and len(scores) >= _PAIR and is_each_one


def join_columns(found: Sequence[Any]) -> list[Any]:
    """Make one table of the outputs behind the label."""
    return [found[0], np.column_stack([np.asarray(column).reshape(-1) for column in found[1:]])]


def _of_labels(labels: tuple[Scalar, ...], probabilities: bool) -> Output:
    positive = labels[1] if len(labels) == _PAIR else None
    return Output(kind="classification", labels=labels, probabilities=probabilities, positive=positive)


def _columns(node: Any, shape: Sequence[int] | None) -> int | None:
    """Return how many values an output has per row, 1 where that is not told; None for more than rows by columns."""
    if shape is None:
        shape = [] if node.type in _MAP_TYPES else list(node.shape or [])
    if len(shape) > _TABLE:
        return None
    width = shape[1] if len(shape) == _TABLE else 1
    return width if isinstance(width, int) else 1


def _labels(meta: dict[str, str], facts: GraphFacts, sample: list[Any]) -> tuple[Scalar, ...]:
    told = read_property(meta, "gateway.labels", [])
    if told:
        return tuple(told)
    if len(sample) > 1 and isinstance(sample[1], list) and sample[1] and isinstance(sample[1][0], dict):
        return tuple(sample[1][0])
    if facts.labels:
        return facts.labels
    scores = np.asarray(sample[1]) if len(sample) > 1 else np.empty((0, 0))
    if scores.ndim == _TABLE and scores.shape[1] > 1 and np.asarray(sample[0]).dtype.kind == "i":
        return tuple(range(scores.shape[1]))
    raise LoadError(
        "the graph answers labels without saying which there are",
        code="unknown-labels",
        hint="set the metadata property gateway.labels to a JSON list of them",
    )


def _are_probabilities(scores: Any, count: int) -> bool:
    """Tell probabilities from decision values, which some converters give the same name."""
    if isinstance(scores, list):
        scores = [list(row.values()) for row in scores]
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != _TABLE or table.shape[1] != count:
        return False
    return bool(np.all(table >= 0) and np.all(np.abs(table.sum(axis=1) - 1) < _SUM_TOLERANCE))
