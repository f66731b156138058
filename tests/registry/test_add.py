"""`gateway add` appends a correct entry and keeps every other byte."""

import stat
from pathlib import Path

import pytest

from gateway.artifacts.source_files import digest
from gateway.errors import ArtifactError, RegistryError
from gateway.registry.add import add_route
from gateway.registry.load import load_registry


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with one artifact of each kind that matters here."""
    (tmp_path / "models").mkdir()
    for name in ("new.onnx", "a b.onnx", "new.pkl", "code.py"):
        (tmp_path / "models" / name).write_bytes(b"bytes")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def add(folder: Path, before: str | bytes, artifact: str = "models/new.onnx", **options: bool) -> str:
    """Append /new to a registry and return the new text."""
    path = folder / "registry.yaml"
    path.write_bytes(before if isinstance(before, bytes) else before.encode())
    add_route(path, [artifact], "/new", **options)  # type: ignore[arg-type]
    assert load_registry(path).routes[-1].path == "/new"
    return path.read_bytes().decode()


LINE = "  /new: models/new.onnx\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1\nroutes:\n", "version: 1\nroutes:\n" + LINE),
        ("version: 1\nroutes:", "version: 1\nroutes:\n" + LINE),
        ("version: 1\nroutes: {}\n", "version: 1\nroutes:\n" + LINE),
        ("version: 1\nroutes: {}  # none yet\n", "version: 1\nroutes:  # none yet\n" + LINE),
        ("version: 1\nroutes: ~\nserver: {}\n", "version: 1\nroutes:\n" + LINE + "server: {}\n"),
        ("version: 1\nroutes:\n  /a: a.onnx", "version: 1\nroutes:\n  /a: a.onnx\n" + LINE),
        (
            "# top\nversion: 1\nroutes:\n  /a: a.onnx  # mine\n\n# the server\nserver: {}\n",
            "# top\nversion: 1\nroutes:\n  /a: a.onnx  # mine\n" + LINE + "\n# the server\nserver: {}\n",
        ),
        (
            "version: 1\nroutes:\n  /a:\n    artifact: a.onnx\n    # about a\n  # between\n",
            "version: 1\nroutes:\n  /a:\n    artifact: a.onnx\n    # about a\n" + LINE + "  # between\n",
        ),
        (
            "version: 1\nroutes:\n  /a:\n    artifact: a.onnx\n    description: |\n      long\n\n      text\n",
            "version: 1\nroutes:\n  /a:\n    artifact: a.onnx\n    description: |\n      long\n\n      text\n" + LINE,
        ),
        (
            "version: 1\nroutes:\n  /a: {artifact: a.onnx,\n       critical: true}\n",
            "version: 1\nroutes:\n  /a: {artifact: a.onnx,\n       critical: true}\n" + LINE,
        ),
        (
            "version: 1\nroutes:\n      /a: a.onnx\n",
            "version: 1\nroutes:\n      /a: a.onnx\n      /new: models/new.onnx\n",
        ),
        (
            "version: 1\r\nroutes:\r\n  /a: a.onnx\r\n",
            "version: 1\r\nroutes:\r\n  /a: a.onnx\r\n" + LINE.replace("\n", "\r\n"),
        ),
        ("\ufeffversion: 1\nroutes:\n  /a: a.onnx\n", "\ufeffversion: 1\nroutes:\n  /a: a.onnx\n" + LINE),
        ("---\nversion: 1\nroutes:\n  /a: a.onnx\n...\n", "---\nversion: 1\nroutes:\n  /a: a.onnx\n" + LINE + "...\n"),
        ("routes:\n  /a: a.onnx\nversion: 1\n", "routes:\n  /a: a.onnx\n" + LINE + "version: 1\n"),
    ],
)
def test_only_the_entry_is_added(folder: Path, before: str, after: str) -> None:
    """Comments, blank lines, indentation, line ends and the order of keys stay."""
    assert add(folder, before) == after


def test_a_pickle_is_pinned_when_it_is_allowed(folder: Path) -> None:
    """The opt-in brings the pin with it, in the indentation of the file; without it nothing is written."""
    before = "version: 1\nroutes:\n  /a:\n     artifact: a.onnx\n"
    with pytest.raises(ArtifactError, match="pickle"):
        add(folder, before, "models/new.pkl")
    assert (folder / "registry.yaml").read_text() == before
    pin = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"
    added = f"  /new:\n     artifact: models/new.pkl\n     allow_pickle: true\n     sha256: {pin}\n"
    assert add(folder, before, "models/new.pkl", allow_pickle=True) == before + added


def test_names_that_need_quotes_get_them(folder: Path) -> None:
    """A path with a space is quoted; Python code keeps its entry."""
    assert '"models/a b.onnx"' in add(folder, "version: 1\nroutes:\n", "models/a b.onnx")
    assert "/new: models/code.py:fn\n" in add(folder, "version: 1\nroutes:\n", "models/code.py:fn")


@pytest.mark.parametrize(
    "name", ["a\nb.onnx", "a\tb.onnx", "\x1b[2J\x7f.onnx", "\u202exnno.onnx", 'a\\"b.onnx', " a: #.onnx"]
)
def test_every_name_reads_back(folder: Path, name: str) -> None:
    """Line ends and control characters are written as escapes: the added route names the file that was given."""
    (folder / name).write_bytes(b"bytes")
    assert "\x1b" not in add(folder, "version: 1\nroutes:\n", name)
    assert load_registry(folder / "registry.yaml").routes[-1].sources == (name,)


def test_paths_become_relative_to_the_registry(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The artifact is named from the working folder, written from the registry's."""
    (folder / "registry.yaml").write_text("version: 1\nroutes:\n")
    monkeypatch.chdir(folder / "models")
    add_route(Path("../registry.yaml"), ["new.onnx"], "/new")
    assert (folder / "registry.yaml").read_text() == "version: 1\nroutes:\n" + LINE


