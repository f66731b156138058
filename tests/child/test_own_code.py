"""Models of code of the user's own: classes of a notebook, files that lie beside, and what is missing, by name."""

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from child.child_servers import loaded_here, serving
from gateway.child import main_names
from gateway.child.faults import LoadError
from gateway.child.schema import Field

NOTEBOOK = """
import pickle
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

class Doubler(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self
    def transform(self, X):
        return 2 * np.asarray(X)

class Columns:
    def fit(self, frame, y=None):
        return self
    def transform(self, frame):
        return frame[["b", "a"]].to_numpy()

class Scale:
    n_features_in_ = 2
    def predict(self, rows):
        return rows @ np.array([1.0, 10.0])

if __name__ == "__main__":
    X = np.arange(20.0).reshape(10, 2)
    model = make_pipeline(Doubler(), LinearRegression()).fit(X, X[:, 0] - X[:, 1] / 7)
    pickle.dump(model, open("pipeline.pkl", "wb"))
    import pandas as pd
    frame = pd.DataFrame(X, columns=["a", "b"])
    pickle.dump(make_pipeline(Columns(), LinearRegression()).fit(frame, frame.b), open("untold.pkl", "wb"))
    pickle.dump(Scale(), open("own.pkl", "wb"))
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """Return a folder with a script, and what it pickled while it was `__main__`."""
    (tmp_path / "notebook.py").write_text(NOTEBOOK)
    subprocess.run([sys.executable, "notebook.py"], cwd=tmp_path, check=True)
    return tmp_path


def test_classes_of_a_notebook_are_found_in_the_file_that_has_them(notebook: Path) -> None:
    """A pipeline with a step of `__main__`: served where the file is named, and a fault with the name where it is not."""
    pytest.importorskip("sklearn")
    with serving(notebook / "pipeline.pkl", main_modules=[str(notebook / "notebook.py")]) as child:
        assert child.ready().status == 200
        found = child.predict([np.array([3.0]), np.array([4.0])])
        assert found.values[0] == pytest.approx(3.0 - 4.0 / 7)
    with serving(notebook / "pipeline.pkl") as child:
        answer = child.ready()
        assert (answer.status, answer.json["code"]) == (503, "child-load")
        assert "'Doubler'" in answer.json["error"]
        assert "files:" in answer.json["hint"]
    # A class of no framework, which tells only how many columns it takes; the registry may name them.
    for inputs, names in [((), ["x0", "x1"]), ((Field(name="a"), Field(name="b")), ["a", "b"])]:
        model = loaded_here(notebook / "own.pkl", main_modules=(str(notebook / "notebook.py"),), inputs=inputs)
        assert [one.name for one in model.signature.inputs] == names
        assert model.predict([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).values.tolist() == [31.0, 42.0]

    # A pipeline whose first step tells nothing: the registry has to.
    untold, modules = notebook / "untold.pkl", (str(notebook / "notebook.py"),)
    with pytest.raises(LoadError, match="does not tell how many columns") as refused:
        loaded_here(untold, main_modules=modules)
    assert "`inputs: {age: {type: number}}`" in refused.value.hint
    model = loaded_here(untold, main_modules=modules, inputs=(Field(name="a"), Field(name="b")))
    assert model.predict([np.array([2.0]), np.array([3.0])]).values == pytest.approx([3.0])


def test_a_class_is_one_class_under_both_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`__main__.X` and `preprocess_own.X` are the same object, and the file is run when a name is first looked for."""
    (tmp_path / "preprocess_own.py").write_text("print('runs')\nclass X:\n    pass\n")
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    main_names.stand_for_main([str(tmp_path / "preprocess_own.py")])
    assert "preprocess_own" not in sys.modules
    main: Any = sys.modules["__main__"]
    assert main.X is sys.modules["preprocess_own"].X
    with pytest.raises(AttributeError, match="no attribute 'Y'"):
        main.Y  # noqa: B018
    del sys.modules["preprocess_own"]


