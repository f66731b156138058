"""
Runs models that need a feature matrix: trees in ONNX Runtime, and everything that is a short chain of numpy steps.

A program is a tree of nodes, each a function from a matrix to scores (rows, k). Imports no framework.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np

from gateway.runtimes import nodes
from gateway.runtimes.answering import AnswerForm, chain, normalized, reader, single
from gateway.runtimes.arrays import Matrix
from gateway.runtimes.features import Features, make_features
from gateway.runtimes.operations import make_operations
from gateway.runtimes.storage import program_decoder
from gateway.runtimes.symmetric_trees import make_symmetric
from gateway.schema import Column, Predictions, Signature

Run: TypeAlias = Callable[[Matrix], Matrix]


class MatrixProgram(msgspec.Struct, forbid_unknown_fields=True):
    """Say how a feature matrix is made of columns, what becomes of it, and what the scores mean."""

    features: Features
    head: nodes.Node
    answer: AnswerForm


class MatrixModel:
    """Build the feature matrix, run the node tree; safe from several threads, as sessions are."""

    decode = staticmethod(program_decoder(MatrixProgram))

    def __init__(self, program: MatrixProgram, signature: Signature) -> None:
        self.signature = signature
        self._features = make_features(program.features)
        head, answer = program.head, program.answer
        link = head if isinstance(head, nodes.LinkNode) else None
        self._run = make_node(head)
        self._read = reader(answer)
        self._single = single(answer, link.names if link else [])
        self._scores = make_node(link.of) if link and self._single else self._run

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        matrix = self._features(columns)
        if self._single is not None and len(matrix) == 1:
            scores = self._scores(matrix)
            if scores.shape[1] == 1:
                return self._single(scores.item())
        return self._read(self._run(matrix))


def make_node(node: nodes.Node) -> Run:
    """Return the function of a node."""
    return _NODES[type(node)](node)


def open_session(data: bytes) -> Any:
    """Return a session with one thread: workers are what runs in parallel."""
    # Not on the first line: compiled models without trees do without its 17 MB.
    onnxruntime: Any = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _linear(node: nodes.LinearNode) -> Run:
    weights, intercept = node.weights, node.intercept
    return lambda matrix: matrix @ weights + intercept


def _forest(node: nodes.ForestNode) -> Run:
    run = open_session(node.model).run
    base, dtype, rounded = node.base, np.dtype(node.dtype), node.rounded
    checked, has_base, names = node.finite, bool(np.any(base)), ["y"]

    def score(matrix: Matrix) -> Any:
        if rounded:
            with np.errstate(over="ignore"):
                matrix = matrix.astype(np.float32)
        if checked and np.isinf(matrix).any():
            raise ValueError("a value is infinite or too large for float32")
        scores = run(names, {"x": matrix.astype(dtype, copy=False)})[0]
        return scores + base if has_base else scores

    return score


def _link(node: nodes.LinkNode) -> Run:
    inner, links = make_node(node.of), chain(node.names)
    return lambda matrix: links(inner(matrix))


def _average(node: nodes.AverageNode) -> Run:
    parts, weights = [make_node(part) for part in node.of], node.weights
    total = sum(weights)

    def score(matrix: Matrix) -> Matrix:
        found = [part(matrix) * weight for part, weight in zip(parts, weights, strict=True)]
        return np.asarray(sum(found[1:], found[0]) / total)

    return score


def _beside(node: nodes.BesideNode) -> Run:
    parts = [make_node(part) for part in node.of]
    return lambda matrix: np.hstack([part(matrix) for part in parts])


def _pipe(node: nodes.PipeNode) -> Run:
    first, second = make_node(node.first), make_node(node.then)
    return lambda matrix: second(first(matrix))


def _columns(node: nodes.ColumnsNode) -> Run:
    chosen = node.chosen
    return lambda matrix: matrix[:, chosen]


def _scale(node: nodes.ScaleNode) -> Run:
    return make_operations(node.operations)


def _powers(node: nodes.PowersNode) -> Run:
    terms = node.terms

    def score(matrix: Matrix) -> Matrix:
        found = np.ones((len(matrix), len(terms)), dtype=np.float64)
        for at, term in enumerate(terms):
            for column in term:
                found[:, at] *= matrix[:, column]
        return found

    return score


def _normalize(node: nodes.NormalizeNode) -> Run:
    norm = node.norm

    def score(matrix: Matrix) -> Matrix:
        if norm == "l1":
            length = np.abs(matrix).sum(axis=1)
        elif norm == "l2":
            length = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
        else:
            length = np.abs(matrix).max(axis=1)
        return np.asarray(matrix / np.where(length == 0, 1.0, length)[:, None])

    return score


def _gaussian(node: nodes.GaussianNode) -> Run:
    means, variances, prior = node.means, node.variances, node.prior

    def score(matrix: Matrix) -> Matrix:
        spread = (matrix[:, None, :] - means[None]) ** 2 / variances[None]
        return np.asarray(prior - 0.5 * spread.sum(axis=2))

    return score


def _layers(node: nodes.LayersNode) -> Run:
    hidden = _ACTIVATIONS[node.activation]
    weights, intercepts = node.weights, node.intercepts

    def score(matrix: Matrix) -> Matrix:
        for weight, intercept in zip(weights[:-1], intercepts[:-1], strict=True):
            matrix = hidden(matrix @ weight + intercept)
        return np.asarray(matrix @ weights[-1] + intercepts[-1])

    return score


def _calibrate(node: nodes.CalibrateNode) -> Run:
    curves = [_CURVES[type(curve)](curve) for curve in node.curves]

    def score(scores: Matrix) -> Matrix:
        found = np.column_stack([curve(scores[:, i]) for i, curve in enumerate(curves)])
        probabilities = np.column_stack([1.0 - found[:, 0], found[:, 0]]) if len(curves) == 1 else normalized(found)
        return np.where((probabilities > 1.0) & (probabilities <= 1.0 + 1e-5), 1.0, probabilities)

    return score


def _sigmoid_curve(curve: nodes.SigmoidCurve) -> Run:
    slope, shift = curve.slope, curve.shift
    links = chain(["expit"])
    return lambda scores: links(-(slope * scores + shift))


def _isotonic_curve(curve: nodes.IsotonicCurve) -> Run:
    at, to = curve.at, curve.to

    def score(scores: Matrix) -> Matrix:
        if np.isnan(scores).any():
            raise ValueError("the calibration takes no missing score")
        return np.asarray(np.interp(np.clip(scores, at[0], at[-1]), at, to))

    return score


_CURVES: Mapping[type, Callable[..., Run]] = {nodes.SigmoidCurve: _sigmoid_curve, nodes.IsotonicCurve: _isotonic_curve}
_ACTIVATIONS: Mapping[str, Run] = {
    "relu": lambda matrix: np.maximum(matrix, 0),
    "tanh": np.tanh,
    "logistic": chain(["expit"]),
    "identity": lambda matrix: matrix,
}
_NODES: Mapping[type, Callable[..., Run]] = {
    nodes.LinearNode: _linear,
    nodes.ForestNode: _forest,
    nodes.SymmetricNode: make_symmetric,
    nodes.LinkNode: _link,
    nodes.AverageNode: _average,
    nodes.BesideNode: _beside,
    nodes.PipeNode: _pipe,
    nodes.ColumnsNode: _columns,
    nodes.ScaleNode: _scale,
    nodes.PowersNode: _powers,
    nodes.NormalizeNode: _normalize,
    nodes.GaussianNode: _gaussian,
    nodes.LayersNode: _layers,
    nodes.CalibrateNode: _calibrate,
}
