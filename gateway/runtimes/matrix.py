"""
Runs models that need a feature matrix: trees in ONNX Runtime, and everything that is a short chain of numpy steps.

A program is a tree of nodes, each a function from a matrix to scores (rows, k). Imports no framework.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.runtimes.answering import chain, normalized, reader, single
from gateway.runtimes.features import make_features, operate
from gateway.schema import Column, Predictions, Signature

Matrix: TypeAlias = npt.NDArray[Any]
Run: TypeAlias = Callable[[Matrix], Matrix]


class MatrixModel:
    """Build the feature matrix, run the node tree; safe from several threads, as sessions are."""

    def __init__(self, program: Mapping[str, Any], signature: Signature) -> None:
        self.signature = signature
        self._features = make_features(program["features"])
        head, answer = program["head"], program["answer"]
        self._run = make_node(head)
        self._read = reader(answer)
        is_link = head["op"] == "link"
        self._single = single(answer, head["names"] if is_link else [])
        self._scores = make_node(head["of"]) if is_link and self._single else self._run

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        matrix = self._features(columns)
        if self._single is not None and len(matrix) == 1:
            scores = self._scores(matrix)
            if scores.shape[1] == 1:
                return self._single(scores.item())
        return self._read(self._run(matrix))


def make_node(node: Mapping[str, Any]) -> Run:
    """Return the function of a node."""
    return _NODES[node["op"]](node)


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


def _linear(node: Mapping[str, Any]) -> Run:
    weights, intercept = node["weights"], node["intercept"]
    return lambda matrix: matrix @ weights + intercept


def _forest(node: Mapping[str, Any]) -> Run:
    run = open_session(node["model"]).run
    base, dtype, rounded = node["base"], np.dtype(node["dtype"]), node["rounded"]
    checked, has_base, names = node["finite"], bool(np.any(base)), ["y"]

    def score(matrix: Matrix) -> Any:
        if rounded:
            with np.errstate(over="ignore"):
                matrix = matrix.astype(np.float32)
        if checked and np.isinf(matrix).any():
            raise ValueError("a value is infinite or too large for float32")
        scores = run(names, {"x": matrix.astype(dtype, copy=False)})[0]
        return scores + base if has_base else scores

    return score


def _link(node: Mapping[str, Any]) -> Run:
    inner, links = make_node(node["of"]), chain(node["names"])
    return lambda matrix: links(inner(matrix))


def _average(node: Mapping[str, Any]) -> Run:
    parts, weights = [make_node(part) for part in node["of"]], node["weights"]
    total = sum(weights)

    def score(matrix: Matrix) -> Matrix:
        found = [part(matrix) * weight for part, weight in zip(parts, weights, strict=True)]
        return np.asarray(sum(found[1:], found[0]) / total)

    return score


def _beside(node: Mapping[str, Any]) -> Run:
    parts = [make_node(part) for part in node["of"]]
    return lambda matrix: np.hstack([part(matrix) for part in parts])


def _pipe(node: Mapping[str, Any]) -> Run:
    first, second = make_node(node["first"]), make_node(node["then"])
    return lambda matrix: second(first(matrix))


def _columns(node: Mapping[str, Any]) -> Run:
    chosen = node["chosen"]
    return lambda matrix: matrix[:, chosen]


def _scale(node: Mapping[str, Any]) -> Run:
    """Apply operations whose arguments are arrays over the columns."""
    operations = node["operations"]
    return lambda matrix: operate(matrix, operations)


def _powers(node: Mapping[str, Any]) -> Run:
    """Multiply columns as PolynomialFeatures does; `terms` are lists of column numbers."""
    terms = [list(term) for term in node["terms"]]

    def score(matrix: Matrix) -> Matrix:
        found = np.ones((len(matrix), len(terms)), dtype=np.float64)
        for at, term in enumerate(terms):
            for column in term:
                found[:, at] *= matrix[:, column]
        return found

    return score


def _normalize(node: Mapping[str, Any]) -> Run:
    norm = node["norm"]

    def score(matrix: Matrix) -> Matrix:
        if norm == "l1":
            length = np.abs(matrix).sum(axis=1)
        elif norm == "l2":
            length = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
        else:
            length = np.abs(matrix).max(axis=1)
        return np.asarray(matrix / np.where(length == 0, 1.0, length)[:, None])

    return score


def _gaussian(node: Mapping[str, Any]) -> Run:
    means, variances, prior = node["means"], node["variances"], node["prior"]

    def score(matrix: Matrix) -> Matrix:
        spread = (matrix[:, None, :] - means[None]) ** 2 / variances[None]
        return np.asarray(prior - 0.5 * spread.sum(axis=2))

    return score


def _layers(node: Mapping[str, Any]) -> Run:
    hidden = _ACTIVATIONS[node["activation"]]
    weights, intercepts = node["weights"], node["intercepts"]

    def score(matrix: Matrix) -> Matrix:
        for weight, intercept in zip(weights[:-1], intercepts[:-1], strict=True):
            matrix = hidden(matrix @ weight + intercept)
        return np.asarray(matrix @ weights[-1] + intercepts[-1])

    return score


def _calibrate(node: Mapping[str, Any]) -> Run:
    """Map each column of scores through its calibrator, then make the row sum to one."""
    curves = [_CURVES[curve["kind"]](curve) for curve in node["curves"]]

    def score(scores: Matrix) -> Matrix:
        found = np.column_stack([curve(scores[:, i]) for i, curve in enumerate(curves)])
        probabilities = np.column_stack([1.0 - found[:, 0], found[:, 0]]) if len(curves) == 1 else normalized(found)
        return np.where((probabilities > 1.0) & (probabilities <= 1.0 + 1e-5), 1.0, probabilities)

    return score


def _sigmoid_curve(curve: Mapping[str, Any]) -> Run:
    slope, shift = curve["slope"], curve["shift"]
    links = chain(["expit"])
    return lambda scores: links(-(slope * scores + shift))


def _isotonic_curve(curve: Mapping[str, Any]) -> Run:
    at, to = curve["at"], curve["to"]

    def score(scores: Matrix) -> Matrix:
        if np.isnan(scores).any():
            raise ValueError("the calibration takes no missing score")
        return np.asarray(np.interp(np.clip(scores, at[0], at[-1]), at, to))

    return score


_CURVES: Mapping[str, Callable[[Mapping[str, Any]], Run]] = {"sigmoid": _sigmoid_curve, "isotonic": _isotonic_curve}
_ACTIVATIONS: Mapping[str, Run] = {
    "relu": lambda matrix: np.maximum(matrix, 0),
    "tanh": np.tanh,
    "logistic": chain(["expit"]),
    "identity": lambda matrix: matrix,
}
_NODES: Mapping[str, Callable[[Mapping[str, Any]], Run]] = {
    "linear": _linear,
    "forest": _forest,
    "link": _link,
    "average": _average,
    "beside": _beside,
    "pipe": _pipe,
    "columns": _columns,
    "scale": _scale,
    "powers": _powers,
    "normalize": _normalize,
    "gaussian": _gaussian,
    "layers": _layers,
    "calibrate": _calibrate,
}
