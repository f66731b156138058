"""
What a registry names is resolved once, has to lie below `server.artifact_roots`, and is read through one descriptor.

A link, a folder or the bytes that are swapped between the check and the copy are refused; what is loaded is the copy.

OWASP: ML06, ML10, API8
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.artifacts import copies, source_files
from gateway.artifacts.digests import Digests
from gateway.artifacts.store import Store
from gateway.errors import ArtifactError, RegistryError
from gateway.prepare.cache_key import make_entry
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry
from gateway.system import files

STUB = '{"inputs": ["a"], "answer": 1.5}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with models, and with what lies outside of them."""
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "models" / "m.stub").write_text(STUB)
    (tmp_path / "outside" / "secret.stub").write_text(STUB)
    (tmp_path / "models" / "code.py").write_text("def predict(a: float) -> float:\n    return a\n")
    (tmp_path / "outside" / "headers.yaml").write_text("Authorization: Bearer secret\n")
    (tmp_path / "outside" / "headers.yaml").chmod(0o600)
    (tmp_path / "models" / "link.stub").symlink_to(tmp_path / "outside" / "secret.stub")
    (tmp_path / "models" / "a.skops").write_text("a")
    (tmp_path / "models" / "link.skops").symlink_to(tmp_path / "outside" / "secret.stub")
    (tmp_path / "models" / "inner.stub").symlink_to("m.stub")
    (tmp_path / "models" / "way").symlink_to(tmp_path / "outside")
    (tmp_path / "models" / "m" / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "models" / "m" / "model.skops").symlink_to(tmp_path / "outside" / "secret.stub")
    return tmp_path


def code_of(folder: Path, route: str) -> str:
    """Return why a route is not prepared, "" where it would be."""
    path = folder / "registry.yaml"
    path.write_text(f"version: 1\nserver: {{artifact_roots: [models]}}\nroutes:\n  /m: {route}\n")
    registry = load_registry(path)
    store = Store(folder / "cache", roots=registry.server.artifact_roots)
    try:
        make_entry(registry.routes[0], folder / "cache", Digests(folder / "digests"), store, PrepareLimits())
    except ArtifactError as error:
        assert error.hint
        return error.code
    return ""


