"""What an artifact answers is answered whole, or refused by name; what it says it holds is there."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info

from gateway.answers.answer import Answer, AnswerContext
from gateway.answers.leaves import leaf_columns, leaves_of
from gateway.answers.own_answer import own_rows, own_tensors
from gateway.errors import ArtifactError, LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.mojo_file import read_mojo
from gateway.registry.load_options import load_options
from gateway.registry.merge import merge_signature
from gateway.registry.spec import OutputKeys, RouteSpec
from gateway.schema import Batch

MOJOS = Path(__file__).resolve().parents[1] / "mojos"
PLAIN = LoadOptions()


def graph(path: Path, nodes: list[onnx.NodeProto], *outputs: tuple[str, int, list[int | None]]) -> Path:
    """Write a graph of two numbers `x`, with these nodes and outputs (name, element type, shape)."""
    told = [make_tensor_value_info(*output) for output in outputs]
    rows = make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])
    made = make_model(make_graph(nodes, "g", [rows], told), opset_imports=[make_opsetid("", 17)], ir_version=8)
    onnx.save(made, path)
    return path


def two_regressions(path: Path) -> Path:
    """Answer the sum of a row, and its mean."""
    nodes = [
        make_node("ReduceSum", ["x", "axes"], ["price"]),
        make_node("ReduceMean", ["x"], ["range"], axes=[1]),
    ]
    nodes.insert(0, make_node("Constant", [], ["axes"], value_ints=[1]))
    return graph(path, nodes, ("price", TensorProto.FLOAT, [None, 1]), ("range", TensorProto.FLOAT, [None, 1]))


def a_cube(path: Path) -> Path:
    """Answer a table for each row."""
    nodes = [
        make_node("Constant", [], ["shape"], value_ints=[-1, 2, 1]),
        make_node("Reshape", ["x", "shape"], ["steps"]),
    ]
    return graph(path, nodes, ("steps", TensorProto.FLOAT, [None, 2, 1]))


def a_label_of_two(path: Path) -> Path:
    """Answer two labels for each row."""
    return graph(
        path, [make_node("Cast", ["x"], ["label"], to=TensorProto.INT64)], ("label", TensorProto.INT64, [None, 2])
    )


def a_label_and_more(path: Path) -> Path:
    """Answer a label, probabilities, and an embedding beside them."""
    nodes = [
        make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
        make_node("Softmax", ["x"], ["probabilities"], axis=1),
        make_node("Identity", ["x"], ["embedding"]),
    ]
    return graph(
        path,
        nodes,
        ("label", TensorProto.INT64, [None]),
        ("probabilities", TensorProto.FLOAT, [None, 2]),
        ("embedding", TensorProto.FLOAT, [None, 2]),
    )


def scores_before_the_label(path: Path) -> Path:
    """Answer probabilities first and the label behind them."""
    nodes = [make_node("Softmax", ["x"], ["p"], axis=1), make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0)]
    return graph(path, nodes, ("p", TensorProto.FLOAT, [None, 2]), ("label", TensorProto.INT64, [None]))


def a_sum_of_all_rows(path: Path) -> Path:
    """Answer a table for each row, one number for all rows, and the mean of each row."""
    nodes = [
        make_node("Constant", [], ["shape"], value_ints=[-1, 2, 1]),
        make_node("Reshape", ["x", "shape"], ["steps"]),
        make_node("ReduceSum", ["x"], ["total"], keepdims=1),
        make_node("ReduceMean", ["x"], ["mean"], axes=[1]),
    ]
    return graph(
        path,
        nodes,
        ("steps", TensorProto.FLOAT, [None, 2, 1]),
        ("total", TensorProto.FLOAT, [1, 1]),
        ("mean", TensorProto.FLOAT, [None, 1]),
    )


X = [np.array([1.0, 5.0]), np.array([2.0, 1.0])]


@pytest.mark.parametrize(
    ("make", "want"),
    [
        (two_regressions, {"price": [3.0, 6.0], "range": [1.5, 3.0]}),
        (a_label_of_two, {"y0": [1, 5], "y1": [2, 1]}),
        (
            a_label_and_more,
            {
                "label": [1, 0],
                "probabilities": [[0.268941, 0.731059], [0.982014, 0.017986]],
                "embedding": [[1, 2], [5, 1]],
            },
        ),
        (scores_before_the_label, {"p": [[0.268941, 0.731059], [0.982014, 0.017986]], "label": [1, 0]}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_several_outputs_are_answered_by_name(
    tmp_path: Path, make: Callable[[Path], Path], want: dict[str, list[Any]]
) -> None:
    """A row and a batch hold what ONNX Runtime answers, as the default answer and as columns of a table."""
    found = get_loader("onnx").load(make(tmp_path / "model.onnx"), PLAIN)
    answer = Answer(found.signature)
    for size in (1, 2):
        columns = [column[:size] for column in X]
        rows = answer(Batch(columns, size), found.predict(columns), AnswerContext())
        for name, values in want.items():
            assert [pytest.approx(row["prediction"][name], abs=1e-6) for row in rows] == values[:size]
        for leaf, cells in zip(leaves := leaves_of(found.signature), leaf_columns(leaves, rows), strict=True):
            assert None not in cells, leaf
        assert list(rows[0]["prediction"]) == list(want)


@pytest.mark.parametrize("make", [a_cube, a_sum_of_all_rows], ids=lambda make: make.__name__)
def test_an_output_that_is_no_row_for_each_instance_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """It is named with its shape, and those that fit are not."""
    with pytest.raises(LoadError) as error:
        get_loader("onnx").load(make(tmp_path / "model.onnx"), PLAIN)
    assert error.value.code == "partial-answer"
    assert "'steps' (tensor(float) of shape [3, 2, 1]) holds a table" in error.value.message
    assert "mean" not in error.value.message
    assert ("'total' (tensor(float) of shape [1, 1]) does not hold" in error.value.message) == (
        make is a_sum_of_all_rows
    )


def test_the_fix_of_a_graph_with_an_output_that_does_not_fit_works(tmp_path: Path) -> None:
    """What the hint names is answered alone: `outputs: {use: [...]}` reaches the loader."""
    path = a_sum_of_all_rows(tmp_path / "model.onnx")
    with pytest.raises(LoadError) as error:
        get_loader("onnx").load(path, PLAIN)
    assert 'outputs: {use: ["mean"]} in the registry' in (error.value.hint or "")
    spec = RouteSpec(path="/x", name="x", artifact="m.onnx", loader="onnx", outputs=OutputKeys(use=("mean",)))
    found = get_loader("onnx").load(path, load_options(spec, None, tmp_path))
    merged = merge_signature(found.signature, spec)
    assert Answer(merged)(Batch(X, 2), found.predict(X), AnswerContext()) == [
        {"prediction": {"mean": 1.5}},
        {"prediction": {"mean": 3.0}},
    ]


def test_invocations_answer_several_outputs_as_mlflow_does(tmp_path: Path) -> None:
    """A data frame gets a record per row, a tensor each output whole; names and choice of the registry keep to it."""
    path = two_regressions(tmp_path / "model.onnx")
    found = get_loader("onnx").load(path, PLAIN)
    batch, predictions = Batch(X, 2), found.predict(X)
    assert own_rows(found.signature)(batch, predictions, AnswerContext()) == [
        {"price": 3.0, "range": 1.5},
        {"price": 6.0, "range": 3.0},
    ]
    tensors = own_tensors(found.signature)(batch, predictions, AnswerContext())
    assert tensors == {"price": [[3.0], [6.0]], "range": [[1.5], [3.0]]}
    keys = OutputKeys(names=("p", "r"), use=("r",))
    merged = merge_signature(found.signature, RouteSpec(path="/x", name="x", artifact="m", loader="onnx", outputs=keys))
    assert own_rows(merged)(batch, predictions, AnswerContext()) == [{"range": 1.5}, {"range": 3.0}]


def test_scores_that_are_no_probabilities_can_be_asked_for_by_name(tmp_path: Path) -> None:
    """A label is answered alone, with a warning that names the way to both."""
    nodes = [make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0), make_node("Identity", ["x"], ["scores"])]
    scores = ("scores", TensorProto.FLOAT, [None, 2])
    path = graph(tmp_path / "model.onnx", nodes, ("label", TensorProto.INT64, [None]), scores)
    assert 'outputs: {use: ["label", "scores"]}' in getattr(get_loader("onnx").load(path, PLAIN), "warnings", ("",))[0]
    found = get_loader("onnx").load(path, LoadOptions(outputs=("label", "scores")))
    assert found.predict(X).values.tolist() == [[1, [1.0, 2.0]], [0, [5.0, 1.0]]]


def test_external_data_of_a_branch_is_refused(tmp_path: Path) -> None:
    """A tensor that a node carries may not lie outside the file either."""
    path = two_regressions(tmp_path / "model.onnx")
    model = onnx.load(path)
    tensor = onnx.numpy_helper.from_array(np.ones((1,), np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    model.graph.node.append(make_node("Constant", [], ["w"], value=tensor))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactError) as error:
        get_loader("onnx").load(path, PLAIN)
    assert error.value.code == "external-data"


def without(source: Path, target: Path, is_dropped: Callable[[str], bool]) -> Path:
    """Copy a MOJO without some of its members."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if not is_dropped(name):
                new.writestr(name, old.read(name))
    return target


