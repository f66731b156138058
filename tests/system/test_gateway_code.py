"""What was prepared with other code of the gateway is prepared again; the digest misses none of that code."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from gateway.artifacts import manifest
from gateway.executors.thread_pool import NativePool
from gateway.loaders.base import LoadOptions
from gateway.routing.model import Model
from gateway.system.gateway_code import PREPARING, RUNNING, source_digest

PACKAGE = Path(__file__).resolve().parents[2] / "gateway"

#: Everything of ours that a prepare child may have in memory, by name.
CLOSURE = """
import importlib, sys
from pathlib import Path
import gateway.prepare.child
for package in ("compilers", "explainers", "loaders"):
    for path in sorted(Path(gateway.__file__).parent.joinpath(package).rglob("*.py")):
        if path.stem != "__init__":
            parts = path.relative_to(Path(gateway.__file__).parents[1]).with_suffix("").parts
            importlib.import_module(".".join(parts))
print(sorted({name.split(".")[1] for name in sys.modules if name.startswith("gateway.")}))
"""

#: Prepares one linear model with the gateway that lies in the current folder; prints whether a child was needed.
PREPARE = """
import json, sys
from pathlib import Path
import gateway
from gateway.prepare.entries import is_known, prepare_registry
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.registry.load import load_registry
home = Path(sys.argv[1])
assert Path(gateway.__file__).parents[1] == Path.cwd()
registry = load_registry(home / "registry.yaml")
known = is_known(registry, home / "cache")
found = prepare_registry(registry, home / "cache", PrepareLimits())["m"]
print(json.dumps([known, found.key, found.compiled and found.compiled.path]))
"""


def test_every_module_of_the_prepare_child_is_in_the_digest() -> None:
    """A module that preparing begins to import must be named in PREPARING, or its edits would not be seen."""
    done = subprocess.run([sys.executable, "-c", CLOSURE], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout.replace("'", '"'))) <= set(PREPARING)
    assert set(RUNNING) <= set(PREPARING)


@pytest.mark.parametrize("member", PREPARING)
def test_every_member_counts(member: str, tmp_path: Path) -> None:
    """A changed, a renamed and a further file of each member make another digest; files of other members do not."""
    package = tmp_path / "gateway"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    digests = {source_digest(PREPARING, package)}
    path = package / f"{member}.py" if (package / f"{member}.py").exists() else package / member / "__init__.py"
    # A second copy each time: the digest of a folder is read once in a process.
    for number, change in enumerate(("edit", "foreign")):
        copy = tmp_path / str(number)
        shutil.copytree(package, copy)
        if change == "edit":
            target = copy / path.relative_to(package)
            target.write_text(target.read_text() + "\n")
            digests.add(source_digest(PREPARING, copy))
            assert len(digests) == 2
        else:
            (copy / "main.py").write_text("")
            assert source_digest(PREPARING, copy) in digests


class Checkout:
    """A copy of the gateway's code that may be edited, and a home with one linear model that it prepares."""

    def __init__(self, folder: Path) -> None:
        self.package, self.home = folder / "code" / "gateway", folder / "home"
        shutil.copytree(PACKAGE, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        self.home.mkdir()
        rows = np.arange(40.0).reshape(20, 2)
        skops.io.dump(LinearRegression().fit(rows, rows.sum(axis=1)), self.home / "line.skops")
        (self.home / "registry.yaml").write_text("version: 1\nroutes:\n  /m: line.skops\n")

    def edit(self, name: str) -> None:
        """Append a comment to a file of the code."""
        path = self.package / name
        path.write_text(path.read_text() + "\n# Another line.\n")

    def prepare(self) -> list[object]:
        """Return whether the manifest was known, its key, and the path of its compiled model."""
        done = subprocess.run(
            [sys.executable, "-c", PREPARE, str(self.home)],
            cwd=self.package.parent,
            env={**os.environ, "PYTHONPATH": str(self.package.parent)},  # its children look in no current folder
            capture_output=True,
            text=True,
            check=True,
        )
        return list(json.loads(done.stdout))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a fresh copy."""
    return Checkout(tmp_path)


@pytest.mark.slow
def test_an_edited_compiler_proves_again(checkout: Checkout) -> None:
    """Editing a checkout of the same version makes the manifests and compiled models of before unknown; other edits do not."""
    known, key, compiled = checkout.prepare()
    assert not known
    assert compiled
    assert checkout.prepare() == [True, key, compiled]
    checkout.edit("cli/main.py")
    assert checkout.prepare() == [True, key, compiled]
    checkout.edit("runtimes/additive.py")
    known, other, compiled = checkout.prepare()
    assert not known
    assert compiled
    assert other != key


def test_a_compiled_model_of_other_code_is_not_run(checkout: Checkout) -> None:
    """A committed generation outlives an upgrade: what other code proved is left alone, the original answers."""
    checkout.edit("runtimes/additive.py")
    _, key, _ = checkout.prepare()
    found = manifest.read(checkout.home / "cache" / "manifests" / f"{key}.json")
    assert found is not None
    assert found.compiled is not None
    model = Model(found, LoadOptions(), NativePool(1))
    model.load()
    assert "proven with other code of this gateway" in model.compiled_lost
    row = [np.array([1.0]), np.array([2.0])]
    assert model.predict(row, time.monotonic() + 5).values.tolist() == pytest.approx([3.0])
