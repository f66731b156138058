"""
Files that mean harm: all are refused, and none of them runs.

Whatever would run writes a file called canary into the folder of its specimen.
"""

import functools
import io
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from .data import matrix, values
from .specimen import Grown, as_pickle, pinned, species

ROWS = matrix()
CANARY = "canary"


class Touch:
    """Create a file when unpickled."""

    def __init__(self, target: Path, by: Any = os.system) -> None:
        self.target, self.by = target, by

    def __reduce__(self) -> tuple[Any, ...]:
        if self.by is os.system:
            return os.system, (f"touch '{self.target}'",)
        return self.by, (f"open({str(self.target)!r}, 'w').close()",)


def _pickled(folder: Path, by: Any = os.system) -> bytes:
    return pickle.dumps(Touch((folder / CANARY).absolute(), by))


def write(folder: Path, name: str, data: bytes, *, pin: bool = False) -> dict[str, Any]:
    (folder / name).write_bytes(data)
    return {"artifact": name, "entry": pinned(folder / name) if pin else {}}


def honest(folder: Path) -> bytes:
    as_pickle(folder, LinearRegression().fit(ROWS, values(ROWS)))
    return (folder / "model.pkl").read_bytes()


@species("hostile-pickle-system", core=True)
def system(folder: Path) -> Grown:
    """A pinned pickle that calls os.system."""
    return Grown(**write(folder, "model.pkl", _pickled(folder), pin=True), refused="forbidden-pickle", says="system")


@species("hostile-pickle-exec")
def execute(folder: Path) -> Grown:
    """A pinned pickle that calls exec."""
    data = _pickled(folder, exec)
    return Grown(**write(folder, "model.pkl", data, pin=True), refused="forbidden-pickle", says="exec")


@species("hostile-pickle-compressed")
def compressed(folder: Path) -> Grown:
    """A pinned, compressed joblib file that calls os.system."""
    data = zlib.compress(_pickled(folder))
    return Grown(**write(folder, "model.joblib", data, pin=True), refused="forbidden-pickle", says="system")


@species("hostile-pickle-in-array")
def in_array(folder: Path) -> Grown:
    """os.system hidden in the nested pickle of an array of objects inside an honest estimator."""
    model = LinearRegression().fit(ROWS, values(ROWS))
    model.extra_ = np.array([Touch((folder / CANARY).absolute()), 1], dtype=object)
    stream = io.BytesIO()
    joblib.dump(model, stream)
    data = stream.getvalue()
    return Grown(**write(folder, "model.joblib", data, pin=True), refused="forbidden-pickle", says="system")


@species("hostile-pickle-no-opt-in")
def no_opt_in(folder: Path) -> Grown:
    """An honest pickle where the registry did not allow pickles."""
    return Grown(**write(folder, "model.pkl", honest(folder)), refused="pickle-refused", says="allow")


def _disguised(folder: Path, name: str, loader: str, code: str, says: str) -> Grown:
    grown = Grown(**write(folder, name, _pickled(folder)), refused=code, says=says)
    grown.entry["loader"] = loader
    return grown


@species("hostile-disguised-skops")
def as_skops_file(folder: Path) -> Grown:
    """A pickle that calls os.system, called model.skops."""
    return _disguised(folder, "model.skops", "sklearn", "pickle-refused", "not a skops file")


@species("hostile-disguised-onnx")
def as_onnx_file(folder: Path) -> Grown:
    """A pickle that calls os.system, called model.onnx."""
    return _disguised(folder, "model.onnx", "onnx", "broken-artifact", "ONNX")


@species("hostile-disguised-ubj")
def as_ubj_file(folder: Path) -> Grown:
    """A pickle that calls os.system, called model.ubj."""
    return _disguised(folder, "model.ubj", "xgboost", "wrong-version", "a pickle")


@species("hostile-disguised-json")
def as_json_file(folder: Path) -> Grown:
    """A pickle that calls os.system, called model.json."""
    return _disguised(folder, "model.json", "xgboost", "wrong-version", "a pickle")


@species("hostile-disguised-zip")
def as_zip_file(folder: Path) -> Grown:
    """A pickle that calls os.system, called model.zip."""
    return _disguised(folder, "model.zip", "h2o_mojo", "broken-artifact", "not a readable archive")


@species("hostile-skops-system")
def skops_system(folder: Path) -> Grown:
    """A skops file that names os.system as a function."""
    skops.io.dump(make_pipeline(FunctionTransformer(os.system), LinearRegression()), folder / "model.skops")
    return Grown("model.skops", refused="untrusted-types", says="system")


def _partial(folder: Path) -> Any:
    command = functools.partial(os.system, f"touch '{(folder / CANARY).absolute()}'")
    return make_pipeline(FunctionTransformer(command), LinearRegression())


@species("hostile-skops-partial")
def skops_partial(folder: Path) -> Grown:
    """A skops file that hides os.system in functools.partial, which is allowed around harmless functions."""
    skops.io.dump(_partial(folder), folder / "model.skops")
    return Grown("model.skops", refused="untrusted-types", says="system")


@species("hostile-pickle-partial")
def pickle_partial(folder: Path) -> Grown:
    """A pickle that hides os.system in functools.partial, which is allowed around harmless functions."""
    return Grown(**as_pickle(folder, _partial(folder)), refused="forbidden-pickle", says="system")


@species("hostile-wrong-pin", core=True)
def wrong_pin(folder: Path) -> Grown:
    """A hostile pickle under the pin of an honest one: replaced after it was pinned."""
    write(folder, "old.pkl", honest(folder))
    entry = pinned(folder / "old.pkl")
    (folder / "model.pkl").write_bytes(_pickled(folder))
    return Grown("model.pkl", entry=entry, refused="wrong-sha256", says="sha256")


@species("hostile-python-suffix")
def python_suffix(folder: Path) -> Grown:
    """A pickle that calls os.system, called model.py, is not Python."""
    return _disguised(folder, "model.py", "python", "python-import", "model.py")
