"""
MLflow folders as MLflow 1, 2 and 3 write them: served by the loader of their flavour, or refused by name.

mlflow itself is not installed beside the gateway; the descriptions here are laid out as its releases write them.
"""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
import xgboost
import yaml
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression, LogisticRegression

from gateway.errors import GatewayError, LoadError, RegistryError
from gateway.loaders import get_loader, unknown
from gateway.loaders.base import LoadOptions
from gateway.loaders.mlflow_folder import read_folder
from gateway.loaders.sniffing import sniff
from gateway.loaders.unknown_kinds import Foreign
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.add import add_route
from gateway.registry.load import load_registry

ROWS = np.random.default_rng(5).normal(size=(60, 2)).round(2)
TRUTH = (ROWS[:, 0] > 0).astype(int)
VALUES = ROWS @ [2.0, -1.0]
NAMES = ["age", "größe"]


def columns(*types: str, names: Any = NAMES) -> str:
    """Return a part of a signature as MLflow 2 and 3 write it."""
    return json.dumps([{"type": kind, "name": name, "required": True} for kind, name in zip(types, names, strict=True)])


def tensor(width: int) -> str:
    """Return the inputs of a model that was trained on an array."""
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, width]}}])


def described(folder: Path, flavours: dict[str, Any], **more: Any) -> Path:
    """Write MLmodel."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": flavours, **more}))
    return folder


def in_sklearn(folder: Path, model: Any, name: str = "model.skops", **more: Any) -> Path:
    """Write a folder of the flavour sklearn, as a skops file or a pickle."""
    form = "skops" if name.endswith(".skops") else "cloudpickle"
    keys = {"pickled_model": name, "serialization_format": form, "sklearn_version": "1.9.1"}
    pyfunc = {"loader_module": "mlflow.sklearn", "model_path": name, "predict_fn": "predict"}
    described(folder, {"python_function": pyfunc | more.pop("pyfunc", {}), "sklearn": keys}, **more)
    if form == "skops":
        skops.io.dump(model, folder / name)
    else:
        (folder / name).write_bytes(pickle.dumps(model))
    return folder


def line() -> Any:
    """Return a model that was trained without names."""
    return LinearRegression().fit(ROWS, VALUES)


def load(folder: Path, *, allow_pickle: bool = False) -> Any:
    """Load a folder by the loader that is found for it."""
    (name,) = sniff(folder, folder.name)
    return get_loader(name).load(folder, LoadOptions(allow_pickle=allow_pickle))


def answers(predictor: Any) -> Any:
    """Return the values for the rows."""
    return predictor.predict([ROWS[:, 0], ROWS[:, 1]]).values


def _skops(folder: Path) -> Any:
    in_sklearn(folder, line())
    return VALUES


def _pickle(folder: Path) -> Any:
    in_sklearn(folder, line(), "model.pkl")
    return VALUES


def _only_pyfunc(folder: Path) -> Any:
    described(folder, {"python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.skops"}})
    skops.io.dump(line(), folder / "model.skops")
    return VALUES


def _xgboost(folder: Path) -> Any:
    keys = {"data": "model.ubj", "model_class": "xgboost.sklearn.XGBRegressor", "model_format": "ubj"}
    described(folder, {"xgboost": keys, "python_function": {"loader_module": "mlflow.xgboost", "data": "model.ubj"}})
    model = xgboost.XGBRegressor(n_estimators=3).fit(ROWS, VALUES)
    model.save_model(folder / "model.ubj")
    return model.predict(ROWS)


def _onnx(folder: Path) -> Any:
    described(folder, {"onnx": {"data": "model.onnx", "providers": ["CPUExecutionProvider"]}})
    (folder / "model.onnx").write_bytes(to_onnx(line(), ROWS[:1].astype(np.float32)).SerializeToString())
    return VALUES


def _catboost(folder: Path) -> Any:
    catboost = pytest.importorskip("catboost", reason="catboost is not installed here (catboost)")
    described(folder, {"catboost": {"data": "model.cb", "model_type": "CatBoostRegressor", "save_format": "cbm"}})
    model = catboost.CatBoostRegressor(3, verbose=0, allow_writing_files=False).fit(ROWS, VALUES)
    model.save_model(folder / "model.cb")
    return model.predict(ROWS)


@pytest.mark.parametrize("write", [_skops, _pickle, _only_pyfunc, _xgboost, _onnx, _catboost])
def test_a_flavour_is_served_by_the_loader_of_its_file(write: Callable[[Path], Any], tmp_path: Path) -> None:
    """A folder answers what the model in it answers, whatever the file is called."""
    expected = write(tmp_path / "model")
    assert np.allclose(answers(load(tmp_path / "model", allow_pickle=True)), expected, rtol=1e-5, atol=1e-5)


def test_the_signature_names_what_the_model_does_not(tmp_path: Path) -> None:
    """Names, examples and the meaning of true and false come from MLflow where the model knows none."""
    signature = {"inputs": columns("double", "boolean"), "outputs": tensor(1)}
    example = {"artifact_path": "input_example.json", "pandas_orient": "split", "type": "dataframe"}
    folder = in_sklearn(tmp_path / "model", line(), signature=signature, saved_input_example_info=example)
    (folder / "input_example.json").write_text(json.dumps({"columns": NAMES, "data": [[41.0, 1], [2.0, 0]]}))
    age, size = load(folder).signature.inputs
    assert ([age.name, size.name], age.examples) == (NAMES, (41.0,))
    assert (age.booleans_as_numbers, size.booleans_as_numbers) == (False, True)
    assert load(folder).signature.names_known


def test_the_first_layouts_are_read(tmp_path: Path) -> None:
    """MLflow 1 wrote neither its version nor `required`, and names behind types; an array has no names."""
    inputs = json.dumps([{"name": name, "type": "double"} for name in NAMES])
    folder = in_sklearn(tmp_path / "frame", line(), signature={"inputs": inputs, "outputs": tensor(1)})
    assert load(folder).signature.names == tuple(NAMES)
    folder = in_sklearn(tmp_path / "array", line(), signature={"inputs": tensor(2)}, model_uuid="1f3a")
    assert load(folder).signature.names == ("x0", "x1")
    assert not load(folder).signature.names_known


def _named() -> Any:
    xgb = xgboost.DMatrix(ROWS, VALUES, feature_names=["a", "b"])
    return xgboost.train({"max_depth": 2}, xgb, 2)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (columns("double", names=["age"]), "1 columns, the model takes 2"),
        (tensor(3), "3 columns, the model takes 2"),
        (columns("string", "double"), "text in 'age'"),
    ],
)
def test_a_signature_of_another_model_is_refused(inputs: str, says: str, tmp_path: Path) -> None:
    """A contradiction names both sides; the file by itself is served, as the fix says."""
    folder = in_sklearn(tmp_path / "model", line(), signature={"inputs": inputs})
    with pytest.raises(LoadError) as error:
        load(folder)
    assert (error.value.code, says in error.value.message) == ("mlflow-signature", True)
    assert np.allclose(answers(load(folder / "model.skops")), VALUES)


def test_names_that_the_model_knows_otherwise_are_refused(tmp_path: Path) -> None:
    """Names are compared where the model has its own."""
    folder = described(
        tmp_path / "model", {"xgboost": {"data": "m.ubj"}}, signature={"inputs": columns("double", "double")}
    )
    _named().save_model(folder / "m.ubj")
    with pytest.raises(LoadError, match="age and größe, the model takes a and b"):
        load(folder)


def test_own_answers_are_those_of_the_flavour(tmp_path: Path) -> None:
    """What MLflow's own predict answers follows the flavour: a booster's probabilities, predict_proba, labels."""
    model = xgboost.XGBClassifier(n_estimators=2).fit(ROWS, TRUTH)
    for name, keys in (("wrapper", {"model_class": "xgboost.sklearn.XGBClassifier"}), ("booster", {})):
        folder = described(tmp_path / name, {"xgboost": {"data": "model.ubj", **keys}})
        model.save_model(folder / "model.ubj")
    assert load(tmp_path / "wrapper").signature.output.own == "value"
    assert load(tmp_path / "booster").signature.output.own == "probability"
    classifier = LogisticRegression().fit(ROWS, TRUTH)
    asked = {name: {"predict_fn": name} for name in ("predict_proba", "decision_function")}
    for name, pyfunc in asked.items():
        in_sklearn(tmp_path / name, classifier, pyfunc=pyfunc)
    assert load(tmp_path / "predict_proba").signature.output.own == "probabilities"
    assert "decision_function" in load(tmp_path / "decision_function").signature.output.own_differs


@pytest.mark.parametrize(
    ("flavours", "what"),
    [
        ({"python_function": {"loader_module": "mlflow.pyfunc.model", "python_model": "m.pkl"}}, "PythonModel"),
        ({"python_function": {"loader_module": "mymod", "data": "data"}}, "module mymod"),
        ({"langchain": {}, "python_function": {"loader_module": "mlflow.langchain"}}, "flavour langchain"),
        ({"tensorflow": {}, "keras": {}}, "flavour keras"),
        ({"h2o": {"data": "model.h2o"}}, "flavour h2o"),
        ({}, "names no flavour"),
    ],
)
def test_other_flavours_are_refused_by_name(flavours: dict[str, Any], what: str, tmp_path: Path) -> None:
    """What no loader takes is named with a way in; no loader is guessed."""
    folder = described(tmp_path / "model", flavours)
    assert sniff(folder, "model") == ()
    error = unknown(folder, "model")
    assert what in error.message
    assert error.hint


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghij", "bcdefghijk", strict=True))

MERGED = "a: &a {x: 1}\n" + "".join(
    f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 9)}]}}\n" for a, b in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        "flavors: {sklearn: {pickled_model: ../outside.skops}}",
        "flavors: {sklearn: {pickled_model: sub/../../outside.skops}}",
        "flavors: {sklearn: {pickled_model: OUTSIDE}}",
        "flavors: {sklearn: {pickled_model: link.skops}}",
        'flavors: {sklearn: {pickled_model: "a\\0b"}}',
        "flavors: {sklearn: {pickled_model: [1]}}",
        "flavors: {sklearn: {pickled_model: .}}",
        "flavors: !!python/object/apply:os.system [touch acted]",
        "flavors: [sklearn]",
        "just text",
        "[" * 5_000,
        "x" * (1 << 20) + "y",
        "flavors: &f {sklearn: *f}",
        BOMB,
        MERGED,
        f"flavors: {{python_function: {{loader_module: {':'.join(['59'] * 5_000)}}}}}",
    ],
)
def test_a_hostile_description_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No path leads out of the folder, nothing is constructed or executed, and what it is costs no time."""
    monkeypatch.chdir(tmp_path)
    skops.io.dump(line(), tmp_path / "outside.skops")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "sub").mkdir()
    (folder / "link.skops").symlink_to(tmp_path / "outside.skops")
    (folder / "MLmodel").write_text(text.replace("OUTSIDE", str(tmp_path / "outside.skops")))
    found = read_folder(folder)
    assert isinstance(found, Foreign)
    assert len(found.what) < 500
    assert sniff(folder, "model") == ()
    assert unknown(folder, "model").hint
    assert not (tmp_path / "acted").exists()


