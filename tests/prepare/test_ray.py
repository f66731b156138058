"""A route on a cluster is prepared as a local one, and packed for the nodes; needs no Ray."""

import json
import shutil
import sys
import tarfile
import venv
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from gateway.artifacts.manifest import Manifest
from gateway.artifacts.remote import ModelArchive
from gateway.errors import Problem
from gateway.executors.local import LocalExecutor
from gateway.executors.thread_pool import NativePool
from gateway.prepare import golden
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import is_known, prepare_registry
from gateway.prepare.ray_archive import GOLDEN, read
from gateway.registry.load import load_registry
from gateway.registry.load_options import load_options
from gateway.registry.spec import RegistrySpec
from gateway.schema import Predictor, make_column

#: Packages of which an environment of a cluster tells, by their folders of metadata.
RAY, GATEWAY = "ray-2.60.0", "multi_model_gateway-0.1.0"
SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
CODE = """
import json, pathlib

weights = json.loads((pathlib.Path(__file__).parent / "weights.json").read_text())


def score(a: float) -> float:
    return weights["a"] * a
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model, its golden rows, code, a token, and an environment that tells of Ray."""
    folder = tmp_path_factory.mktemp("home")
    columns = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("a", "y")]
    graph = helper.make_graph([helper.make_node("Neg", ["a"], ["y"])], "negative", columns[:1], columns[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    rows = {"version": 1, "instances": [{"a": 1}, {"a": -2.5}], "predictions": [{"value": -1.0}, {"value": 2.5}]}
    (folder / "golden.json").write_text(json.dumps(rows))
    (folder / "code").mkdir()
    (folder / "code/score.py").write_text(CODE)
    (folder / "code/weights.json").write_text('{"a": 3}')
    (folder / "ray.token").write_text("secret")
    (folder / "ray.token").chmod(0o600)
    venv.create(folder / "bare", symlinks=True)
    environment(folder, "venv", RAY, GATEWAY)
    return folder


def environment(home: Path, name: str, *packages: str) -> None:
    """Make an environment that tells of these packages, which preparing never imports."""
    shutil.copytree(home / "bare", home / name, symlinks=True)
    for package in packages:
        info = home / name / SITE / f"{package}.dist-info"
        info.mkdir(parents=True)
        text = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n".format(*package.split("-"))
        (info / "METADATA").write_text(text)


def registry_of(
    home: Path, *, keys: str = "environment: venv", model: str = "artifact: model.onnx", server: str = ""
) -> RegistrySpec:
    """Return a registry of one route on a cluster."""
    executor = f"executor: {{kind: ray, token: ray.token, {keys}}}"
    (home / "registry.yaml").write_text(
        f"version: 1\n{server}routes:\n  /score: {{{model}, compile: off, {executor}}}\n"
    )
    return load_registry(home / "registry.yaml", files=False)


def prepared(home: Path, **given: str) -> Manifest:
    """Prepare a route on a cluster."""
    return prepare_registry(registry_of(home, **given), home / "cache", PrepareLimits())["score"]


def archive_of(found: Manifest) -> ModelArchive:
    """Return the archive of a manifest that did not fail."""
    assert found.problem is None, found.problem
    assert found.remote is not None
    assert found.remote.archive is not None
    return found.remote.archive


def problem(found: Manifest) -> Problem:
    """Return why a manifest failed."""
    assert found.problem is not None
    return found.problem


def loaded(archive: Path, node: Path) -> Predictor:
    """Load what is in an archive as a node does, and prove its golden rows."""
    with tarfile.open(archive) as tar:
        tar.extractall(node, filter="data")
    definition = read(node)
    options = load_options(definition.spec, definition.manifest.artifact, node)
    executor = LocalExecutor(definition.manifest, options, NativePool(1))
    executor.start()
    if definition.has_golden_rows:
        assert golden.check(node / GOLDEN, executor.predictor).rows == 2
    return executor.predictor


def test_archive_holds_all_that_a_node_needs(home: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere it loads as in a worker, and answers its golden rows; the cache is not needed."""
    archive = Path(shutil.copy(archive_of(prepared(home)).path, tmp_path))
    cache, hidden = home / "cache", home / "hidden"
    cache.rename(hidden)
    try:
        assert loaded(archive, tmp_path / "node").signature.names == ("a",)
    finally:
        hidden.rename(cache)
    assert (tmp_path / "node" / GOLDEN).exists()
    assert str(home / "cache") not in (tmp_path / "node/definition.json").read_text()


def test_code_brings_the_files_that_it_reads(home: Path, tmp_path: Path) -> None:
    """A function and its file of weights are one archive: what lies beside the original is not read again."""
    archive = archive_of(prepared(home, model="artifact: code/score.py:score"))
    (home / "code").rename(home / "code-gone")
    try:
        predictor = loaded(Path(archive.path), tmp_path / "node")
        assert list(predictor.predict([make_column("number", [2.0])]).values) == [6.0]
    finally:
        (home / "code-gone").rename(home / "code")


def test_what_serving_needs_changes_no_archive(home: Path, tmp_path: Path) -> None:
    """More replicas are the same application; another folder of archives is another one, and holds the archive."""
    first = prepared(home)
    assert prepared(home, keys="environment: venv, replicas: 4, num_cpus: 1, max_ongoing: 16") == first
    shared = prepared(home, keys=f"environment: venv, artifacts: {tmp_path / 'shared'}")
    assert (tmp_path / "shared" / f"{archive_of(shared).sha256}.tar").exists()
    assert shared.remote is not None
    assert first.remote is not None
    assert shared.remote.model != first.remote.model


def test_an_archive_that_is_gone_is_made_again(home: Path) -> None:
    """A manifest holds as long as its archive is there."""
    path = Path(archive_of(prepared(home)).path)
    assert is_known(registry_of(home), home / "cache")
    path.unlink()
    assert not is_known(registry_of(home), home / "cache")
    assert Path(archive_of(prepared(home)).path).exists()


def test_the_bridge_gets_no_secret_of_the_gateway(home: Path) -> None:
    """Its whole environment is stated: the token by its file, calls that carry it, and nothing else of ours."""
    child = next(one.child for one in [prepared(home).remote] if one is not None)
    assert child is not None
    assert child.environ["RAY_AUTH_MODE"] == "token"
    assert child.environ["RAY_SERVE_USE_GRPC_BY_DEFAULT"] == "0"
    assert not [name for name in child.environ if name.startswith("GATEWAY_")]
    assert "secret" not in json.dumps([dict(child.environ), child.argv])


def test_the_bridge_and_the_nodes_are_told_where_they_may_connect_to(home: Path) -> None:
    """`server.egress_allow` binds what connects: the bridge to the head, nodes to the address of archives."""
    bound = "server: {egress_allow: [127.0.0.1, 'files:8000']}\n"
    registry = registry_of(home, keys="environment: venv, artifacts: 'http://files:8000/models/'", server=bound)
    found = prepare_registry(registry, home / "cache", PrepareLimits())["score"]
    assert archive_of(found).egress == ("127.0.0.1", "files:8000")
    assert archive_of(found).place == "http://files:8000/models"
    assert found.remote is not None
    assert found.remote.child is not None
    assert found.remote.child.argv[-4:] == ("--allow", "127.0.0.1", "--allow", "files:8000")


def test_explanations_are_refused_by_name(home: Path) -> None:
    """The protocol answers no contributions."""
    report = prepared(home).explanation
    assert report is not None
    assert report.reason


@pytest.mark.parametrize(("packages", "message"), [((), "has no Ray"), ((RAY,), "has no package multi-model-gateway")])
def test_environment_that_lacks_something(home: Path, packages: tuple[str, ...], message: str) -> None:
    """What is to be installed, and where."""
    environment(home, f"lacking-{len(packages)}", *packages)
    found = problem(prepared(home, keys=f"environment: lacking-{len(packages)}"))
    assert found.code == "ray-environment"
    assert message in found.message
    assert "multi-model-gateway[ray]" in str(found.hint)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'no such namespace' >&2\nexit 1", "does not run: no such namespace"),
        ('echo \'[[3, 8], "2.60.0", "0.1.0"]\'', "is Python 3.8"),
        ("echo nonsense", "does not run"),
    ],
)
def test_environment_whose_python_is_none(home: Path, tmp_path: Path, script: str, message: str) -> None:
    """A model is never handed to a Python that fails, or to another one than it was prepared with."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin/python").chmod(0o700)
    assert message in problem(prepared(home, keys=f"environment: {tmp_path}")).message


@pytest.mark.parametrize("spoil", ["absent", "open", "empty"])
def test_token_that_cannot_be_used(home: Path, spoil: str) -> None:
    """Nobody else may read it, and the fault never tells it; the fix is done."""
    token = home / "ray.token"
    try:
        if spoil == "absent":
            token.unlink()
        else:
            token.write_text("" if spoil == "empty" else "secret")
            token.chmod(0o600 if spoil == "empty" else 0o644)
        found = problem(prepared(home))
        assert found.code == "ray-token"
        assert "secret" not in f"{found.message} {found.hint}"
        if spoil == "open":
            assert found.hint == f"chmod 600 {token}"
    finally:
        token.write_text("secret")
        token.chmod(0o600)
    assert prepared(home).problem is None


def test_folder_of_archives_that_cannot_be_written(home: Path) -> None:
    """The route fails by name."""
    assert problem(prepared(home, keys="environment: venv, artifacts: model.onnx")).code == "ray-artifacts"
