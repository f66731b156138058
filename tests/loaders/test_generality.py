"""What the zoo brought to light: artifacts that were refused, or would have been answered wrongly, without need."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction import FeatureHasher
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from gateway.errors import ArtifactError, LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import Predictor, make_column


def load(path: Path, model: Any) -> Predictor:
    """Save a model as skops, or with joblib by the suffix, and load it as the gateway does."""
    if path.suffix == ".skops":
        skops.io.dump(model, path)
    else:
        pd.to_pickle(model, path)
    return get_loader("sklearn").load(path, LoadOptions(allow_pickle=path.suffix == ".pkl"))


@pytest.mark.parametrize("suffix", [".skops", ".pkl"])
def test_boosting_tells_its_categories(tmp_path: Path, suffix: str) -> None:
    """HistGradientBoosting on pandas categories has their levels as inputs, takes holes, and answers alike."""
    rows = pd.DataFrame({"kind": pd.Categorical(["a", "b", None, "c"] * 20), "size": np.arange(80.0)})
    model = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=4).fit(rows, rows.kind.cat.codes * 5)
    found = load(tmp_path / f"model{suffix}", model)
    assert found.signature.inputs[0].enum == ("a", "b", "c")
    assert all(field.nullable for field in found.signature.inputs)
    columns = [make_column("string", ["c", float("nan"), "a"]), make_column("number", [1, 2, float("nan")])]
    asked = pd.DataFrame({"kind": pd.Categorical(["c", None, "a"], rows.kind.cat.categories), "size": [1, 2, np.nan]})
    assert found.predict(columns).values.tolist() == model.predict(asked).tolist()


def test_a_passed_column_may_have_holes(tmp_path: Path) -> None:
    """`remainder="passthrough"` hands missing values on to a model that takes them."""
    rows = pd.DataFrame({"kind": ["a", "b"] * 20, "size": np.arange(40.0)})
    steps = make_column_transformer((OrdinalEncoder(), ["kind"]), remainder="passthrough")
    found = load(
        tmp_path / "model.skops", make_pipeline(steps, HistGradientBoostingRegressor()).fit(rows, rows["size"])
    )
    assert {field.name: field.nullable for field in found.signature.inputs} == {"kind": False, "size": True}


def test_an_isotonic_regression_has_one_input(tmp_path: Path) -> None:
    """IsotonicRegression counts no features; it has one."""
    model = IsotonicRegression(out_of_bounds="clip").fit([1.0, 2.0, 3.0], [1.0, 4.0, 9.0])
    found = load(tmp_path / "model.skops", model)
    assert found.signature.names == ("x0",)
    assert found.predict([np.array([1.5, 9.0])]).values.tolist() == model.predict([1.5, 9.0]).tolist()


def test_hashed_dictionaries_are_refused_by_name(tmp_path: Path) -> None:
    """A FeatureHasher keeps no names, so there is no signature: the refusal says so."""
    model = make_pipeline(FeatureHasher(8), LinearRegression()).fit([{"a": 1.0}, {"a": 2.0}], [1.0, 2.0])
    with pytest.raises(LoadError) as error:
        load(tmp_path / "model.skops", model)
    assert error.value.code == "unknown-inputs"
    assert "FeatureHasher" in error.value.message


def graph(rows: int) -> bytes:
    """Return a graph that doubles two columns of a fixed number of rows."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, 2]) for name in "xy"]
    made = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", ends[:1], ends[1:])
    return bytes(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString())


def test_a_graph_for_one_row_answers_batches(tmp_path: Path) -> None:
    """A graph exported for exactly one row is asked row by row."""
    (tmp_path / "one.onnx").write_bytes(graph(1))
    found = get_loader("onnx").load(tmp_path / "one.onnx", LoadOptions())
    values = found.predict([np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])]).values
    assert values.tolist() == [[2.0, 8.0], [4.0, 10.0], [6.0, 12.0]]


def test_a_graph_for_eight_rows_is_refused(tmp_path: Path) -> None:
    """A graph that takes exactly eight rows at a time cannot answer one."""
    (tmp_path / "eight.onnx").write_bytes(graph(8))
    with pytest.raises(LoadError) as error:
        get_loader("onnx").load(tmp_path / "eight.onnx", LoadOptions())
    assert error.value.code == "unsupported-model"
    assert "8 rows" in error.value.message


@pytest.mark.parametrize(
    ("name", "member", "loader"), [("m.skops", "schema.json", "sklearn"), ("m.zip", "model.ini", "h2o_mojo")]
)
def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, name: str, member: str, loader: str) -> None:
    """An archive that unpacks to far more than any model is refused by its table of contents."""
    packed = zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with packed as archive, archive.open(member, "w") as out:
        for _ in range(5):
            out.write(bytes(64 * 1024 * 1024))
    with pytest.raises(ArtifactError) as error:
        get_loader(loader).load(tmp_path / name, LoadOptions())
    assert error.value.code == "too-large-inside"
