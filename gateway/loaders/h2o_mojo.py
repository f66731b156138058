"""
Serves H2O models from their MOJO inside this process, through JPype: no H2O server, 10-35 us a row.

Scores equal H2O's own to the last bit. Describing needs no Java; loading starts the JVM of this process.
"""

import math
import zipfile
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, ClassVar

import jpype
import numpy as np
import numpy.typing as npt

from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.loaders import h2o_runtime
from gateway.loaders.base import LoadOptions
from gateway.loaders.mojo_contributions import MojoContributions
from gateway.loaders.mojo_file import MojoArchive, MojoInfo, read_mojo, signature_of
from gateway.loaders.mojo_trees import is_tree, is_whole
from gateway.schema import Column, Predictions, Signature

#: From here on one Java stream over all rows beats a Python loop with one call a row (measured crossover 30-60 rows).
_STREAM_FROM_ROWS = 50

#: Rows in one Java call: 4,096 rows of 200 columns are 7 MB of the 96 MB heap.
_CHUNK_ROWS = 4_096


class MojoPredictor:
    """Score rows with one MOJO; every call works on arrays of its own, because GLM imputes into the row it is given."""

    def __init__(self, model: Any, info: MojoInfo, path: Path) -> None:
        self.signature: Signature = signature_of(info)
        self.warnings = (info.left_out,) if info.left_out else ()
        self.archive = MojoArchive(path)
        self._path = path
        self._model = model
        self._info = info
        self._codes = [
            None if levels is None else {level: float(code) for code, level in enumerate(levels)}
            for levels in info.levels
        ]
        self._width = len(info.columns)
        self._doubles = jpype.JArray(jpype.JDouble)
        # The static method knows the size by category: 2 for regression, classes + 1 for multinomial.
        self._scores = max(int(model.getPredsSize(model.getModelCategory())), 1)
        self._stream = None if info.offset is not None else _stream_of(model, self._scores)

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Score every instance; NaN and levels the model never saw are missing to it, as in H2O itself."""
        return self.answers(self.rows(columns))

    def answers(self, rows: npt.NDArray[np.float64]) -> Predictions:
        """Score coded rows."""
        if self._stream is None:
            offsets = rows[:, self._width] if self._info.offset is not None else None
            return self._read(self._loop(rows[:, : self._width], offsets))
        if len(rows) < _STREAM_FROM_ROWS:
            return self._read(self._loop(rows, None))
        return self._read(np.concatenate([self._stream(part) for part in _parts(rows)]))

    def rows(self, columns: Sequence[Column]) -> npt.NDArray[np.float64]:
        """Return rows as the model reads them: levels by their number, an offset at the end."""
        own = columns[: len(self.signature.inputs)]
        rows = np.empty((len(columns[0]), len(own)), dtype=np.float64)
        for i, (column, codes) in enumerate(zip_longest(own, self._codes)):
            rows[:, i] = column if codes is None else [codes.get(value, math.nan) for value in column.tolist()]
        return rows

    def check_once(self) -> None:
        """Raise ArtifactError where a tree leads back; while preparing alone, large forests take seconds."""
        with zipfile.ZipFile(self._path) as archive:
            for name in filter(is_tree, archive.namelist()):
                if not is_whole(archive.read(name)):
                    raise ArtifactError(
                        f"{self._path.name}: its tree {name} says of a side that it ends elsewhere",
                        code="broken-artifact",
                        hint="export it again with model.save_mojo(...) and compare its sha256 after copying",
                    )

    def contributions(self) -> MojoContributions:
        """Return what asks H2O's own classes for contributions; raises NotExplainable. Reads the model once more."""
        return MojoContributions(self._path)

    def _loop(self, rows: npt.NDArray[np.float64], offsets: Column | None) -> npt.NDArray[np.float64]:
        score, doubles, size = self._model.score0, self._doubles, self._scores
        if offsets is None:
            found = [list(score(doubles(row), doubles(size))) for row in rows.tolist()]
        else:
            pairs = zip(rows.tolist(), offsets.tolist(), strict=True)
            found = [list(score(doubles(row), jpype.JDouble(offset), doubles(size))) for row, offset in pairs]
        return np.array(found, dtype=np.float64).reshape(len(rows), size)

    def _read(self, scores: npt.NDArray[np.float64]) -> Predictions:
        if self.signature.output.kind == "regression":
            return Predictions(scores[:, 0].copy())
        values = scores[:, 0].astype(np.int64)
        return Predictions(values, scores[:, 1:].copy() if self._info.has_probabilities else None)


