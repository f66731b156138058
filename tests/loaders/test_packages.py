"""A proof and a manifest hold only as long as everything that the answers come from is the same."""

import ast
import functools
import sys
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import gateway.loaders
from gateway.loaders.table import TABLE

FOLDER = Path(gateway.loaders.__file__).parent
#: Files of a loader by the beginning of their names.
FILES = {
    "sklearn": ("sklearn", "unpickle", "allowed"),
    "xgboost": ("xgboost",),
    "catboost": ("catboost",),
    "lightgbm": ("lightgbm",),
    "h2o_mojo": ("h2o", "mojo"),
    "onnx": ("onnx",),
    "python": ("python",),
    "stub": ("stub",),
    "bundle": ("bundle",),
}
#: The gateway itself stands on them; NumPy is named where a loader's answers come from it.
EVERYWHERE = {"numpy", "msgspec"}


@functools.cache
def distributions() -> Mapping[str, list[str]]:
    """Return which distributions bring a package; finding out takes a second."""
    return packages_distributions()


def imported(path: Path) -> set[str]:
    """Return the top-level names of other people's packages that a file imports."""
    roots = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add(str(node.module).partition(".")[0])
    return roots - sys.stdlib_module_names - {"gateway"}


@pytest.mark.parametrize("loader", TABLE)
def test_every_package_that_a_loader_imports_decides(loader: str) -> None:
    """The table names each distribution behind an import of the loader's files: an upgrade of it prepares anew."""
    homes = distributions()
    roots = {root for path in FOLDER.glob("*.py") if path.name.startswith(FILES[loader]) for root in imported(path)}
    for root in roots - EVERYWHERE:
        assert set(homes[root]) & set(TABLE[loader].packages), f"{root} ({homes[root]})"


@pytest.mark.parametrize("package", ["pandas", "scipy", "scikit-learn", "skops", "joblib", "numpy"])
def test_scikit_learn_stands_on_these(package: str) -> None:
    """A pipeline's answers come through pandas and SciPy as much as through scikit-learn."""
    assert package in TABLE["sklearn"].packages
