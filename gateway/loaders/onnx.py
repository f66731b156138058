"""
Serves ONNX graphs of tabular and text models with ONNX Runtime, one thread, on the CPU.

A graph says little about itself; four metadata properties (JSON text) may add to it: `gateway.feature_names` (list,
in input order), `gateway.labels` (list, in probability order), `gateway.levels` (object: field -> list) and
`gateway.nullable` (list of fields that take NaN). README.md beside this file shows how to write them.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnxruntime

from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.loaders.base import LoadOptions
from gateway.loaders.onnx_graph import GraphFacts, read_graph
from gateway.loaders.onnx_inputs import read_inputs
from gateway.loaders.onnx_outputs import are_columns, find_output, join_columns
from gateway.loaders.onnx_parts import SEVERAL, read_parts
from gateway.schema import Column, Field, Output, Predictions, Signature


class OnnxPredictor:
    """Run one session; sessions may be run by several threads at once."""

    def __init__(self, session: Any, facts: GraphFacts, wanted: Sequence[str] = ()) -> None:
        self._session = session
        meta = session.get_modelmeta().custom_metadata_map
        self._inputs, fields, names_known = read_inputs(session, meta, facts.levels)
        nodes = [node for node in session.get_outputs() if node.name in wanted] or session.get_outputs()
        by_name = any(node.name in wanted for node in nodes)
        self._outputs = [node.name for node in nodes]
        self._output = Output()
        samples = self._samples(fields)
        self._output, left_out = find_output(nodes, meta, facts, samples, by_name=by_name)
        self.warnings = (left_out,) if left_out else ()
        self.signature = Signature(inputs=fields, output=self._output, names_known=names_known)
        self._is_joined = self._output.probabilities and are_columns(nodes)
        if not self._is_joined and not self._output.parts:
            self._outputs = self._outputs[: 2 if self._output.probabilities else 1]
        self._positions = {label: i for i, label in enumerate(self._output.labels)}

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Run the graph once for all instances."""
        found = join_columns(self._run(columns)) if self._is_joined else self._run(columns)
        kind = self._output.kind
        if kind == "classification":
            labels = np.asarray(found[0]).reshape(-1).tolist()
            values = np.array([self._positions[label] for label in labels], dtype=np.int64)
            return Predictions(values, self._probabilities(found[1]) if self._output.probabilities else None)
        if self._output.parts:
            return read_parts(self._output, found, len(columns[0]) if columns else 1)
        scores = np.asarray(found[0], dtype=np.float64)
        return Predictions(scores if kind == "multi_output" else scores.reshape(-1))

    def _samples(self, fields: Sequence[Field]) -> list[list[Any]]:
        """Return the answers to one made-up row and to several; none where the graph refuses them."""
        row = _sample(fields)
        one = self._try(row)
        if not one or not row:
            return [one] if one else []
        with contextlib.suppress(Exception):  # what answers one row only is told by its shape
            return [one, self._run([np.repeat(column, SEVERAL) for column in row])]
        return [one]

    def _try(self, columns: Sequence[Column]) -> list[Any]:
        """Return the answer to a made-up row, or nothing where the graph refuses made-up levels."""
        try:
            return self._run(columns)
        except Exception as exc:  # the runtime's exceptions share no public base class
            if any(column.dtype == object and isinstance(column[0], str) for column in columns):
                return []
            raise LoadError(
                f"the graph cannot be run for a made-up row: {_line(exc)}",
                code="cannot-predict",
                hint="run it with onnxruntime where it was exported",
            ) from exc

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
        size = len(columns[0]) if columns else 1
        if size == 1 or not any(wanted.one_row for wanted in self._inputs):
            return list(self._session.run(self._outputs, feed))
        # Exported for one row: PyTorch does so without dynamic axes.
        rows = ({name: values[i : i + 1] for name, values in feed.items()} for i in range(size))
        return [_stacked(parts) for parts in zip(*(self._session.run(self._outputs, row) for row in rows), strict=True)]


def _stacked(parts: Sequence[Any]) -> Any:
    """Join the answers to single rows: arrays end to end, ZipMap's lists of dictionaries as one list."""
    if isinstance(parts[0], list):
        return [row for part in parts for row in part]
    return np.concatenate([np.asarray(part) for part in parts])


class OnnxLoader:
    """Load self-contained graphs of standard operators."""

    name: ClassVar[str] = "onnx"

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
            return OnnxPredictor(session, facts, options.outputs)
        except GatewayError as exc:
            exc.message = f"{path.name}: {exc.message}"
            exc.args = (exc.message,)
            raise

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Load it: what a graph answers shows only in an answer."""
        return self.load(path, options).signature


def _one_thread() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Otherwise bytes 4 to 8 choose: one file may be a graph to its check, and ONNX Runtime's own format to the runtime.
    options.add_session_config_entry("session.load_model_format", "ONNX")
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


def _sample(fields: Sequence[Field]) -> list[Column]:
    columns = []
    for field in fields:
        plain: Any = "text" if field.type == "string" else 0
        if field.enum:
            plain = field.enum[0]
        columns.append(np.array([plain], dtype=object))
    return columns
