"""
Serves ONNX graphs of tabular and text models with ONNX Runtime, one thread, on the CPU.

A graph says little about itself; four metadata properties (JSON text) may add to it: `gateway.feature_names` (list,
in input order), `gateway.labels` (list, in probability order), `gateway.levels` (object: field -> list) and
`gateway.nullable` (list of fields that take NaN). README.md beside this file shows how to write them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnxruntime

from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.loaders.base import LoadOptions
from gateway.loaders.onnx_graph import GraphFacts, read_graph
from gateway.schema import Column, Field, FieldType, Output, Predictions, Scalar, Signature

_TYPES: dict[str, tuple[FieldType, Any]] = {
    "tensor(float)": ("number", np.float32),
    "tensor(double)": ("number", np.float64),
    "tensor(float16)": ("number", np.float16),
    "tensor(int64)": ("integer", np.int64),
    "tensor(int32)": ("integer", np.int32),
    "tensor(string)": ("string", object),
    "tensor(bool)": ("boolean", np.bool_),
}
_LABEL_TYPES = {"tensor(int64)", "tensor(string)"}

#: float32 probabilities of a few classes sum to one within this; decision values do not.
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class _Input:
    """Describe one graph input: its share of the columns, and whether it wants (n, width) or (n,)."""

    name: str
    dtype: Any
    width: int
    is_flat: bool


class OnnxPredictor:
    """Run one session; sessions may be run by several threads at once."""

    def __init__(self, session: Any, facts: GraphFacts) -> None:
        self._session = session
        meta = session.get_modelmeta().custom_metadata_map
        self._inputs, fields, names_known = _inputs(session, meta)
        self._outputs = [output.name for output in session.get_outputs()]
        self._output = Output()
        sample = self._run(_sample(fields))
        self._output = _output(session, meta, facts, sample)
        self.signature = Signature(inputs=fields, output=self._output, names_known=names_known)
        self._outputs = self._outputs[: 2 if self._output.probabilities else 1]
        self._positions = {label: i for i, label in enumerate(self._output.labels)}

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Run the graph once for all instances."""
        found = self._run(columns)
        kind = self._output.kind
        if kind == "classification":
            labels = np.asarray(found[0]).reshape(-1).tolist()
            values = np.array([self._positions[label] for label in labels], dtype=np.int64)
            return Predictions(values, self._probabilities(found[1]) if self._output.probabilities else None)
        scores = np.asarray(found[0], dtype=np.float64)
        return Predictions(scores if kind == "multi_output" else scores.reshape(-1))

    def _probabilities(self, found: Any) -> npt.NDArray[np.float64]:
        if isinstance(found, list):  # ZipMap: one dict a row
            return np.array([[row[label] for label in self._output.labels] for row in found], dtype=np.float64)
        return np.asarray(found, dtype=np.float64)

    def _run(self, columns: Sequence[Column]) -> list[Any]:
        feed: dict[str, Any] = {}
        start = 0
        for wanted in self._inputs:
            part = columns[start : start + wanted.width]
            start += wanted.width
            if wanted.is_flat:
                feed[wanted.name] = part[0].astype(wanted.dtype)
            else:
                feed[wanted.name] = np.column_stack([column.astype(wanted.dtype) for column in part])
        return list(self._session.run(self._outputs, feed))


