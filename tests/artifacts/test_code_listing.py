"""Files that `files:` of a Python route lists, where what lies there cannot be kept."""

import os
from pathlib import Path

import pytest

from gateway.artifacts import code_listing
from gateway.errors import RegistryError
from gateway.registry.load import load_registry


def test_a_listed_folder_that_cannot_be_kept_is_a_fault_at_its_pattern(tmp_path: Path) -> None:
    """The registry tells line and route; whoever watches the files goes on with what the pattern says."""
    (tmp_path / "tables").mkdir()
    os.mkfifo(tmp_path / "tables" / "pipe")
    (tmp_path / "f.py").write_text("def predict(x: float) -> float:\n    return x\n")
    registry = tmp_path / "registry.yaml"
    registry.write_text("version: 1\nroutes:\n  /x: {artifact: f.py, files: [tables]}\n")
    with pytest.raises(RegistryError) as caught:
        load_registry(registry, files=True)
    assert "registry.yaml:3:32: artifact 'tables', where pipe is a pipe" in caught.value.text
    assert tmp_path / "tables" in code_listing.watched(tmp_path, tmp_path / "f.py", "tables")