#: Members that a MOJO carries for people.
UNUSED = re.compile(r"(^|/)experimental/")


def test_no_part_of_a_mojo_may_be_missing(tmp_path: Path) -> None:
    """Whatever single file is taken out, the refusal names it; only notes for people may be gone."""
    source = MOJOS / "loan" / "model.zip"
    with zipfile.ZipFile(source) as archive:
        members = archive.namelist()
    # Every kind of part, not each of 280: the first and the last tree of each model, and all else.
    dropped = [one for one in members if "/trees/" not in one or re.search(r"_(000|001)(_aux)?\.bin$", one)]
    served = []
    for member in dropped:
        path = without(source, tmp_path / "model.zip", lambda one, member=member: one == member)  # type: ignore[misc]
        try:
            get_loader("h2o_mojo").describe(path, PLAIN)
            served.append(member)
        except (ArtifactError, LoadError) as error:
            assert member.rpartition("/")[2] in error.message, error.message
    assert [one for one in served if not UNUSED.search(one)] == []


def test_a_mojo_without_its_trees_names_the_first_that_are_missing(tmp_path: Path) -> None:
    """Without its trees a GBM would answer one constant; the refusal names the first few."""
    path = without(MOJOS / "loan" / "model.zip", tmp_path / "model.zip", lambda one: "/trees/" in one)
    with pytest.raises(ArtifactError) as error:
        get_loader("h2o_mojo").describe(path, PLAIN)
    assert error.value.code == "missing-parts"
    assert re.search(r"trees/t00_000\.bin.* and more$", error.value.message)


@pytest.mark.parametrize(
    ("line", "told"),
    [("category = AnomalyDetection", "mean_length"), ("calib_method = platt", "cal_"), ("calib_method = null", "")],
)
def test_what_h2o_answers_beside_it_is_told(tmp_path: Path, line: str, told: str) -> None:
    """A path length and calibrated probabilities, which are not answered, are named in the warnings of the route."""
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(MOJOS / "loan" / "model.zip") as whole, zipfile.ZipFile(path, "w") as edited:
        for name in whole.namelist():
            text = whole.read(name)
            if name == "model.ini":
                text = re.sub(rb"(?m)^category = .*$", b"\\g<0>" if "calib" in line else b"", text)
                text = text.replace(b"[info]\n", f"[info]\n{line}\n".encode())
            edited.writestr(name, text)
    left_out = read_mojo(path).left_out
    assert told in left_out
    assert bool(left_out) == bool(told)