class OnnxLoader:
    """Load self-contained graphs of standard operators."""

    name: ClassVar[str] = "onnx"
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx", "numpy")

    def load(self, path: Path, options: LoadOptions) -> OnnxPredictor:
        """Build a session from the bytes and run it once for a made-up row."""
        data = path.read_bytes()
        if not data:
            raise ArtifactError(f"{path.name}: the file is empty", code="broken-artifact", hint="export it again")
        facts = read_graph(path, data)
        try:
            session = onnxruntime.InferenceSession(data, _one_thread(), providers=["CPUExecutionProvider"])
        except Exception as exc:  # the runtime's exceptions share no public base class
            raise _refused(path, exc) from exc
        try:
            return OnnxPredictor(session, facts)
        except GatewayError as exc:
            exc.message = f"{path.name}: {exc.message}"
            exc.args = (exc.message,)
            raise
        except Exception as exc:
            raise LoadError(
                f"{path.name}: the graph cannot be run for a made-up row: {_line(exc)}",
                code="cannot-predict",
                hint="run it with onnxruntime where it was exported",
            ) from exc

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Load it: what a graph answers shows only in an answer."""
        return self.load(path, options).signature


def _one_thread() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return options


def _line(exc: Exception) -> str:
    return str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__


def _refused(path: Path, exc: Exception) -> GatewayError:
    text = _line(exc)
    if "not a registered function/op" in text or "No Op registered" in text:
        return LoadError(
            f"{path.name}: uses operators this runtime does not have: {text}",
            code="unsupported-model",
            hint="export it with standard operators only, and for an opset of the installed onnxruntime",
        )
    if "ir_version" in text.lower() or "opset" in text.lower():
        return LoadError(f"{path.name}: {text}", code="wrong-version", hint="export it for an older opset")
    return ArtifactError(
        f"{path.name}: not a loadable ONNX graph: {text}",
        code="broken-artifact",
        hint="export it again as one file and compare its sha256 after copying",
    )


def _inputs(session: Any, meta: dict[str, str]) -> tuple[list[_Input], tuple[Field, ...], bool]:
    wanted, made_up = [], []
    known = _property(meta, "gateway.feature_names", [])
    nodes = session.get_inputs()
    for node in nodes:
        if node.type not in _TYPES:
            raise LoadError(f"input {node.name!r} is a {node.type}", code="unsupported-model", hint="only tensors fit")
        shape = list(node.shape)
        width = 1 if len(shape) == 1 else shape[-1]
        if not isinstance(width, int) and len(nodes) == 1 and known:
            width = len(known)
        if len(shape) > 2 or not isinstance(width, int):  # noqa: PLR2004  rows and columns
            raise LoadError(
                f"input {node.name!r} has shape {shape}; rows of a known number of columns are needed",
                code="unsupported-model",
                hint="export with [None, columns], or set the metadata property gateway.feature_names",
            )
        wanted.append(_Input(node.name, _TYPES[node.type][1], width, len(shape) == 1))
        prefix = "x" if len(nodes) == 1 else f"{node.name}_"
        made_up += [node.name] if width == 1 else [f"{prefix}{i}" for i in range(width)]
    if known and len(known) != len(made_up):
        raise LoadError(
            f"gateway.feature_names has {len(known)} names for {len(made_up)} columns",
            code="unsupported-model",
            hint="name every column once, in the order of the inputs",
        )
    kinds = [_TYPES[node.type][0] for node, part in zip(nodes, wanted, strict=True) for _ in range(part.width)]
    levels, nullable = _property(meta, "gateway.levels", {}), _property(meta, "gateway.nullable", [])
    fields = tuple(
        Field(
            name=str(name),
            type=kind,
            enum=tuple(levels[name]) if name in levels else None,
            nullable=name in nullable,
            required=name not in nullable,
        )
        for name, kind in zip(known or made_up, kinds, strict=True)
    )
    return wanted, fields, bool(known) or all(part.width == 1 for part in wanted)


def _property(meta: dict[str, str], key: str, default: Any) -> Any:
    try:
        value = json.loads(meta[key]) if key in meta else default
    except ValueError as exc:
        raise ArtifactError(f"metadata {key} is not JSON: {exc}", code="broken-artifact", hint="write JSON") from exc
    if type(value) is not type(default):
        raise ArtifactError(
            f"metadata {key} holds a {type(value).__name__}, expected a {type(default).__name__}",
            code="broken-artifact",
            hint="README.md of the loaders shows the properties",
        )
    return value


def _sample(fields: Sequence[Field]) -> list[Column]:
    columns = []
    for field in fields:
        plain: Any = field.enum[0] if field.enum else "text" if field.type == "string" else 0
        columns.append(np.array([plain], dtype=object))
    return columns


def _output(session: Any, meta: dict[str, str], facts: GraphFacts, sample: list[Any]) -> Output:
    nodes = session.get_outputs()
    if nodes[0].type not in _LABEL_TYPES:
        scores = np.asarray(sample[0])
        count = scores.shape[1] if scores.ndim == 2 else 1  # noqa: PLR2004  rows and columns
        if count == 1:
            return Output(kind="regression")
        return Output(kind="multi_output", names=tuple(f"y{i}" for i in range(count)))
    labels = _labels(meta, facts, sample)
    scores = sample[1] if len(sample) > 1 else None
    return Output(
        kind="classification",
        labels=labels,
        probabilities=_are_probabilities(scores, len(labels)),
        positive=labels[1] if len(labels) == 2 else None,  # noqa: PLR2004  two classes
    )


def _labels(meta: dict[str, str], facts: GraphFacts, sample: list[Any]) -> tuple[Scalar, ...]:
    told = _property(meta, "gateway.labels", [])
    if told:
        return tuple(told)
    if len(sample) > 1 and isinstance(sample[1], list) and sample[1] and isinstance(sample[1][0], dict):
        return tuple(sample[1][0])
    if facts.labels:
        return facts.labels
    scores = np.asarray(sample[1]) if len(sample) > 1 else np.empty((0, 0))
    if scores.ndim == 2 and scores.shape[1] > 1 and np.asarray(sample[0]).dtype.kind == "i":  # noqa: PLR2004
        return tuple(range(scores.shape[1]))
    raise LoadError(
        "the graph answers labels without saying which there are",
        code="unknown-labels",
        hint="set the metadata property gateway.labels to a JSON list of them",
    )


def _are_probabilities(scores: Any, count: int) -> bool:
    """Tell probabilities from decision values, which some converters give the same name."""
    if scores is None:
        return False
    if isinstance(scores, list):
        scores = [list(row.values()) for row in scores]
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != count:  # noqa: PLR2004  rows and columns
        return False
    return bool(np.all(table >= 0) and np.all(np.abs(table.sum(axis=1) - 1) < _SUM_TOLERANCE))
