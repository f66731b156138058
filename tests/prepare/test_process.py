"""A model in a process of its own is prepared like one of the workers: asked, tested, timed; and its process is ended."""

import json
import re
import socket
import sys
import textwrap
from hashlib import sha256
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gateway.artifacts.manifest import Manifest
from gateway.cli.environment_checks import network_refusal
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import is_known, prepare_registry
from gateway.registry.load import load_registry
from gateway.system import descendants

SLOW = pytest.mark.slow
DRAW = np.random.default_rng(3)
ROWS = DRAW.normal(size=(60, 3))
CLASSES = (ROWS.sum(axis=1) > 0).astype(int)
CLEANER = """
    from sklearn.base import BaseEstimator, TransformerMixin


    class Cleaner(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            self.n_features_in_ = X.shape[1]
            return self

        def transform(self, X):
            return X - {shift}
"""


def prepared(folder: Path, routes: str, limits: PrepareLimits | None = None) -> dict[str, Manifest]:
    """Write a registry with these routes, check it, and prepare it."""
    (folder / "registry.yaml").write_text(f"version: 1\nroutes:\n{textwrap.indent(routes, '  ')}")
    registry = load_registry(folder / "registry.yaml", files=True)
    return prepare_registry(registry, folder / "cache", limits or PrepareLimits())


def written(path: Path, model: object) -> str:
    """Write a pickle and return the keys that admit it."""
    joblib.dump(model, path)
    return f"artifact: {path.name}, allow_pickle: true, sha256: {sha256(path.read_bytes()).hexdigest()}"


def no_server_left(folder: Path) -> bool:
    """Say whether no process serves a model of this folder."""
    return not [pid for pid in descendants._pids() if str(folder) in descendants._command(pid)]


def test_it_is_prepared_as_a_local_one_and_its_process_is_ended(tmp_path: Path) -> None:
    """Signature and golden rows are those of the workers; the manifest says how the process is started again."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, CLASSES)
    keys = written(tmp_path / "model.pkl", model)
    expected = model.predict_proba(ROWS[:4])
    rows = [dict(zip(("x0", "x1", "x2"), map(float, row), strict=True)) for row in ROWS[:4]]
    answers = [
        {"prediction": int(row[1] > 0.5), "probabilities": {"0": float(row[0]), "1": float(row[1])}} for row in expected
    ]
    (tmp_path / "golden.json").write_text(json.dumps({"version": 1, "instances": rows, "predictions": answers}))
    found = prepared(
        tmp_path,
        f"/local: {{{keys}, compile: off}}\n"
        f"/apart: {{{keys}, executor: {{kind: process, instances: 2}}, golden: golden.json}}\n",
    )
    apart, local = found["apart"], found["local"]
    assert apart.problem is None and local.problem is None, (apart.problem, local.problem)
    assert apart.signature is not None and local.signature is not None
    assert (apart.signature.names, apart.signature.output.labels) == (
        local.signature.names,
        local.signature.output.labels,
    )
    assert apart.golden is not None and apart.golden.rows == 4 and apart.golden.max_difference < 1e-12
    assert apart.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert apart.compiled is None and apart.explanation is not None and apart.explanation.reason
    assert apart.remote is not None and apart.remote.child is not None and apart.remote.kind == "process"
    child = apart.remote.child
    assert child.argv[0] == sys.executable and "{socket}" in child.argv
    assert not [name for name in child.environ if name.startswith("GATEWAY_")]
    assert child.environ["HOME"].startswith(str(tmp_path / "cache"))
    assert child.memory_bytes == PrepareLimits().memory_bytes
    assert child.instances == 2
    assert no_server_left(tmp_path)
    registry = load_registry(tmp_path / "registry.yaml")
    assert is_known(registry, tmp_path / "cache")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the keys of a pickle whose first step is a class of a module beside it, `cleaning.py`."""
    (tmp_path / "cleaning.py").write_text(textwrap.dedent(CLEANER.format(shift=1.0)))
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__("cleaning")
    try:
        model = make_pipeline(module.Cleaner(), LogisticRegression()).fit(ROWS, CLASSES)
        return written(tmp_path / "model.pkl", model)
    finally:
        del sys.modules["cleaning"]


def pasted(hint: str | None) -> str:
    """Return the keys between backticks of a fix, as they are added to an entry."""
    keys = [text for text in re.findall(r"`([^`]*: [^`]*)`", hint or "") if not text.startswith("artifact")]
    assert keys, hint
    return ", ".join(keys)