class H2oMojoLoader:
    """Load MOJOs of the categories that answer one value or one class."""

    name: ClassVar[str] = "h2o_mojo"

    def load(self, path: Path, options: LoadOptions) -> MojoPredictor:
        """Start the JVM if need be, load, and score one row."""
        info = read_mojo(path)
        h2o_runtime.start(options.cache_dir)
        try:
            model = h2o_runtime.java_class("hex.genmodel.MojoModel").load(str(path.absolute()))
            predictor = MojoPredictor(model, info, path)
            predictor.predict([_blank(levels is not None) for levels in info.levels] + [np.zeros(1)])
        except GatewayError:
            raise
        except Exception as exc:  # Java exceptions arrive as subclasses of Exception
            raise _unreadable(path, info, exc) from exc
        return predictor

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Read model.ini and the levels; starts no Java."""
        return signature_of(read_mojo(path))


def _blank(is_text: bool) -> Column:
    return np.array([math.nan], dtype=object if is_text else np.float64)


def _unreadable(path: Path, info: MojoInfo, exc: Exception) -> GatewayError:
    if "version" in str(exc).lower():
        return LoadError(
            f"{path.name}: exported by H2O {info.h2o_version}, which the installed scoring classes cannot read: {exc}",
            code="wrong-version",
            hint="export it with h2o==3.46.0.11, the release whose scoring classes are used here",
        )
    return ArtifactError(
        f"{path.name}: H2O cannot score this MOJO: {type(exc).__name__}: {exc}",
        code="broken-artifact",
        hint="export it again with model.save_mojo(...) and compare its sha256 after copying",
    )


def _parts(rows: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    return [rows[start : start + _CHUNK_ROWS] for start in range(0, len(rows), _CHUNK_ROWS)]


def _stream_of(model: Any, size: int) -> Any:
    """
    Return a function that scores a matrix in one Java call.

    A method handle bound to score0, with a fresh answer array for every row, is mapped over the rows by
    Arrays.stream: no Java code of ours has to be compiled.
    """
    handles, types, proxies = (
        h2o_runtime.java_class(f"java.lang.invoke.{name}")
        for name in ("MethodHandles", "MethodType", "MethodHandleProxies")
    )
    function = h2o_runtime.java_class("java.util.function.Function")
    generator = h2o_runtime.java_class("java.util.function.IntFunction")
    arrays = h2o_runtime.java_class("java.util.Arrays")
    doubles = jpype.JArray(jpype.JDouble).class_
    table = jpype.JArray(jpype.JArray(jpype.JDouble)).class_
    kind = types.methodType(doubles, doubles, doubles)
    score = handles.publicLookup().findVirtual(h2o_runtime.java_class("hex.genmodel.GenModel").class_, "score0", kind)
    boxed = jpype.JObject(jpype.JInt(size), h2o_runtime.java_class("java.lang.Integer"))
    fresh = handles.insertArguments(handles.arrayConstructor(doubles), 0, boxed)
    mapping = proxies.asInterfaceInstance(function.class_, handles.collectArguments(score.bindTo(model), 1, fresh))
    make_table = proxies.asInterfaceInstance(generator.class_, handles.arrayConstructor(table))
    objects = jpype.JArray(jpype.JObject)

    def stream(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        java_rows = jpype.JObject(jpype.JArray.of(np.ascontiguousarray(rows)), objects)
        return np.array(arrays.stream(java_rows).map(mapping).toArray(make_table), dtype=np.float64)

    return stream
