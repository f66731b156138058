"""Trees of MOJOs that lead back: Java would follow them for ever, so they are refused before a worker gets them."""

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import ArtifactError
from gateway.loaders.base import LoadOptions
from gateway.loaders.h2o_mojo import MojoPredictor
from gateway.loaders.mojo_trees import is_tree, is_whole
from gateway.prepare import child

MOJOS = Path(__file__).resolve().parents[1] / "mojos"
#: A number splits column 0, missing values go left; then how long the left side is, in four bytes.
HEAD = struct.pack("<BHBf", 0x03, 0, 4, 0.5)
LEAF = struct.pack("<BHBff", 0xF0, 0, 4, 0.5, 1.0) + struct.pack("<f", 2.0)
ENDLESS = HEAD + struct.pack("<i", -len(HEAD) - 4) + LEAF + LEAF


def trees() -> Iterator[bytes]:
    """Yield the trees of the committed models."""
    for path in sorted(MOJOS.rglob("model.zip")):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist() if is_tree(name))


def test_honest_trees_are_whole() -> None:
    """Every tree of the models here ends where it says; one cut short, or followed by more, does not."""
    found = list(trees())
    assert len(found) > 100
    assert all(map(is_whole, found))
    assert not any(is_whole(tree[:-1]) or is_whole(tree + b"\0") for tree in found)


@pytest.mark.parametrize(
    ("tree", "wanted"),
    [
        (HEAD + struct.pack("<i", len(LEAF)) + LEAF + LEAF, True),
        (struct.pack("<BHf", 0, 0xFFFF, 1.0), True),
        (ENDLESS, False),
        (HEAD + struct.pack("<i", 0) + LEAF + LEAF, False),
        (HEAD + struct.pack("<i", 2**30) + LEAF + LEAF, False),
        (HEAD + struct.pack("<i", len(LEAF)) + LEAF, False),
        (b"\x10" + LEAF[1:], False),
        (b"\xf4" + LEAF[1:], False),
        (struct.pack("<BHBHI", 0xFC, 0, 4, 0, 2**32 - 1), False),
        (b"", False),
    ],
)
def test_sides_are_as_long_as_they_say(tree: bytes, wanted: bool) -> None:
    """A side that ends before it begins would be followed for ever; nor may it lead elsewhere, or be of no kind."""
    assert is_whole(tree) is wanted


def test_preparing_looks_at_each_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Java reads such a model without complaint; preparing refuses it by name, and no worker loads it."""
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("models/one/trees/t00_000.bin", ENDLESS)
        archive.writestr("models/one/trees/t00_000_aux.bin", b"")
    read = object.__new__(MojoPredictor)
    read._path = path
    loader: Any = SimpleNamespace(load=lambda path, options: read)
    monkeypatch.setattr(child, "get_loader", lambda name: loader)
    monkeypatch.setattr(child, "is_remote", lambda spec: False)
    artifact, spec = SimpleNamespace(path=str(path)), SimpleNamespace(loader="h2o_mojo")
    entry: Any = SimpleNamespace(artifact=artifact, spec=spec, cache_dir=str(tmp_path), key="0")
    with pytest.raises(ArtifactError, match="t00_000") as error:
        child._loaded(entry, LoadOptions(), lambda error: None)
    assert error.value.code == "broken-artifact"
