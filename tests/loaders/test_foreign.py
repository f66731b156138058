"""An artifact that no loader takes is named for what it is, and what it says to do works."""

import base64
import gzip
import pickle
import re
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
import skops.io
import xgboost
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gateway.artifacts.mlflow_reference import parse_reference
from gateway.cli.main import main
from gateway.loaders import unknown
from gateway.loaders.sklearn_unfit import not_a_predictor
from gateway.loaders.sniffing import sniff
from gateway.loaders.versions.wheels import NEWEST_PYTHON, another_scikit_learn

#: Two stumps in the binary format, really written by XGBoost 2.1.4 (`save_model('m.deprecated')`).
OLD_XGBOOST = zlib.decompress(
    base64.b85decode(
        "c-l+K%u8cnV6bOofB+cH1Z6WKiP0MHL+PZ<yu_kPtDOAw%;J*FWHzX9dQwSIYAO>Q9YhX54=~0-;NJg804me~rR-tsq3Ui1w1mqErSp@rQj"
        "<$E%TisS0@X@+iMgptR!V5eOG!tmC^bDkC%?Ejz96wEF;~f|TB$fWF();?Aip@iJT)^tqXekUP^q>S08%bOh5"
    )
)


def zipped(*names: str) -> Callable[[Path], None]:
    """Return what writes a ZIP archive with these members."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "")

    return write


def wrote(content: bytes) -> Callable[[Path], None]:
    """Return what writes a file."""

    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


KINDS: list[tuple[str, Callable[[Path], None], str]] = [
    ("m.h5", wrote(b"\x89HDF\r\n\x1a\n"), "a Keras model"),
    ("weights.dat", wrote(b"\x89HDF\r\n\x1a\n"), "a Keras model"),
    ("m.keras", zipped("config.json", "model.weights.h5"), "a Keras model"),
    ("m.pt", zipped("m/data.pkl", "m/version"), "a PyTorch file"),
    ("m.bin", zipped("m/data.pkl", "m/version", "m/data/0"), "a PyTorch file"),
    ("script.zip", zipped("s/constants.pkl", "s/code/x.py"), "a PyTorch file"),
    ("m.pth", wrote(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M"), "a PyTorch file"),
    ("m.safetensors", wrote(b"\x08\0\0\0\0\0\0\0{}"), "weights without their model"),
    ("m.mar", zipped("MAR-INF/MANIFEST.json", "m.pt"), "a TorchServe archive"),
    ("m.tflite", wrote(b"\x1c\0\0\0TFL3"), "a TensorFlow Lite model"),
    ("m.pmml", wrote(b'<?xml version="1.0"?>\n<PMML version="4.4">'), "a PMML document"),
    ("m.xml", wrote(b'<?xml version="1.0"?>\n<PMML version="4.4">'), "a PMML document"),
    ("m.rds", wrote(gzip.compress(b"X\n\0\0\0\x03")), "an object saved by R"),
    ("m.RData", wrote(gzip.compress(b"RDX3\nX\n")), "an object saved by R"),
    ("m.pkl", wrote(b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"), "a pointer of Git LFS"),
    ("m.onnx", wrote(b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"), "a pointer of Git LFS"),
    ("m.joblib", wrote(b"\n\n<!DOCTYPE html>\n<html><head>"), "a web page, not the file"),
    ("model", wrote(b"\x1c\xed\x00\x00\x003.46.0.11"), "an H2O model in H2O's binary format"),
    ("m.gguf", wrote(b"GGUF\x03\0\0\0"), "a language model (GGUF)"),
    ("m.bin", wrote(b"\xba\x16\x4f\x2f\x0c\0\0\0"), "a fastText model"),
    ("vectors.bin", wrote(b"3000000 300\n</s> \x00\x01"), "a table of word vectors (word2vec)"),
    ("vectors.txt", wrote(b"2 3\nthe 0.1 0.2 0.3\nof 0.1 0.2 0.3\n"), "a table of word vectors (word2vec)"),
    ("survey.sav", wrote(b"$FL2@(#) SPSS DATA FILE"), "a table of SPSS, not a model"),
    ("m.mlmodel", wrote(b"\x08\x04\x12\x10"), "a Core ML model"),
    ("x.npy", wrote(b"\x93NUMPY\x01\0"), "an array of NumPy, not a model"),
    ("x.dat", zipped("arr_0.npy", "arr_1.npy"), "an array of NumPy, not a model"),
    ("rows.parquet", wrote(b"PAR1\x15\x04"), "a table of data, not a model"),
    ("rows.csv", wrote(b"a,b\n1,2\n"), "a table of data, not a model"),
    ("book", zipped("[Content_Types].xml", "xl/workbook.xml"), "a table of data, not a model"),
    ("train.ipynb", wrote(b'{\n "cells": [\n'), "a notebook, not a model"),
    ("m.mojo", zipped("mojo/pipeline.mojo"), "a pipeline of H2O Driverless AI"),
    ("model.zip", zipped("model/MLmodel", "model/model.pkl"), "an MLflow model in a ZIP archive"),
    ("model.tar.gz", wrote(gzip.compress(b"model.pkl".ljust(257, b"\0") + b"ustar\x0000")), "a tar archive"),
    ("m.model", wrote(b"\xac\xed\x00\x05sr\x00"), "an object saved by Java"),
    ("m.model", wrote(b""), "an empty file"),
    ("MLmodel", wrote(b"flavors: {}\n"), "the description of an MLflow model"),
    ("loans.zip", zipped("readme.txt", "loan.csv"), "a ZIP archive without model.ini, so no H2O MOJO"),
]


@pytest.mark.parametrize(("name", "write", "what"), KINDS, ids=[f"{kind[0]}-{kind[2]}" for kind in KINDS])
def test_every_command_names_it(
    name: str,
    write: Callable[[Path], None],
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """describe, add and check say what it is and one thing to do; none of them leads to a loader that cannot read it."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name)
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes: {}\n")
    told = []
    for words in (["describe", name], ["add", name, "--route", "/x"]):
        assert main(words) == 1
        told.append(capsys.readouterr().err)
    (tmp_path / "registry.yaml").write_text(f"version: 1\nroutes:\n  /x: {name}\n")
    assert main(["check"]) == 78
    told.append(capsys.readouterr().err)
    for text in told:
        assert f"'{name}' is {what}" in text
        assert re.search(r"fix: \S", text) and "--loader" not in text