def test_code_of_ones_own_is_refused_with_a_fix_that_serves_it(tmp_path: Path, own: str) -> None:
    """The workers' readers and the process refuse it by name; what their fixes say is pasted into the entry."""
    refused = prepared(tmp_path, f"/local: {{{own}}}\n/apart: {{{own}, executor: process}}\n")
    local, apart = refused["local"].problem, refused["apart"].problem
    assert local is not None and local.code == "forbidden-pickle" and "cleaning.Cleaner" in local.message
    assert apart is not None and apart.code == "code-not-allowed" and "cleaning.Cleaner" in apart.message
    found = prepared(
        tmp_path,
        f"/local: {{{own}, {pasted(local.hint)}}}\n/apart: {{{own}, executor: process, {pasted(apart.hint)}}}\n",
    )
    assert [(name, one.problem) for name, one in found.items()] == [("local", None), ("apart", None)]
    first = found["local"].remote
    assert first is not None and first.child is not None
    # Another version of the class is another process, although the pickle is the same.
    (tmp_path / "cleaning.py").write_text(textwrap.dedent(CLEANER.format(shift=2.0)))
    again = prepared(tmp_path, f"/local: {{{own}, {pasted(local.hint)}}}\n")["local"].remote
    assert again is not None and again.child is not None and again.child.name != first.child.name


@SLOW
def test_files_beside_the_registry_are_kept_with_a_model_that_lies_elsewhere(tmp_path: Path, own: str) -> None:
    """The class is found in the copy that is kept, whichever folder holds both."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "registry").mkdir()
    (tmp_path / "model.pkl").rename(tmp_path / "elsewhere" / "model.pkl")
    (tmp_path / "cleaning.py").rename(tmp_path / "registry" / "cleaning.py")
    keys = own.replace("model.pkl", str(tmp_path / "elsewhere" / "model.pkl"))
    more = "executor: process, allow_code: true, files: [cleaning.py]"
    (tmp_path / "registry" / "registry.yaml").write_text(f"version: 1\nroutes:\n  /m: {{{keys}, {more}}}\n")
    registry = load_registry(tmp_path / "registry" / "registry.yaml", files=True)
    found = prepare_registry(registry, tmp_path / "cache", PrepareLimits())["m"]
    assert found.problem is None, found.problem


@pytest.mark.parametrize(
    ("code", "expected", "words"),
    [
        ("import nosuchpackage\n\ndef predict(a: float): return a\n", "child-import", "no module 'nosuchpackage'"),
        pytest.param("raise ValueError('broken here')\n", "child-load", "ValueError: broken here", marks=SLOW),
        pytest.param(
            "import os\nos.kill(os.getpid(), 11)\n",
            "prepare-crashed",
            "the process of the model was killed by signal 11",
            marks=SLOW,
        ),
        pytest.param("import time\ntime.sleep(60)\n", "prepare-timeout", "took longer than 8 s", marks=SLOW),
    ],
)
def test_a_process_that_fails_costs_its_route_by_name(tmp_path: Path, code: str, expected: str, words: str) -> None:
    """A missing package, code that raises, a crash, a hang: each is a fault of the route, and no process stays."""
    (tmp_path / "model.py").write_text(code)
    limits = PrepareLimits(timeout_s=8.0 if expected == "prepare-timeout" else 120.0)
    problem = prepared(tmp_path, "/bad: {artifact: model.py, executor: process}\n", limits)["bad"].problem
    assert problem is not None and problem.code == expected, problem
    assert words in problem.message
    assert no_server_left(tmp_path)


@SLOW
def test_a_process_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    """Its own memory counts, not that of the process that asks it."""
    (tmp_path / "model.py").write_text("held = bytearray(300 * 2**20)\nimport time\ntime.sleep(60)\n")
    limits = PrepareLimits(memory_bytes=256 * 2**20)
    problem = prepared(tmp_path, "/big: {artifact: model.py, executor: process}\n", limits)["big"].problem
    assert problem is not None and problem.code == "prepare-memory", problem
    assert "the process of the model used" in problem.message


def test_it_sees_neither_secrets_nor_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the gateway's environment; no connection where the kernel can refuse it."""
    monkeypatch.setenv("GATEWAY_MLFLOW_URI", "http://hushed@127.0.0.1:1")
    monkeypatch.setenv("HUSHED", "hushed")
    links = [name for _, name in socket.if_nameindex()] if network_refusal() else ["lo"]
    (tmp_path / "model.py").write_text(
        "import os, socket\nseen = 'hushed' in repr(dict(os.environ))\nlinks = [n for _, n in socket.if_nameindex()]\n\n"
        f"def predict(a: float) -> float:\n    return float(not seen and links == {links})\n"
    )
    told = {"version": 1, "instances": [{"a": 1}], "predictions": [{"value": 1.0}]}
    (tmp_path / "golden.json").write_text(json.dumps(told))
    found = prepared(tmp_path, "/m: {artifact: model.py, executor: process, golden: golden.json}\n")["m"]
    assert found.problem is None, found.problem
