"""Files that want to run code: none of it runs, under no suffix, and the error says what the file is."""

import io
import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import all_estimators

from gateway.errors import ArtifactError, LoadError
from gateway.loaders import get_loader
from gateway.loaders.admission.allowed_names import ForbiddenGlobal, find
from gateway.loaders.admission.pickle_globals import pickle_imports
from gateway.loaders.base import LoadOptions

ALLOWING = LoadOptions(allow_pickle=True)


class Touch:
    """Create a file when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


def in_object_array(hostile: Touch) -> bytes:
    """Hide the object in the nested pickle that joblib writes for arrays of objects."""
    stream = io.BytesIO()
    joblib.dump({"weights": np.array([hostile, 1], dtype=object)}, stream)
    return stream.getvalue()


@pytest.mark.parametrize("suffix", [".pkl", ".joblib", ".skops", ".ubj", ".json", ".onnx", ".zip", ".mojo", ".stub"])
@pytest.mark.parametrize("wrap", ["plain", "protocol0", "zlib", "nested"])
@pytest.mark.parametrize("loader", ["sklearn", "xgboost", "onnx", "h2o_mojo", "stub"])
def test_a_hostile_pickle_never_runs(tmp_path: Path, loader: str, wrap: str, suffix: str) -> None:
    """os.system in a pickle is refused by every loader, whatever the file is called."""
    mark = tmp_path / "touched"
    data = {
        "plain": lambda: pickle.dumps(Touch(mark)),
        "protocol0": lambda: pickle.dumps(Touch(mark), protocol=0),
        "zlib": lambda: zlib.compress(pickle.dumps(Touch(mark))),
        "nested": lambda: in_object_array(Touch(mark)),
    }[wrap]()
    path = tmp_path / f"model{suffix}"
    path.write_bytes(data)
    with pytest.raises((ArtifactError, LoadError)) as error:
        get_loader(loader).load(path, ALLOWING)
    assert path.name in error.value.message
    if loader == "sklearn":
        assert error.value.code == "forbidden-pickle"
        assert "system" in error.value.message
        assert any(name.endswith(".system") for name in pickle_imports(path))
    assert not mark.exists()


def test_a_pickle_needs_the_opt_in(tmp_path: Path) -> None:
    """Even a harmless pickle is refused where the registry did not allow it."""
    path = tmp_path / "fine.pkl"
    path.write_bytes(pickle.dumps(LinearRegression().fit([[0], [1]], [0, 1])))
    with pytest.raises(ArtifactError) as error:
        get_loader("sklearn").load(path, LoadOptions())
    assert error.value.code == "pickle-refused"
    assert "sha256" in (error.value.hint or "")


def test_skops_with_foreign_types_names_them(tmp_path: Path) -> None:
    """A skops file that wants os.system is refused with that name."""
    path = tmp_path / "model.skops"
    skops.io.dump(FunctionTransformer(os.system), path)
    with pytest.raises(ArtifactError) as error:
        get_loader("sklearn").load(path, ALLOWING)
    assert error.value.code == "untrusted-types"
    assert "system" in error.value.message


def is_allowed(module: str, name: str) -> bool:
    """Say whether an artifact may name this part of a library."""
    try:
        find(module, name)
    except (ForbiddenGlobal, ImportError):
        return False
    return True


@pytest.mark.parametrize("pair", [("os", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("numpy", "load")])
def test_dangerous_globals_are_not_on_the_list(pair: tuple[str, str]) -> None:
    """Nothing that runs code or reads files is admitted, under its own name or a moved one."""
    assert not is_allowed(*pair)
    assert not is_allowed("numpy", "ndarray.tofile")


def test_every_estimator_is_on_the_list() -> None:
    """All of scikit-learn's own estimators may be named."""
    missing = [name for name, found in all_estimators() if not is_allowed(found.__module__, found.__name__)]
    assert missing == []


def test_old_module_paths_are_followed(tmp_path: Path) -> None:
    """A pickle that names sklearn.preprocessing.label or numpy.core, as old ones do, finds today's classes."""
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    data = pickle.dumps(model, protocol=0).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    path = tmp_path / "old.pkl"
    path.write_bytes(data.replace(b"sklearn.linear_model._base", b"sklearn.linear_model.base"))
    found = get_loader("sklearn").load(path, ALLOWING).predict([np.array([0.5])])
    assert found.values.tolist() == model.predict([[0.5]]).tolist()


def test_listing_imports_executes_nothing(tmp_path: Path) -> None:
    """`pickle_imports` names every global of a compressed joblib file, arrays included."""
    path = tmp_path / "forest.joblib"
    joblib.dump(RandomForestRegressor(2).fit([[0], [1]], [0, 1]), path, compress=3)
    found = pickle_imports(path)
    assert "sklearn.tree._tree.Tree" in found
    assert "numpy.ndarray" in found


@pytest.mark.parametrize("kind", [HistGradientBoostingRegressor, RandomForestRegressor])
def test_trees_that_point_outside_their_table_are_refused(tmp_path: Path, kind: Any) -> None:
    """A crafted tree, which scikit-learn would follow into foreign memory, does not load."""
    rows = np.arange(200.0).reshape(-1, 2)
    model = kind(random_state=0).fit(rows, rows[:, 0])
    if kind is HistGradientBoostingRegressor:
        model._predictors[0][0].nodes["feature_idx"] = 7_000_000
    else:
        model.estimators_[0].tree_.feature[:1] = 7_000_000
    path = tmp_path / "crafted.skops"
    skops.io.dump(model, path)
    with pytest.raises(ArtifactError) as error:
        get_loader("sklearn").load(path, LoadOptions())
    assert error.value.code == "broken-artifact"


def test_a_renamed_zip_is_no_mojo(tmp_path: Path) -> None:
    """An archive without model.ini is named as such."""
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ArtifactError) as error:
        get_loader("h2o_mojo").describe(path, LoadOptions())
    assert "model.ini" in error.value.message