def test_an_mlflow_folder_is_added_whole_or_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that names no file is taken by the usual name; the file in it stays an artifact of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes: {}\n")
    folder = tmp_path / "my_model"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors:\n  sklearn:\n    serialization_format: skops\n")
    skops.io.dump(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]), folder / "model.skops")
    assert main(["add", "my_model", "--route", "/x"]) == 0
    assert "mlflow    flavour sklearn, model.skops" in capsys.readouterr().out
    assert main(["add", "my_model/model.skops", "--route", "/y"]) == 0


def test_an_mlflow_folder_without_a_flavour_is_named(tmp_path: Path) -> None:
    """Nothing is guessed of files that no flavour speaks of."""
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    error = unknown(tmp_path, "my_model")
    assert "'my_model' is an MLflow model whose MLmodel names no flavour" in error.message
    assert "name the file of the model in it" in (error.hint or "")


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (("saved_model.pb",), "a TensorFlow SavedModel"),
        (("meta.json", "config.cfg"), "a spaCy pipeline"),
        (("config.json", "model.safetensors"), "a Transformers model"),
        (("metadata/part-00000",), "a Spark ML model"),
    ],
)
def test_a_folder_is_named_for_what_it_holds(names: tuple[str, ...], what: str, tmp_path: Path) -> None:
    """The files that a library writes tell whose folder it is."""
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert what in unknown(tmp_path, "folder").message


def test_a_folder_with_a_model_names_the_file(tmp_path: Path) -> None:
    """The file in it that a loader takes is the fix."""
    skops.io.dump(LinearRegression(), tmp_path / "salary.skops")
    (tmp_path / "notes.txt").write_text("trained in May")
    assert unknown(tmp_path, "models").hint == "name the model file in it: models/salary.skops"
    for reference in ("mlflow:models:/salary@champion", "mlflow:models:/salary/3"):  # none of these takes a path
        hint = unknown(tmp_path, reference).hint or ""
        assert parse_reference(hint.rpartition(" ")[2]).path == "salary.skops"
    inside = unknown(tmp_path, "mlflow:runs:/ab/served").hint or ""
    assert parse_reference(inside.rpartition(" ")[2]).path == "served/salary.skops"


