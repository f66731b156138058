"""ONNX graphs: one input per column, one tensor, zipmap on and off, regressors, texts, graphs of other tools."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxmltools
import onnxruntime
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as PlainFloat
from skl2onnx import to_onnx
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from .data import TEST, classes, matrix, moods, old_or_young, people, texts, values, worth
from .specimen import Grown, labelled, rows_of, species, valued

ROWS: Any = matrix(seed=31).astype(np.float32)
ASKED = ROWS[:TEST]


def save(folder: Path, graph: Any, name: str = "model.onnx") -> Any:
    (folder / name).write_bytes(graph.SerializeToString())
    return onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])


def run(session: Any, rows: Any = ASKED) -> Any:
    return session.run(None, {session.get_inputs()[0].name: rows})


def _listed(probabilities: Any) -> tuple[Any, Any]:
    """Return labels and table of a zipmap, or the table as it is with nothing."""
    if isinstance(probabilities, list):
        return list(probabilities[0]), [list(row.values()) for row in probabilities]
    return None, probabilities


def _classes(folder: Path, model: Any, labels: Any, zipmap: Any) -> Grown:
    model.fit(ROWS, classes(ROWS, labels))
    graph = to_onnx(model, ROWS[:1], options={"zipmap": zipmap} if zipmap is not None else None)
    found = run(save(folder, graph))
    told, probabilities = _listed(found[1])
    answers = labelled(found[0], probabilities, model.classes_ if told is None else told)
    return Grown("model.onnx", rows_of(ASKED.astype(float)), answers)


def _numbers(session: Any) -> Grown:
    """Ask for all rows at once, and for the first one alone: a product of matrices rounds by its shape."""
    whole, alone = (valued(run(session, rows)[0].astype(np.float64)) for rows in (ASKED, ASKED[:1]))
    return Grown("model.onnx", rows_of(ASKED.astype(float)), whole, alone)


@species("onnx-zipmap", core=True)
def zipmap(folder: Path) -> Grown:
    """One tensor, zipmap on, labels that are words."""
    return _classes(folder, LogisticRegression(), ["a", "b", "c"], None)


@species("onnx-no-zipmap")
def no_zipmap(folder: Path) -> Grown:
    """One tensor, zipmap off, whole-number labels with gaps."""
    return _classes(folder, make_pipeline(StandardScaler(), LogisticRegression()), [3, 9], False)


@species("onnx-zipmap-columns")
def zipmap_columns(folder: Path) -> Grown:
    """zipmap=columns makes one output per class, none of which is called probabilities."""
    model = LogisticRegression().fit(ROWS, classes(ROWS, ["a", "b"]))
    graph = to_onnx(model, ROWS[:1], options={"zipmap": "columns"})
    session = save(folder, graph)
    # For all rows at once, and for the first one alone: a product of matrices rounds by its shape.
    whole, alone = (
        labelled(found[0], np.column_stack(found[1:]), ["a", "b"])
        for found in (run(session, rows) for rows in (ASKED, ASKED[:1]))
    )
    return Grown("model.onnx", rows_of(ASKED.astype(float)), whole, alone)


@species("onnx-forest")
def forest(folder: Path) -> Grown:
    """A random forest of three classes."""
    return _classes(folder, RandomForestClassifier(5, random_state=0), ["x", "y", "z"], False)


@species("onnx-svm")
def svm(folder: Path) -> Grown:
    """A linear SVM, whose scores are no probabilities."""
    model = LinearSVC().fit(ROWS, classes(ROWS, ["n", "y"]))
    found = run(save(folder, to_onnx(model, ROWS[:1])))
    return Grown("model.onnx", rows_of(ASKED.astype(float)), labelled(found[0]))


@species("onnx-regressor")
def regressor(folder: Path) -> Grown:
    """A regressor of one tensor."""
    model = LinearRegression().fit(ROWS, values(ROWS))
    return _numbers(save(folder, to_onnx(model, ROWS[:1])))


@species("onnx-targets")
def targets(folder: Path) -> Grown:
    """A regressor of two targets."""
    model = LinearRegression().fit(ROWS, np.column_stack([values(ROWS), ROWS[:, 2]]))
    return _numbers(save(folder, to_onnx(model, ROWS[:1])))


@species("onnx-double")
def double(folder: Path) -> Grown:
    """Doubles in, doubles out."""
    rows = ROWS.astype(np.float64)
    model = LinearRegression().fit(rows, values(rows))
    found = run(save(folder, to_onnx(model, initial_types=[("X", DoubleTensorType([None, 4]))])), rows[:TEST])
    return Grown("model.onnx", rows_of(rows[:TEST]), valued(found[0]))


def _columns(session: Any, frame: Any, kinds: dict[str, Any]) -> Any:
    feed = {name: frame[[name]].to_numpy().astype(kind) for name, kind in kinds.items()}
    return session.run(None, feed)


@species("onnx-columns")
def columns(folder: Path) -> Grown:
    """One input per column: words, numbers and whole numbers."""
    rows = people("region", "age", "rooms")
    steps = make_column_transformer(
        (OneHotEncoder(), ["region"]), (StandardScaler(), ["age"]), (OneHotEncoder(), ["rooms"])
    )
    model = make_pipeline(steps, LogisticRegression()).fit(rows, old_or_young())
    kinds = [("region", StringTensorType), ("age", FloatTensorType), ("rooms", Int64TensorType)]
    graph = to_onnx(model, initial_types=[(name, kind([None, 1])) for name, kind in kinds])
    kinds_of = {"region": object, "age": np.float32, "rooms": np.int64}
    found = _columns(save(folder, graph), rows[:TEST], kinds_of)
    told, probabilities = _listed(found[1])
    return Grown("model.onnx", rows_of(rows[:TEST]), labelled(found[0], probabilities, told))


@species("onnx-text")
def text(folder: Path) -> Grown:
    """A text pipeline in ONNX, ASCII words."""
    said = [f"{'good' if i % 2 else 'bad'} film {i % 7}" for i in range(60)]
    model = make_pipeline(TfidfVectorizer(token_pattern="[a-z]+", lowercase=False), LogisticRegression()).fit(
        said, moods(60)
    )
    graph = to_onnx(model, initial_types=[("text", StringTensorType([None]))])
    session = save(folder, graph)
    asked = np.array([*said[:10], *[one for one in texts(6) if one.isascii()]], dtype=object)
    found = run(session, asked)
    told, probabilities = _listed(found[1])
    return Grown("model.onnx", [{"text": one} for one in asked.tolist()], labelled(found[0], probabilities, told))


@species("onnx-xgboost")
def converted_xgboost(folder: Path) -> Grown:
    """An XGBoost classifier converted by onnxmltools, with holes."""
    rows: Any = matrix(holes=True, seed=31).astype(np.float32)
    model = xgboost.XGBClassifier(n_estimators=5, max_depth=3).fit(rows, classes(rows, [0, 1, 2]))
    graph = onnxmltools.convert_xgboost(model, initial_types=[("x", PlainFloat([None, 4]))])
    for key, value in (("gateway.nullable", '["x0", "x1", "x2", "x3"]'),):
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, value
    found = run(save(folder, graph), rows[:TEST])
    sent = [{name: None if value is None else value for name, value in row.items()} for row in rows_of(rows[:TEST])]
    return Grown("model.onnx", sent, labelled(found[0], found[1], [0, 1, 2]))


@species("onnx-cluster")
def cluster(folder: Path) -> Grown:
    """k-means in ONNX answers a cluster and distances."""
    model = KMeans(3, n_init=2, random_state=0).fit(ROWS)
    found = run(save(folder, to_onnx(model, ROWS[:1])))
    return Grown("model.onnx", rows_of(ASKED.astype(float)), labelled(found[0]))


@species("onnx-outlier")
def outlier(folder: Path) -> Grown:
    """An isolation forest in ONNX answers labels that the graph does not list."""
    model = IsolationForest(n_estimators=5, random_state=0).fit(ROWS)
    graph = to_onnx(model, ROWS[:1], target_opset={"": 17, "ai.onnx.ml": 3})
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    return Grown("model.onnx", refused="unknown-labels", says="gateway.labels")


@species("onnx-worth")
def named_tensor(folder: Path) -> Grown:
    """One tensor whose columns the metadata names."""
    rows = people("age", "rooms").to_numpy(np.float32)
    graph = to_onnx(LinearRegression().fit(rows, worth()), rows[:1])
    entry = graph.metadata_props.add()
    entry.key, entry.value = "gateway.feature_names", '["age", "räume"]'
    found = run(save(folder, graph), rows[:TEST])
    sent = [{"age": float(a), "räume": float(b)} for a, b in rows[:TEST]]
    return Grown("model.onnx", sent, valued(found[0]))