def test_a_pickle_in_a_folder_needs_the_opt_in_and_the_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry tells the keys to add; added with them it is served, and another file in the folder breaks the pin."""
    monkeypatch.chdir(tmp_path)
    folder = in_sklearn(tmp_path / "model", line(), "model.pkl")
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes:\n  /x: model\n")
    with pytest.raises(RegistryError) as error:
        load_registry(tmp_path / "registry.yaml", files=True)
    assert "allow_pickle: true" in error.value.text
    (tmp_path / "registry.yaml").unlink()
    with pytest.raises(GatewayError, match="is a pickle"):
        add_route(tmp_path / "registry.yaml", ["model"], "/x")
    add_route(tmp_path / "registry.yaml", ["model"], "/x", allow_pickle=True)
    assert load_registry(tmp_path / "registry.yaml", files=True).routes[0].loader == "sklearn"
    (folder / "requirements.txt").write_text("mlflow==3.17.2\n")
    with pytest.raises(RegistryError) as error:
        load_registry(tmp_path / "registry.yaml", files=True)
    assert "does not have the pinned sha256" in error.value.text


def test_the_whole_folder_is_kept_and_its_model_compiled(tmp_path: Path) -> None:
    """A folder is copied, hashed and compiled as a file is, under the names of its signature."""
    in_sklearn(tmp_path / "model", line(), signature={"inputs": columns("double", "double")})
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes:\n  /x: model\n")
    spec = load_registry(tmp_path / "registry.yaml", files=True)
    found = prepare_registry(spec, tmp_path / "cache", PrepareLimits())["x"]
    assert found.problem is None
    assert found.artifact is not None
    assert found.signature is not None
    assert sorted(path.name for path in Path(found.artifact.path).iterdir()) == ["MLmodel", "model.skops"]
    assert found.signature.names == tuple(NAMES)
    assert found.compiled is not None


def test_a_folder_above_names_those_inside(tmp_path: Path) -> None:
    """The folder of a run is not the folder of its model."""
    in_sklearn(tmp_path / "run" / "artifacts" / "model", line())
    error = unknown(tmp_path / "run", "run")
    assert str(tmp_path / "run" / "artifacts" / "model") in (error.hint or "")
    assert sniff(tmp_path / "run" / "artifacts" / "model", "model") == ("sklearn",)
