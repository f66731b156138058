"""
A class of another package is made from a skops file only where the route names it in full, and nothing else is.

OWASP: ML06, ML10
"""

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from click import HelpFormatter
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

import serving
from gateway.cli.main import main
from gateway.errors import ArtifactError, GatewayError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.registry.load import load_registry

#: A package as people install it: a step that is fitted, holds a helper of its own, and is one of Python's classes.
PACKAGE = """
import os
from sklearn.base import BaseEstimator, TransformerMixin

class Table:
    def __init__(self, factor):
        self.factor = factor

class Scaling(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.table_ = Table(2.0)
        self.n_features_in_ = X.shape[1]
        return self
    def transform(self, X):
        return X * self.table_.factor

class Popen(BaseEstimator):
    def __init__(self, args=None):
        self.args = args

def act(*args):
    os.system("touch mark")
"""
SCALING, TABLE = "third_party.steps.Scaling", "third_party.steps.Table"
ROWS = np.arange(12.0).reshape(-1, 2)


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Install a package, and work in an empty folder in which nothing may appear."""
    (tmp_path / "lib" / "third_party").mkdir(parents=True)
    (tmp_path / "lib" / "third_party" / "__init__.py").touch()
    (tmp_path / "lib" / "third_party" / "steps.py").write_text(PACKAGE)
    (tmp_path / "here").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "lib")
    monkeypatch.chdir(tmp_path / "here")
    import third_party.steps as found  # type: ignore[import-not-found]

    yield found
    for name in [name for name in sys.modules if name.startswith("third_party")]:
        del sys.modules[name]
    assert list((tmp_path / "here").iterdir()) == []


def written(tmp_path: Path, model: Any) -> Path:
    """Write a skops file."""
    path = tmp_path / "model.skops"
    skops.io.dump(model, path)
    return path


def model_of(steps: Any) -> Any:
    """Return a fitted pipeline with a step of the package."""
    return make_pipeline(steps.Scaling(), LinearRegression()).fit(ROWS, ROWS.sum(axis=1))


def refused(path: Path, *allowed: str) -> ArtifactError:
    """Return the refusal of a file."""
    with pytest.raises(GatewayError) as error:
        get_loader("sklearn").load(path, LoadOptions(allow_types=allowed))
    assert error.value.hint
    return error.value  # type: ignore[return-value]


def test_named_types_are_made_and_answer(steps: Any, tmp_path: Path) -> None:
    """With both of its classes named, the file serves with the answers of its library."""
    model = model_of(steps)
    found = get_loader("sklearn").load(written(tmp_path, model), LoadOptions(allow_types=(SCALING, TABLE)))
    answer = found.predict([np.array(ROWS[:, 0]), np.array(ROWS[:, 1])]).values
    assert np.allclose(np.asarray(answer, dtype=float), model.predict(ROWS))


def test_what_is_not_named_is_refused_with_the_line_that_names_it(tmp_path: Path) -> None:
    """A class of an installed package is refused by a fix that, done, lets the file be read."""
    model = LinearRegression().fit(ROWS, ROWS.sum(axis=1))
    vars(model)["extra_"] = HelpFormatter()
    path = written(tmp_path, model)
    error = refused(path)
    assert error.code == "untrusted-types"
    found = re.search(r"add `allow_types: \[(.+?)\]` to the route", str(error.hint))
    assert found
    assert get_loader("sklearn").load(path, LoadOptions(allow_types=(found[1],)))


def test_each_class_is_named_by_itself(steps: Any, tmp_path: Path) -> None:
    """One that is not named is refused beside one that is."""
    error = refused(written(tmp_path, model_of(steps)), SCALING)
    assert error.code == "untrusted-types"
    assert TABLE in error.message


@pytest.mark.parametrize(
    "name", ["subprocess.Popen", "os.system", "builtins.eval", "numpy.memmap", "gateway.artifacts.store.Store"]
)
def test_no_route_admits_what_is_no_other_package(steps: Any, tmp_path: Path, name: str) -> None:
    """Classes of Python, of the gateway and of the libraries it reads part by part stay what they are."""
    model = model_of(steps)
    module, _, kind = name.rpartition(".")
    path = written(tmp_path, model)
    hostile = tmp_path / "hostile.skops"
    hostile.write_bytes(_renamed(path, TABLE, module, kind))
    assert refused(hostile, SCALING, name).code == "untrusted-types"


def _renamed(path: Path, name: str, module: str, kind: str) -> bytes:
    stream = io.BytesIO()
    old_module, _, old_kind = name.rpartition(".")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(stream, "w") as new:
        for member in archive.namelist():
            data = archive.read(member)
            if member == "schema.json":
                text = data.decode().replace(f'"{old_kind}"', f'"{kind}"')
                at = text.index(f'"{kind}"')
                text = text[:at] + text[at:].replace(old_module, module, 1)
                data = text.encode()
            new.writestr(member, data)
    return stream.getvalue()


def test_a_function_is_no_type(steps: Any, tmp_path: Path) -> None:
    """A function of the package is refused, also by its name."""
    model = model_of(steps)
    vars(model[0])["extra_"] = steps.act
    path = written(tmp_path, model)
    assert refused(path, SCALING, TABLE, "third_party.steps.act").code == "untrusted-types"


def test_what_an_admitted_object_holds_is_walked(steps: Any, tmp_path: Path) -> None:
    """An attribute that hides a method of its class is refused as anywhere else."""
    model = model_of(steps)
    vars(model[0])["transform"] = "tofile"
    assert refused(written(tmp_path, model), SCALING, TABLE).code == "untrusted-types"


def test_a_name_that_the_file_does_not_need_is_a_fault(steps: Any, tmp_path: Path) -> None:
    """The list of a route is that of its file, so that nobody admits more than was looked at."""
    path = written(tmp_path, model_of(steps))
    error = refused(path, SCALING, TABLE, "third_party.steps.Popen")
    assert (error.code, "Popen" in error.message) == ("unneeded-type", True)


def test_a_package_that_is_absent_is_named(steps: Any, tmp_path: Path) -> None:
    """Without the package, the fault says what to install."""
    path = written(tmp_path, model_of(steps))
    hostile = tmp_path / "absent.skops"
    hostile.write_bytes(_renamed(path, TABLE, "absent_package.steps", "Table"))
    error = refused(hostile, SCALING, "absent_package.steps.Table")
    assert error.code == "missing-extra"
    assert "absent_package" in error.message


def test_a_pickle_is_not_admitted_by_it(steps: Any, tmp_path: Path) -> None:
    """The list is of skops files; in a pickle, the same class is refused."""
    path = tmp_path / "model.joblib"
    joblib.dump(model_of(steps), path)
    with pytest.raises(ArtifactError) as error:
        get_loader("sklearn").load(path, LoadOptions(allow_pickle=True, allow_types=(SCALING, TABLE)))
    assert error.value.code == "forbidden-pickle"


HELD = "click.formatting.HelpFormatter"  # a class of an installed package that is no library of models


@pytest.fixture
def holding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write a model that holds an object of another package beside an empty registry; return the model."""
    model = LinearRegression().fit(ROWS, ROWS.sum(axis=1))
    vars(model)["extra_"] = HelpFormatter()
    written(tmp_path, model)
    monkeypatch.chdir(tmp_path)
    return model