CASES = [
    ("import nothing_like_it\n", "child-import", "'nothing_like_it'", "own/requirements.txt"),
    ("from json import nothing_like_it\n", "child-import", "cannot import name", "own/requirements.txt"),
    ("raise RuntimeError('no weights')\n", "child-load", "RuntimeError: no weights", "by hand"),
    ("import sys\nsys.exit(1)\n", "child-load", "SystemExit", "by hand"),
    ("def other(): pass\n", "child-load", "'predict' or 'Model'", "m.py:name"),
    ("def predict(rows): pass\n", "child-signature", "'rows'", "rows: float"),
]


@pytest.mark.parametrize(("text", "code", "message", "hint"), CASES)
def test_why_code_cannot_be_loaded_is_told_by_code(
    tmp_path: Path, text: str, code: str, message: str, hint: str
) -> None:
    """A server answers so until it is replaced: the first test shows one."""
    (tmp_path / "m.py").write_text(text)
    with pytest.raises(LoadError) as found:
        loaded_here(tmp_path / "m.py", requirements="own/requirements.txt")
    assert (found.value.status, found.value.code) == (503, code)
    assert message in found.value.message
    assert hint in found.value.hint


@pytest.mark.slow
def test_folders_of_mlflow_are_asked_with_the_types_of_their_signature(tmp_path: Path) -> None:
    """A function of the user's that pyfunc serves: columns of a frame, or one tensor of 32-bit floats."""
    pyfunc = pytest.importorskip("mlflow.pyfunc")
    pytest.importorskip("cloudpickle")
    pandas = pytest.importorskip("pandas")
    infer = pytest.importorskip("mlflow.models").infer_signature
    frame = pandas.DataFrame({"a": [1.5, 2.5], "n": [3, 4], "t": ["x", "y"]})
    tensor = np.ones((2, 3), dtype=np.float32)

    class Sum(pyfunc.PythonModel):  # type: ignore[misc, name-defined, unused-ignore]
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            if isinstance(model_input, np.ndarray):
                assert model_input.dtype == np.float32
                return model_input.sum(axis=1)
            return model_input["a"] + model_input["n"] + model_input["t"].str.len()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyfunc.save_model(tmp_path / "frame", python_model=Sum(), signature=infer(frame, np.array([1.0])))
        pyfunc.save_model(tmp_path / "tensor", python_model=Sum(), signature=infer(tensor, np.array([1.0])))
        model, other = loaded_here(tmp_path / "frame"), loaded_here(tmp_path / "tensor")
        assert [one.type for one in model.signature.inputs] == ["number", "integer", "string"]
        columns = [np.array([1.5, 2.5]), np.array([3, 4]), np.array(["x", "yy"], dtype=object)]
        assert model.predict(columns).values.tolist() == [5.5, 8.5]
        assert other.predict([np.array([1.0]), np.array([2.0]), np.array([4.0])]).values.tolist() == [7.0]


def test_files_beside_are_imported_and_records_are_made(tmp_path: Path) -> None:
    """A module of `folders`, a dataclass as the only parameter, defaults for what is missing."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "factor_of_mine.py").write_text("FACTOR = 3\n")
    (tmp_path / "m.py").write_text(
        "from dataclasses import dataclass\nfrom factor_of_mine import FACTOR\n"
        "@dataclass\nclass Row:\n    a: int\n    b: float = 0.5\n"
        "def predict(row: Row):\n    return {'a': row.a * FACTOR, 'b': {row.b}, 'kind': type(row.a).__name__}\n"
    )
    with serving(tmp_path / "m.py", folders=[str(tmp_path / "beside")]) as child:
        assert child.ready().status == 200
        assert [field.type for field in child.signature().inputs] == ["integer", "number"]
        found = child.predict([np.array([2, 3]), np.array([1.0, np.nan])])
        assert found.values == [{"a": 6, "b": [1.0], "kind": "int"}, {"a": 9, "b": [0.5], "kind": "int"}]
