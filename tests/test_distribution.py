"""What is released: an sdist, and the wheel made from it, which serves from an empty environment and an empty folder."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

import gateway
import serving

ROOT = serving.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
#: The whole registry, and the only other file of the folder.
REGISTRY = "{version: 1, routes: {/next: model.py:predict}}\n"
MODEL = "def predict(x: float) -> float:\n    return x + 1\n"


def files_of(folder: Path) -> set[str]:
    """Return what a package consists of, relative to the folder around it."""
    found = (path.relative_to(folder.parent) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build as a release does: the sdist from the tree, the wheel from the sdist."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "gateway", tree / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / name, tree)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tree / "dist"), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return tree / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """Return the wheel; its name tells the version."""
    return dist / f"multi_model_gateway-{gateway.__version__}-py3-none-any.whl"


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Every file of gateway/, whatever its ending, and no test, model or script."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == files_of(ROOT / "gateway")


def test_the_sdist_holds_the_package(dist: Path) -> None:
    """A wheel can be made from it anywhere."""
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert files_of(ROOT / "gateway") | {"pyproject.toml", "README.md", "LICENSE"} <= names


def test_every_pattern_of_package_data_names_files() -> None:
    """No pattern outlives the files that it was written for."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["gateway"]
    assert [pattern for pattern in patterns if not list((ROOT / "gateway").glob(pattern))] == []


def ask_for(python: Path, folder: Path) -> object:
    """Serve a folder that holds a registry of one line and the file it names; return the answer to one request."""
    folder.mkdir()
    (folder / "registry.yaml").write_text(REGISTRY)
    (folder / "model.py").write_text(MODEL)
    port = serving.free_port()
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PYTHON"))}
    settings = {"GATEWAY_BIND": f"127.0.0.1:{port}", "GATEWAY_WORKERS": "1"}
    with (folder.parent / "serve.log").open("w") as log:
        command = [str(python.parent / "gateway"), "serve"]
        server = subprocess.Popen(command, cwd=folder, env={**bare, **settings}, stdout=log, stderr=log)
    try:
        return serving.until(lambda: answer_of(server, port), 60, what=f"an answer ({log.name})")
    finally:
        server.terminate()
        assert server.wait(30) == 0


def answer_of(server: "subprocess.Popen[bytes]", port: int) -> object:
    """Return the answer of the route; None while nobody listens."""
    assert server.poll() is None, "the gateway ended"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/next", b'{"x": 41}', {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except OSError:
        return None


def install(wheel: Path, environment: Path, *options: str) -> Path:
    """Make a virtual environment that holds the wheel; return its Python."""
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *options, str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return python


def test_the_wheel_serves_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """The gateway itself comes from the wheel alone; its dependencies are those of this environment."""
    python = install(wheel, tmp_path / "venv", "--no-deps")
    site = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(f"{next(path for path in sys.path if path.endswith('site-packages'))}\n")
    assert ask_for(python, tmp_path / "folder") == {"prediction": 42.0}


@pytest.mark.slow
def test_the_wheel_installs_into_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """`pip install` brings all that it takes to serve, and no framework."""
    python = install(wheel, tmp_path / "venv")
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "list", "--format", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    names: set[str] = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert names >= {"multi-model-gateway", "flask", "gunicorn"}
    assert names & {"scikit-learn", "xgboost", "xgboost-cpu", "h2o", "onnxruntime", "pandas"} == set()
    assert ask_for(python, tmp_path / "folder") == {"prediction": 42.0}
