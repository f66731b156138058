"""
Every artifact is read by a reader that makes only what models consist of, within bounds that are checked beforehand.

Each hostile file is refused by name with a way to go on; nothing of it runs, and nothing is written.

OWASP: ML06, ML10
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.loaders import get_loader
from gateway.loaders.admission.pickle_globals import pickle_imports
from gateway.loaders.base import LoadOptions
from gateway.system import archives

from . import hostile_archives, hostile_pickles

ALLOWING = LoadOptions(allow_pickle=True)
#: What a refusal of an archive or a graph may be called.
REFUSED = {
    "broken-artifact", "external-data", "missing-parts", "too-large-inside", "unsupported-model", "untrusted-types",
    "wrong-version",
}  # fmt: skip
ARCHIVES = [(kind, name) for kind, cases in hostile_archives.ALL.items() for name in cases]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty folder, in which nothing may appear."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield
    assert list(folder.iterdir()) == []


def refusal_of(loader: str, path: Path) -> GatewayError:
    """Return the refusal of a file; its text names the file, and says how to go on."""
    with pytest.raises((ArtifactError, LoadError)) as error:
        get_loader(loader).load(path, ALLOWING)
    assert path.name in error.value.message
    assert error.value.hint
    return error.value


@pytest.mark.parametrize("name", hostile_pickles.CALLED)
def test_no_global_of_a_pickle_is_called(tmp_path: Path, name: str) -> None:
    """Published ways around the lists of scanners: the reader knows what models need, and no list of what is bad."""
    path = tmp_path / "model.pkl"
    path.write_bytes(hostile_pickles.calling(name))
    error = refusal_of("sklearn", path)
    assert error.code in {"forbidden-pickle", "wrong-version"}
    assert name in error.message or " uses " in error.message
    assert name in pickle_imports(path)


@pytest.mark.parametrize("name", hostile_pickles.HIDDEN)
def test_no_call_is_hidden_from_the_reader(tmp_path: Path, name: str) -> None:
    """Arrays of objects, compressed files, odd opcodes, archives: whatever the reader meets, it does not run."""
    path = tmp_path / "model.pkl"
    path.write_bytes(hostile_pickles.HIDDEN[name]())
    assert refusal_of("sklearn", path).code in {"forbidden-pickle", "broken-artifact"}


@pytest.mark.parametrize("name", hostile_pickles.HIDDEN)
def test_a_pickle_without_an_opt_in_is_not_even_begun(tmp_path: Path, name: str) -> None:
    """Without `allow_pickle` no opcode is read."""
    path = tmp_path / "model.skops"
    path.write_bytes(hostile_pickles.HIDDEN[name]())
    with pytest.raises(GatewayError) as error:
        get_loader("sklearn").load(path, LoadOptions())
    assert error.value.code in {"pickle-refused", "forbidden-pickle", "broken-artifact"}


@pytest.mark.parametrize(("kind", "name"), ARCHIVES, ids=[f"{kind[0]}: {name}" for kind, name in ARCHIVES])
def test_archives_and_graphs_lead_nowhere(tmp_path: Path, kind: tuple[str, str], name: str) -> None:
    """Names that lead out, links, bombs, tensors in other files, endless descriptions: refused before they are read."""
    loader, suffix = kind
    path = tmp_path / f"model{suffix}"
    path.write_bytes(hostile_archives.ALL[kind][name]())
    assert refusal_of(loader, path).code in REFUSED


def test_there_are_as_many_as_promised() -> None:
    """At least eighty hostile files are tried, and each kind of reader gets some."""
    assert len(hostile_pickles.CALLED) + len(hostile_pickles.HIDDEN) + len(ARCHIVES) >= 80
    assert {loader for (loader, _), _ in ARCHIVES} == {"sklearn", "h2o_mojo", "onnx", "xgboost"}


def test_bounds_admit_what_models_are(tmp_path: Path) -> None:
    """An honest archive passes, also one whose arrays of zeros shrink a thousand times."""
    path = tmp_path / "model.zip"
    path.write_bytes(hostile_archives._packed({"folder/": b"", "folder/a.npy": bytes(2**20), "..a": b"1", "b..": b""}))
    archives.check(path)
