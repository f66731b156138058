"""What a pickle or an MLflow folder would run beyond models is named before another process reads it."""

import pickle
from pathlib import Path

import pytest
from sklearn.linear_model import LinearRegression

from gateway.loaders.admission.needed_code import needed_code, own_modules


def test_a_model_of_a_library_needs_no_code(tmp_path: Path) -> None:
    """Whatever the readers here would admit."""
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])))
    assert needed_code(tmp_path / "model.pkl") == []


@pytest.mark.parametrize(
    "name", ["os\nsystem", "builtins\neval", "preprocess\nCleaner", "__main__\nCleaner", "numpy\nload"]
)
def test_all_else_is_named(tmp_path: Path, name: str) -> None:
    """Also where the pickle lies in a folder, under any name."""
    data = b"\x80\x02c" + name.encode() + b"\n."
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "part.bin").write_bytes(data)
    assert needed_code(tmp_path) == [name.replace("\n", ".")]


def test_files_are_proposed_for_modules_of_ones_own() -> None:
    """Not for `__main__`, whose file nobody knows, and not for packages."""
    assert own_modules(["__main__.Cleaner", "preprocess.Cleaner", "package.module.Cleaner"]) == ["preprocess.py"]


@pytest.mark.parametrize(
    ("module", "found"), [("mlflow.sklearn", []), ("mlflow.pyfunc.model", ["mlflow.pyfunc.model"]), ("own", ["own"])]
)
def test_the_loader_of_an_mlflow_folder_is_code(tmp_path: Path, module: str, found: list[str]) -> None:
    """One of the folder's own, or of Python functions, runs what it likes."""
    (tmp_path / "MLmodel").write_text(f"flavors:\n  python_function:\n    loader_module: {module}\n")
    assert needed_code(tmp_path) == found