def test_what_a_refusal_names_is_what_the_command_writes(
    holding: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`describe` names the option; with it, `add` reads the model and writes the line into the registry."""
    assert main(["describe", "model.skops"]) == 1
    assert f"`gateway add … --allow-type {HELD}` writes it" in capsys.readouterr().err
    assert main(["add", "model.skops", "--route", "/held", "--allow-type", HELD]) == 0
    assert load_registry(tmp_path / "registry.yaml").routes[0].allow_types == (HELD,)


@pytest.mark.slow
def test_a_route_with_named_types_serves(holding: Any, tmp_path: Path, cache: Path) -> None:
    """What the command wrote is what a gateway serves, with the answers of its library."""
    server = serving.make(tmp_path, cache, "version: 1\nroutes: {}\n", workers=1)
    described = server.command("describe", "../model.skops", "--allow-type", HELD)
    assert (described.returncode, "x1" in described.stdout) == (0, True), described.stderr
    added = server.command("add", "../model.skops", "--route", "/held", "--allow-type", HELD)
    assert added.returncode == 0, added.stderr
    try:
        server.start().wait()
        answer = server.post("/held", {"instances": [dict(zip(("x0", "x1"), row, strict=True)) for row in ROWS]})
        assert np.allclose([one["prediction"] for one in answer.json["predictions"]], holding.predict(ROWS))
        server.stop()
    finally:
        server.kill()


@pytest.mark.parametrize("name", ["Encoder", "a..b", "a.b;", ""])
def test_a_type_that_is_none_is_refused_before_the_file_is_read(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command says what the name of a class looks like."""
    with pytest.raises(SystemExit) as ended:
        main(["describe", "absent.skops", "--allow-type", name])
    assert ended.value.code == 2
    assert "package, modules and class" in capsys.readouterr().err
