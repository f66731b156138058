"""
Every artifact is read by a reader that makes only what models consist of, within bounds that are checked beforehand.

Each hostile file is refused by name with a way to go on; nothing of it runs, and nothing is written.

OWASP: ML06, ML10
"""

import importlib.util
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import onnxruntime
import pytest

from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.loaders import get_loader, onnx_graph
from gateway.loaders.admission import pickle_stream
from gateway.loaders.admission.pickle_globals import pickle_imports
from gateway.loaders.admission.unpickle import unpickle
from gateway.loaders.base import LoadOptions
from gateway.system import archives
from loaders.acting import honest

from . import hostile_archives, hostile_pickles, hostile_sizes

ALLOWING = LoadOptions(allow_pickle=True)
#: What a refusal of an archive or a graph may be called.
REFUSED = {
    "broken-artifact", "external-data", "missing-parts", "too-large-inside", "unsupported-model", "untrusted-types",
    "wrong-version",
}  # fmt: skip
#: What the sizes of a pickle may take; each of them announces gigabytes.
MOST_BYTES = 64 * 2**20
WITHOUT_LZ4 = pytest.mark.skipif(importlib.util.find_spec("lz4") is None, reason="needs lz4")
COMPRESSIONS = [pytest.param(name, marks=[WITHOUT_LZ4] if name == "lz4" else []) for name in hostile_sizes.COMPRESSIONS]
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


@pytest.mark.parametrize("name", hostile_sizes.ANNOUNCED)
def test_no_memory_is_taken_for_what_a_pickle_announces(tmp_path: Path, name: str) -> None:
    """A size is compared with what is left of the file before anything of that size is made."""
    path = tmp_path / "model.pkl"
    path.write_bytes(hostile_sizes.ANNOUNCED[name])
    tracemalloc.start()
    try:
        assert refusal_of("sklearn", path).code in {"broken-artifact", "forbidden-pickle"}
        pickle_imports(path)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", hostile_sizes.NESTED)
def test_no_nesting_of_a_pickle_takes_the_time_or_the_stack(tmp_path: Path, name: str) -> None:
    """What stands in a file a thousand times is walked once, and keys that no hash ends at are refused."""
    path = tmp_path / "model.pkl"
    path.write_bytes(hostile_sizes.NESTED[name])
    assert refusal_of("sklearn", path).code in {"not-a-predictor", "forbidden-pickle", "broken-artifact"}
    assert pickle_imports(path) is not None


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_a_compressed_pickle_announces_is_bounded(tmp_path: Path, compression: str) -> None:
    """Whatever joblib unpacks has the bounds of archives, for the reader and for the lister of names alike."""
    path = tmp_path / "model.joblib"
    path.write_bytes(hostile_sizes.announcing(compression))
    assert refusal_of("sklearn", path).code == "too-large-inside"
    with pytest.raises(ArtifactError, match="unpack to more than"):
        pickle_imports(path)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_a_compressed_pickle_holds_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    """A file that announces nothing is ended at the bound, however little of it is kept; the bound is lower here."""
    monkeypatch.setattr(pickle_stream, "OF_MODELS", archives.Bounds(harmless_bytes=2**22, most_ratio=10))
    path = tmp_path / "model.joblib"
    path.write_bytes(hostile_sizes.holding(compression, mebibytes=3))
    assert unpickle(path) is None
    path.write_bytes(hostile_sizes.holding(compression, mebibytes=8))
    assert refusal_of("sklearn", path).code == "too-large-inside"


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_honest_compressed_model_is_read(tmp_path: Path, compression: str) -> None:
    """Each compression of joblib is read, also of arrays of zeros that shrink a thousand times."""
    model = honest()
    model.intercept_scaling = 2.5
    path = tmp_path / "model.joblib"
    joblib.dump((model, np.zeros(2**20)), path, compress=(compression, 1))
    found, zeros = unpickle(path)
    assert found.intercept_scaling == 2.5
    assert found.coef_.tobytes() == model.coef_.tobytes()
    assert zeros.shape == (2**20,)
    assert path.stat().st_size < 2**17


@pytest.mark.skipif(importlib.util.find_spec("lz4") is not None, reason="lz4 is installed")
def test_a_compression_that_is_not_installed_is_named(tmp_path: Path) -> None:
    """LZ4 is no part of Python: the refusal says what brings it."""
    path = tmp_path / "model.joblib"
    path.write_bytes(b"\x04\x22\x4d\x18" + bytes(64))
    error = refusal_of("sklearn", path)
    assert (error.code, error.hint) == ("missing-extra", "pip install lz4")


@pytest.mark.parametrize(("kind", "name"), ARCHIVES, ids=[f"{kind[0]}: {name}" for kind, name in ARCHIVES])
def test_archives_and_graphs_lead_nowhere(tmp_path: Path, kind: tuple[str, str], name: str) -> None:
    """Names that lead out, links, bombs, tensors in other files, endless descriptions: refused before they are read."""
    loader, suffix = kind
    path = tmp_path / f"model{suffix}"
    path.write_bytes(hostile_archives.ALL[kind][name]())
    assert refusal_of(loader, path).code in REFUSED


@pytest.mark.parametrize("is_listed", [True, False], ids=["with the package onnx", "without it"])
def test_a_graph_is_run_as_it_was_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_listed: bool) -> None:
    """ONNX Runtime's own format, which no check reads, is told by four bytes that may stand in a graph as well."""
    if not is_listed:
        monkeypatch.setattr(onnx_graph, "onnx", None)
    path = tmp_path / "model.onnx"
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(path), 4
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(hostile_archives.honest_graph(), options)
    assert path.read_bytes()[4:8] == b"ORTM"
    assert refusal_of("onnx", path).code == "broken-artifact"


def test_there_are_as_many_as_promised() -> None:
    """At least eighty hostile files are tried, and each kind of reader gets some."""
    assert len(hostile_pickles.CALLED) + len(hostile_pickles.HIDDEN) + len(ARCHIVES) >= 80
    assert {loader for (loader, _), _ in ARCHIVES} == {"sklearn", "h2o_mojo", "onnx", "xgboost", "lightgbm", "catboost"}


def test_bounds_admit_what_models_are(tmp_path: Path) -> None:
    """An honest archive passes, also one whose arrays of zeros shrink a thousand times."""
    path = tmp_path / "model.zip"
    path.write_bytes(hostile_archives._packed({"folder/": b"", "folder/a.npy": bytes(2**20), "..a": b"1", "b..": b""}))
    archives.check(path)
