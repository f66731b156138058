"""Files whose names are no UTF-8, as archives of other systems bring them, are refused by name and cost no other route."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.artifacts import source_files
from gateway.errors import ArtifactError
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry

CODE = "def predict(x: float) -> float:\n    return x\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a registry of one honest route and one whose folder holds such a name."""
    for name in ("honest", "odd"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(CODE)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd/caf\xe9.csv")).write_text("x")
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes:\n  /honest: honest/app.py\n")
    return tmp_path


def test_such_a_name_is_told(folder: Path) -> None:
    """In a folder, by a pattern, and as the artifact itself."""
    with pytest.raises(ArtifactError, match="has a name that is no UTF-8") as error:
        source_files.entries_of(folder / "odd")
    assert (error.value.code, bool(error.value.hint)) == ("artifact-unreadable", True)
    with pytest.raises(ArtifactError, match="has a name that is no UTF-8"):
        source_files.refuse_odd_name(next((folder / "odd").glob("*.csv")))


def test_what_raises_for_one_route_costs_no_other(folder: Path) -> None:
    """An error that nobody foresaw while a route is prepared is the fault of this route; the others are prepared."""
    registry = load_registry(folder / "registry.yaml")
    [honest] = registry.routes
    # The reader of registries refuses such a text; it stands for any other error.
    odd = replace(honest, path="/odd", name="odd", artifact="odd\udce9.py")
    Path(os.fsdecode(os.fsencode(folder) + b"/odd\xe9.py")).write_text(CODE)
    found = prepare_registry(replace(registry, routes=(odd, honest)), folder / ".gateway" / "cache", PrepareLimits())
    assert found["honest"].problem is None
    assert found["odd"].problem is not None
    assert found["odd"].problem.code == "prepare-raised"
