"""Prepare finds compiled models, workers run them: light, verified, and with the original behind them."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

from gateway.artifacts.manifest import Manifest
from gateway.executors.thread_pool import NativePool
from gateway.generations import snapshot
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry
from gateway.registry.load_options import load_options
from gateway.registry.spec import RouteSpec
from gateway.routing.model import Model

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("sklearn", "pandas", "scipy", "xgboost", "skops", "onnx", "ml_dtypes", "skl2onnx", "jpype")

#: What a worker does with the committed generation, without its server.
WORKER = f"""
import json, sys
from pathlib import Path
from gateway.generations import snapshot
from gateway.executors.thread_pool import NativePool
from gateway.routing.model import Model
from gateway.registry.load_options import load_options
import gateway.rest.app, gateway.process.worker
home = Path(sys.argv[1])
found = snapshot.committed(home / "state")
states = {{}}
for spec in found.registry.routes:
    manifest = found.manifests[spec.name]
    model = Model(manifest, load_options(spec, manifest.artifact, home / "cache"), NativePool(1))
    model.load()
    states[spec.path] = [model.state, manifest.compiled.runtime if manifest.compiled else None]
pss = [line.split()[1] for line in open("/proc/self/smaps_rollup") if line.startswith("Pss:")]
heavy = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps({{"states": states, "heavy": heavy, "pss_mb": int(pss[0]) / 1024}}))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """Return a home whose committed generation holds the five models, prepared once for all tests."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "cache").symlink_to(cache)
    registry = load_registry(ROOT / "registry.yaml")
    manifests = prepare_registry(registry, folder / "cache", PrepareLimits())
    snapshot.commit(folder / "state", snapshot.make(registry, manifests))
    return folder


def test_a_worker_of_the_five_routes_imports_no_framework(home: Path) -> None:
    """Compiled models need numpy and ONNX Runtime: neither scikit-learn, pandas, SciPy, XGBoost nor Java."""
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(home)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["states"] == {
        "/sentiment": ["READY", "additive"],
        "/diabetes": ["READY", "matrix"],
        "/loan": ["READY", "matrix"],
        "/earnings": ["READY", "additive"],
        "/insurance": ["READY", "matrix"],
    }
    assert found["heavy"] == []
    # Measured: 71 MB; with the frameworks and Java it would be 312.
    assert found["pss_mb"] < 100


def test_the_five_models_are_proven_and_their_golden_rows_hold(home: Path) -> None:
    """The manifest records proof and gain of each compiled model."""
    found = snapshot.committed(home / "state")
    assert found is not None
    for name, gain in (("sentiment", 3), ("diabetes", 3), ("earnings", 3), ("loan", 3), ("insurance", 3)):
        compiled = found.manifests[name].compiled
        assert compiled is not None, found.manifests[name].compile_declined
        assert compiled.complete
        assert compiled.rows_proven > 1_500
        assert compiled.ties == 0
        assert compiled.gain > gain
        assert found.manifests[name].compile_declined == ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a linear model and one that is not compiled."""
    place = tmp_path_factory.mktemp("models")
    rows = np.arange(40.0).reshape(20, 2)
    skops.io.dump(LinearRegression().fit(rows, rows.sum(axis=1)), place / "line.skops")
    skops.io.dump(KNeighborsRegressor().fit(rows, rows.sum(axis=1)), place / "near.skops")
    return place


def prepared(folder: Path, artifact: str, keys: str = "") -> tuple[RouteSpec, Manifest]:
    """Prepare one route."""
    registry = folder / "registry.yaml"
    registry.write_text(f"version: 1\nroutes:\n  /one: {{artifact: {artifact}{keys}}}\n")
    found = load_registry(registry)
    return found.routes[0], prepare_registry(found, folder / "cache", PrepareLimits())["one"]


def model_of(folder: Path, spec: RouteSpec, manifest: Manifest) -> Model:
    """Return the loaded model of a manifest."""
    assert manifest.artifact is not None
    model = Model(manifest, load_options(spec, manifest.artifact, folder / "cache"), NativePool(1))
    model.load()
    return model


def answer(model: Model) -> Any:
    """Return the answer to (1, 2)."""
    return model.predict([np.array([1.0]), np.array([2.0])], time.monotonic() + 5).values.tolist()


@pytest.mark.parametrize("damage", [pytest.param("gone", marks=pytest.mark.slow), "altered"])
def test_without_its_compiled_model_the_original_serves(
    folder: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A compiled model that is gone or not what was proven is not run; the route answers all the same."""
    spec, manifest = prepared(folder, "line.skops")
    assert manifest.compiled is not None
    path = Path(manifest.compiled.path)
    sound = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(sound.replace(b"additive", b"Additive"))
    model = model_of(folder, spec, manifest)
    path.write_bytes(sound)  # the other tests need not compile it again
    assert model.state == "READY"
    assert answer(model) == pytest.approx([3.0])
    assert "the original serves" in caplog.text
    assert model.compiler is None
    assert "gateway prepare" in model.compiled_lost


@pytest.mark.parametrize(
    "damage", ["gone", *(pytest.param(one, marks=pytest.mark.slow) for one in ("altered", "emptied"))]
)
def test_a_lost_compiled_model_is_compiled_again(folder: Path, damage: str) -> None:
    """Preparing does not trust a remembered manifest whose compiled model is gone, or not what was proven."""
    _, manifest = prepared(folder, "line.skops")
    assert manifest.compiled is not None
    path = Path(manifest.compiled.path)
    if damage == "gone":
        shutil.rmtree(folder / "cache" / "compiled")
    else:
        path.write_bytes(b"" if damage == "emptied" else path.read_bytes()[:-1] + b"?")
    spec, again = prepared(folder, "line.skops")
    assert again.compiled is not None
    model = model_of(folder, spec, again)
    assert (model.compiler, model.compiled_lost) == ("sklearn", "")


@pytest.mark.slow
def test_compile_off_serves_the_original(folder: Path) -> None:
    """`compile: off` leaves no compiled model and says so."""
    spec, manifest = prepared(folder, "line.skops", ", compile: off")
    assert manifest.compiled is None
    assert manifest.compile_declined == "the registry says compile: off"
    assert answer(model_of(folder, spec, manifest)) == pytest.approx([3.0])


@pytest.mark.slow
def test_a_declined_model_says_why_and_serves(folder: Path) -> None:
    """A model that no compiler knows serves as it is, with the reason in its manifest."""
    before = set(folder.glob("cache/compiled/*"))
    spec, manifest = prepared(folder, "near.skops")
    assert manifest.compiled is None
    assert "KNeighborsRegressor" in manifest.compile_declined
    assert set(folder.glob("cache/compiled/*")) == before
    assert model_of(folder, spec, manifest).state == "READY"


def test_compile_require_fails_without_a_compiled_model(folder: Path) -> None:
    """`compile: require` refuses the entry with the reason and a fix."""
    _, manifest = prepared(folder, "near.skops", ", compile: require")
    assert manifest.problem is not None
    assert manifest.problem.code == "compile-required"
    assert "KNeighborsRegressor" in manifest.problem.message
    assert manifest.problem.hint