OUTSIDE = {
    "a path upwards": "outside/secret.stub",
    "a path that leads out and in": "models/../outside/secret.stub",
    "a link to a file": "models/link.stub",
    "a folder that is a link": "models/way/secret.stub",
    "a link inside of a folder": "{artifact: models/m, loader: sklearn}",
    "golden rows": "{artifact: models/m.stub, golden: outside/secret.stub}",
    "a file of code": "{artifact: models/code.py, files: [../outside/secret.stub]}",
    "an absolute file of code": "{artifact: models/code.py, files: [models/way/secret.stub]}",
    "one of several": "{artifact: [models/a.skops, models/link.skops]}",
    "a file of headers": "{executor: {kind: upstream, url: 'http://127.0.0.1:9', headers_from: outside/headers.yaml}}",
    "an environment": "{artifact: models/m.stub, executor: {kind: process, environment: outside}}",
    "an interpreter": "{artifact: models/m.stub, executor: {kind: process, python: /bin/sh}}",
    "a token": "{artifact: models/m.stub, executor: {kind: ray, token: outside/headers.yaml, environment: models}}",
    "a folder of archives": "{artifact: models/m.stub, executor: {kind: ray, token: models/m.stub, artifacts: outside}}",
    "a jar": "{artifact: models/m.stub, executor: {kind: h2o_server, jar: outside/secret.stub}}",
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_leads_out_of_the_roots_is_refused(folder: Path, name: str) -> None:
    """Upwards, by links, in folders, in lists, and by every further file that a route names."""
    assert code_of(folder, OUTSIDE[name]) == "outside-roots"
    assert not any((folder / "cache").rglob("secret*"))


def test_an_absolute_path_is_refused_and_a_link_inside_is_not(folder: Path) -> None:
    """Compared is where a path leads, not how it is written."""
    assert code_of(folder, f"{folder}/outside/secret.stub") == "outside-roots"
    assert code_of(folder, f"{folder}/models/m.stub") == ""
    assert code_of(folder, "models/inner.stub") == ""


@pytest.mark.parametrize("name", ["a path upwards", "a link to a file", "golden rows", "a file of headers"])
def test_the_check_of_a_registry_names_it(folder: Path, name: str) -> None:
    """`gateway check` says it before anything is prepared, with the place in the file."""
    path = folder / "registry.yaml"
    path.write_text(f"version: 1\nserver: {{artifact_roots: [models]}}\nroutes:\n  /m: {OUTSIDE[name]}\n")
    with pytest.raises(RegistryError) as error:
        load_registry(path, files=True)
    assert "outside-roots" in error.value.text


def test_roots_bound_what_the_cache_holds_already(folder: Path) -> None:
    """A file that was kept before there were roots is refused all the same, and its route alone fails."""
    path = folder / "registry.yaml"
    routes = "routes:\n  /m: models/m.stub\n  /out: outside/secret.stub\n"
    path.write_text(f"version: 1\n{routes}")
    before = prepare_registry(load_registry(path), folder / "cache", PrepareLimits())
    assert [found.problem for found in before.values()] == [None, None]
    path.write_text(f"version: 1\nserver: {{artifact_roots: [models]}}\n{routes}")
    after = prepare_registry(load_registry(path), folder / "cache", PrepareLimits())
    assert after["m"].problem is None
    assert after["out"].problem is not None
    assert after["out"].problem.code == "outside-roots"


def _replaced_by_link(folder: Path, path: Path) -> None:
    path.unlink()
    path.symlink_to(folder / "outside" / "secret.stub")


def _folder_replaced_by_link(folder: Path, path: Path) -> None:
    path.parent.rename(folder / "elsewhere")
    (folder / "outside" / path.name).write_text(STUB)
    path.parent.symlink_to(folder / "outside")


def _same_size_and_time(folder: Path, path: Path) -> None:
    found = path.stat()
    path.write_text(STUB.replace("1.5", "6.6"))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def _replaced_by_pipe(folder: Path, path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("swap", [_replaced_by_link, _folder_replaced_by_link, _same_size_and_time, _replaced_by_pipe])
def test_what_is_swapped_after_hashing_is_refused(folder: Path, swap: Callable[[Path, Path], None]) -> None:
    """Between the hash and the copy: other bytes, a link, a folder that is a link, a pipe. Nothing of it is kept."""
    (folder / "models" / "inner").mkdir()
    (folder / "models" / "inner" / "m.stub").write_text(STUB)
    path = source_files.locate(folder, "models/inner/m.stub")
    sha256, _ = source_files.digest(path)
    swap(folder, path)
    store = Store(folder / "cache", roots=[str(folder / "models")])
    with pytest.raises(ArtifactError) as error:
        store.keep(path, sha256)
    assert error.value.code in {"artifact-changing", "outside-roots"}
    assert not any((folder / "cache").rglob("*.stub"))


def test_no_link_on_the_way_is_followed_once_a_path_is_resolved(folder: Path) -> None:
    """The file is opened folder by folder: none of them may have become a link since."""
    path = (folder / "models" / "m.stub").resolve()
    with files.open_resolved(path) as stream:
        assert stream.read() == STUB.encode()
    _folder_replaced_by_link(folder, path)
    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        files.open_resolved(path)


def test_a_copy_is_hashed_as_it_is_written(folder: Path) -> None:
    """The hash of a copy is that of the bytes of one descriptor; for folders, that of names and contents."""
    (folder / "tree" / "inner").mkdir(parents=True)
    (folder / "tree" / "inner" / "a").write_text("1")
    (folder / "tree" / "b").write_text("22")
    for name in ("models/m.stub", "tree"):
        found = copies.copy(folder / name, folder / f"copy-{Path(name).name}")
        assert found == source_files.digest(folder / name) == source_files.digest(folder / f"copy-{Path(name).name}")