@pytest.mark.parametrize(
    "before",
    [
        "version: 1\nroutes:\n  /new: a.onnx\n",
        "version: 1\nroutes:\n  /a: {artifact: a.onnx, aliases: [/new]}\n",
        "version: 1\nroutes:\n  /a: {artifact: a.onnx, name: new}\n",
        "version: 1\nroutes: {/a: a.onnx}\n",
        "{version: 1, routes: {}}\n",
        "version: 1\nrutes:\n",
    ],
)
def test_a_refusal_leaves_the_file_alone(folder: Path, before: str) -> None:
    """A taken path or name, routes in braces, or a faulty registry: nothing is written, no draft stays."""
    with pytest.raises(RegistryError):
        add(folder, before)
    assert (folder / "registry.yaml").read_text() == before
    assert sorted(path.name for path in folder.iterdir()) == ["models", "registry.yaml"]


def test_an_absent_artifact_is_refused(folder: Path) -> None:
    """An entry that could only answer 503 is not written."""
    with pytest.raises(ArtifactError, match="does not exist"):
        add(folder, "version: 1\nroutes:\n", "models/nwe.onnx")


def test_mode_and_link_of_the_registry_stay(folder: Path) -> None:
    """The file behind a link is replaced, with its permissions."""
    real = folder / "real.yaml"
    real.write_text("version: 1\nroutes:\n")
    real.chmod(0o640)
    (folder / "registry.yaml").symlink_to(real)
    add_route(folder / "registry.yaml", ["models/new.onnx"], "/new")
    assert (folder / "registry.yaml").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert real.read_text().endswith(LINE)


def test_the_first_route_begins_the_registry(folder: Path) -> None:
    """Where there is no registry yet it is written; a folder that is not there stays so."""
    add_route(folder / "registry.yaml", ["models/new.onnx"], "/new")
    assert (folder / "registry.yaml").read_text() == "version: 1\nroutes:\n  /new: models/new.onnx\n"
    with pytest.raises(RegistryError, match="1 fault"):
        add_route(folder / "absent" / "registry.yaml", ["models/new.onnx"], "/new")


def test_a_loop_of_links_is_no_registry(folder: Path) -> None:
    """A link that leads to itself is named like any other file that cannot be read."""
    (folder / "registry.yaml").symlink_to("registry.yaml")
    with pytest.raises(RegistryError) as error:
        add_route(folder / "registry.yaml", ["models/new.onnx"], "/new")
    assert "unreadable-file" in error.value.text


def test_a_refused_route_begins_no_registry(folder: Path) -> None:
    """An artifact that is refused leaves nothing behind."""
    with pytest.raises(ArtifactError, match="is a pickle"):
        add_route(folder / "registry.yaml", ["models/new.pkl"], "/new")
    assert not (folder / "registry.yaml").exists()


def test_a_registry_that_cannot_be_written_is_named(folder: Path) -> None:
    """Where the registry would be replaced nothing can be written: it is named, not a draft of it."""
    text = "version: 1\nroutes:\n  /old: models/new.onnx\n"
    (folder / "registry.yaml").write_text(text)
    name = "r" * 250  # its draft would have a longer name than file systems take
    (folder / "registry.yaml").rename(folder / name)
    with pytest.raises(RegistryError, match=f"{name} cannot be written: File name too long"):
        add_route(folder / name, ["models/new.onnx"], "/new")
    assert (folder / name).read_text() == text


def test_several_files_become_a_list_with_a_pin_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of one model are added as a list in their order, with their pins in the same one."""
    monkeypatch.chdir(tmp_path)
    pins = []
    for name in ("scaler.pkl", "model.pkl"):
        (tmp_path / name).write_text(name)
        pins.append(digest(tmp_path / name)[0])
    added = add_route(tmp_path / "registry.yaml", ["scaler.pkl", "model.pkl"], "/new", allow_pickle=True)
    assert "artifact: [scaler.pkl, model.pkl]" in added
    spec = load_registry(tmp_path / "registry.yaml", files=True).routes[0]
    assert (spec.sources, spec.pins, spec.loader) == (("scaler.pkl", "model.pkl"), tuple(pins), "bundle")


def test_a_reference_is_added_as_it_is_and_its_copy_needs_no_pin(folder: Path) -> None:
    """A pickle in an MLflow store needs the opt-in; the sha256 of its copy stands in the generation."""
    copy, registry = folder / "models" / "new.pkl", folder / "registry.yaml"
    named = ["mlflow:models:/churn@champion"]
    registry.write_text("version: 1\nroutes:\n")
    with pytest.raises(ArtifactError, match="is a pickle"):
        add_route(registry, named, "/new", paths=[copy])
    added = add_route(registry, named, "/new", paths=[copy], allow_pickle=True)
    assert added == '  /new:\n    artifact: "mlflow:models:/churn@champion"\n    allow_pickle: true\n'
    assert load_registry(registry, files=True).routes[0].reference == named[0]