@pytest.mark.parametrize("suffix", [".sav", ".bin", ".model", ".pkl.gz", ".dat"])
def test_a_pickle_is_one_whatever_it_is_called(tmp_path: Path, suffix: str) -> None:
    """Compressed or not, the first bytes tell."""
    path = tmp_path / f"m{suffix}"
    content = pickle.dumps(LinearRegression())
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    assert sniff(path, path.name) == ("sklearn",)


def test_what_is_only_compressed_is_no_pickle(tmp_path: Path) -> None:
    """A table in gzip is no model."""
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert sniff(tmp_path / "rows.csv.gz", "rows.csv.gz") == ()


@pytest.mark.parametrize("name", ["m.model", "m.bst", "m.bin", "m.ubj", "m.json", "m.deprecated"])
@pytest.mark.parametrize(
    ("content", "writer"),
    [
        (OLD_XGBOOST, "written by XGBoost 2.1"),
        (OLD_XGBOOST.removeprefix(b"binf"), "written by XGBoost 2.1"),
        (OLD_XGBOOST[:24] + bytes(8) + OLD_XGBOOST[32:], "written by XGBoost before 1.0"),
    ],
    ids=["marked", "bare", "old"],
)
def test_the_binary_format_of_xgboost_is_named(
    tmp_path: Path,
    name: str,
    content: bytes,
    writer: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Format, version of the writer and how to convert it; not that the file was damaged in copying."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    assert main(["describe", name]) == 1
    said = capsys.readouterr().err
    assert f"{name}: XGBoost's binary format, {writer}; XGBoost {xgboost.__version__} reads UBJSON and JSON" in said
    assert "save_model('model.ubj')" in said and "sha256" not in said


STEPS = {
    "dict": ({"scores": {}, "columns": ["a"]}, "holds a dict (scores: dict, columns: list) without a model"),
    "tuple": ((StandardScaler(), OneHotEncoder()), "holds a tuple (StandardScaler, OneHotEncoder) without a model"),
    "scaler": (StandardScaler(), "holds a StandardScaler, a step that transforms for a model and predicts nothing"),
    "booster": (xgboost.Booster(), "holds an XGBoost Booster, which is no scikit-learn model"),
    "array": (np.zeros(3), "holds a ndarray, which predicts nothing"),
}


@pytest.mark.parametrize("kind", STEPS)
def test_what_is_no_predictor_is_told_as_what_it_is(kind: str) -> None:
    """Nothing is said of an object that is not so: a Booster has a predict."""
    found, text = STEPS[kind]
    error = not_a_predictor(Path("m.pkl"), found)
    assert error.message == f"m.pkl: {text}"
    assert error.hint


def test_a_booster_in_its_own_format_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the fix for a Booster says is done, and the fault is gone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_HOME", str(tmp_path / "home"))
    booster: Any = xgboost.train({"nthread": 1}, xgboost.DMatrix(np.eye(4), label=[0, 1, 0, 1]), 1)
    booster.save_model("model.ubj")
    assert main(["describe", "model.ubj"]) == 0


@pytest.mark.parametrize("version", [*NEWEST_PYTHON, "0.20.2", "1.3.2", "99.1", ""])
def test_no_fix_replaces_the_library_of_all_routes(version: str) -> None:
    """What another release wrote is trained again here, or converted elsewhere: nothing is installed into this place."""
    told = another_scikit_learn(version or None, sklearn.__version__)
    assert told.startswith(f"train it again with scikit-learn {sklearn.__version__}, which is installed here")
    assert ("pip install" in told) == ("in an environment of its own" in told) == (version[:2] in ("0.", "1."))


def test_the_table_knows_the_installed_release() -> None:
    """The table of wheels is renewed when the lock moves to another release."""
    newest = NEWEST_PYTHON[".".join(sklearn.__version__.split(".")[:2])]
    assert tuple(map(int, newest.split("."))) >= sys.version_info[:2]


@pytest.mark.parametrize("kind", ["zlib", "gzip", "bz2", "xz"])
def test_a_compressed_pickle_is_known_by_its_bytes(tmp_path: Path, kind: str) -> None:
    """Whatever joblib compressed with is unpacked as far as its first bytes come out; bzip2 reads a whole block first."""
    path = tmp_path / f"model.{kind}"
    size = 1_000_000 if kind == "bz2" else 10_000
    joblib.dump(np.random.default_rng(0).bytes(size), path, compress=(kind, 1))
    assert sniff(path, str(path)) == ("sklearn",)
