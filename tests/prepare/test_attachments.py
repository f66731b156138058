"""Files that pages show beside a model: part of the generation, and a broken one costs the plot alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.artifacts import binned_counts
from gateway.artifacts.manifest import Attachment
from gateway.errors import ArtifactError, RegistryError
from gateway.generations import snapshot
from gateway.generations.place import Place
from gateway.generations.rollback import roll_back
from gateway.generations.snapshot import Snapshot
from gateway.generations.transaction import attempt
from gateway.process.watched_files import committed_files
from gateway.registry.load import load_registry
from gateway.settings.settings import Settings

COUNTS: dict[str, Any] = {
    "version": 1,
    "start": 0,
    "width": 10,
    "series": [
        {"name": "all", "by": [], "groups": [{"of": [], "bins": [[0, 3], [4, 1]]}]},
        {"name": "{a}", "by": ["a"], "groups": [{"of": [1], "bins": [[2, 7]]}, {"of": [None], "bins": [[1, 1]]}]},
    ],
}


def with_(**changes: Any) -> str:
    """Return counts with changed members, as JSON."""
    return json.dumps(COUNTS | changes)


def series(**changes: Any) -> str:
    """Return counts whose second series has changed members."""
    return with_(series=[COUNTS["series"][0], COUNTS["series"][1] | changes])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a gateway's folders with a registry of one stub that has a plot."""
    (tmp_path / "m.stub").write_text(json.dumps({"inputs": ["a"]}))
    (tmp_path / "counts.json").write_text(json.dumps(COUNTS))
    write_registry(tmp_path)
    home = tmp_path / "home"
    return Place(registry=tmp_path / "registry.yaml", state_dir=home / "state", cache_dir=home / "cache")


def write_registry(folder: Path, plot: str = '{file: counts.json, title: "of {a}"}') -> None:
    """Write the registry with this plot."""
    (folder / "registry.yaml").write_text(f"version: 1\nroutes:\n  /x: {{artifact: m.stub, plot: {plot}}}\n")


def committed(place: Place) -> Snapshot:
    """Return the committed generation."""
    found = snapshot.committed(place.state_dir)
    assert found is not None
    return found


def card_of(place: Place) -> Attachment | None:
    """Return the committed card."""
    return committed(place).manifests["x"].attachments.get("card")


def plot_of(place: Place) -> Attachment:
    """Return the committed attachment."""
    return committed(place).manifests["x"].attachments["plot"]


def test_counts_are_kept_with_the_generation(place: Place) -> None:
    """A copy lies in the cache: what is edited afterwards does not change what is served."""
    attempt(place)
    kept = plot_of(place)
    Path(kept.origin).unlink()
    assert json.loads(Path(kept.path).read_bytes()) == COUNTS
    assert kept.problem is None


def test_an_edit_of_the_counts_mends_the_plot_alone(place: Place) -> None:
    """A broken or absent file commits with its reason, the repaired one commits again; the model stays prepared."""
    file = place.registry.parent / "counts.json"
    key = None
    for text, code in ((None, "plot-missing"), ("{", "plot-broken"), (json.dumps(COUNTS), "")):
        file.unlink(missing_ok=True)
        if text is not None:
            file.write_text(text)
        event = attempt(place)
        problem = plot_of(place).problem
        assert (event.result, problem.code if problem else "") == ("committed", code)
        assert (f"[{code}]" in event.reason) == bool(code)
        manifest = committed(place).manifests["x"]
        assert manifest.state == "ready"
        assert key in (None, manifest.key)
        key = manifest.key
    assert attempt(place).result == "unchanged"


def test_other_counts_are_another_generation(place: Place) -> None:
    """The route counts as changed, and the same counts as unchanged."""
    attempt(place)
    first = committed(place).id
    (place.registry.parent / "counts.json").write_text(with_(width=20))
    event = attempt(place)
    assert (event.changed, event.roll) == (("/x",), False)
    assert committed(place).id != first


def test_the_counts_are_watched(place: Place, tmp_path: Path) -> None:
    """An edit of the file alone reloads."""
    attempt(place)
    settings = Settings(registry=place.registry, home=tmp_path / "home")
    assert place.registry.parent / "counts.json" in committed_files(settings)


@pytest.mark.parametrize(
    ("plot", "names"),
    [
        ('{file: counts.json, title: "of {b}"}', "'title' of plot names 'b'"),
        ('{file: counts.json, x: "{"}', "x '{'"),
        ('{file: counts.json, line: "{value:.2f}"}', "only a name"),
        ('{file: counts.json, y: "{a!r}"}', "only a name"),
        ('{file: counts.json, y: "{value}"}', "names 'value'"),
    ],
)
def test_a_text_names_inputs_only(place: Place, plot: str, names: str) -> None:
    """A brace that stands for no input would be shown as nothing, or as code."""
    write_registry(place.registry.parent, plot)
    attempt(place)
    problem = plot_of(place).problem
    assert problem is not None
    assert names in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "truncated"),
        ("[]", "object"),
        (with_(version=2), "version"),
        (with_(width=0), "width"),
        (with_(width=-1), "width"),
        (with_(start="0"), "start"),
        (with_().replace('"start": 0', '"start": NaN'), "malformed"),
        (with_().replace('"start": 0', '"start": 1e999'), "out of range"),
        (with_(start=1.7e308, width=1e307), "beyond 1e+300"),
        (with_(width=1e308), "beyond 1e+300"),
        (with_(start=1e300, width=1e-300), "too narrow"),
        (with_(width=5e-324), "too narrow"),
        (with_(kind="scatter"), "unknown field `kind`"),
        (with_(series=[]), "series"),
        (with_(series=[COUNTS["series"][0]] * 5), "series"),
        (series(type="scatter"), "unknown field `type`"),
        (series(groups=[]), "groups"),
        (series(groups=[{"of": [1], "bins": []}]), "bins"),
        (series(groups=[{"of": [1], "bins": [[0, -1]]}]), "bins"),
        (series(groups=[{"of": [1], "bins": [[0, 0]]}]), "bins"),
        (series(groups=[{"of": [1], "bins": [[0, 1.5]]}]), "bins"),
        (series(groups=[{"of": [1], "bins": [[-1, 1]]}]), "bins"),
        (series(groups=[{"of": [1], "bins": [[2000, 1]]}]), "bins"),
        (series(groups=[{"of": [1], "bins": [[3, 1], [3, 1]]}]), "ascending"),
        (series(groups=[{"of": [1], "bins": [[3, 1], [2, 1]]}]), "ascending"),
        (series(groups=[{"of": [1, 2], "bins": [[3, 1]]}]), "2 levels for 1 fields"),
        (series(groups=[{"of": [1], "bins": [[3, 1]]}, {"of": [1.0], "bins": [[3, 1]]}]), "second time"),
        (series(by=["a", "a"]), "twice"),
        (" " * 2**20 + "{}", "at most 1,048,576"),
    ],
)
def test_counts_that_cannot_be_drawn_are_refused(tmp_path: Path, text: str, names: str) -> None:
    """Right counts, or a fault that names the place: never a nonsense picture."""
    path = tmp_path / "counts.json"
    path.write_text(text)
    with pytest.raises(ArtifactError) as error:
        binned_counts.read(path)
    assert names in error.value.message
    assert error.value.hint


@pytest.mark.parametrize("odd", [lambda path: path.mkdir(), lambda path: path.write_text(with_(width=0))])
def test_check_refuses_counts_that_would_not_be_shown(place: Place, odd: Callable[[Path], Any]) -> None:
    """`gateway check` finds beforehand what a running gateway would only say beside the plot."""
    file = place.registry.parent / "counts.json"
    load_registry(place.registry, files=True)
    file.unlink()
    odd(file)
    with pytest.raises(RegistryError) as error:
        load_registry(place.registry, files=True)
    assert "counts.json" in error.value.text


def stub_in(folder: Path, entry: str = "artifact: models/m.stub") -> Place:
    """Return a gateway's folders with a registry of one stub in a folder of its own."""
    (folder / "models").mkdir()
    (folder / "models" / "m.stub").write_text(json.dumps({"inputs": ["a"]}))
    (folder / "registry.yaml").write_text(f"version: 1\nroutes:\n  /x: {{{entry}}}\n")
    home = folder / "home"
    return Place(registry=folder / "registry.yaml", state_dir=home / "state", cache_dir=home / "cache")


def test_a_readme_beside_the_artifact_is_its_card(tmp_path: Path) -> None:
    """It is watched before it exists, comes with its generation, and prepares no model again."""
    place = stub_in(tmp_path)
    readme = tmp_path / "models" / "README.md"
    attempt(place)
    assert card_of(place) is None
    assert readme in committed_files(Settings(registry=place.registry, home=tmp_path / "home"))
    key = committed(place).manifests["x"].key
    readme.write_text("first")
    assert attempt(place).result == "committed"
    first = card_of(place)
    readme.write_text("second")
    assert attempt(place).changed == ("/x",)
    second = card_of(place)
    assert first is not None
    assert second is not None
    assert (Path(first.path).read_text(), Path(second.path).read_text()) == ("first", "second")
    assert committed(place).manifests["x"].key == key
    assert attempt(place).result == "unchanged"


def test_the_readme_of_a_project_is_no_card(tmp_path: Path) -> None:
    """Neither in the folder of the registry, whatever its name, nor in one with a registry of another gateway."""
    place = stub_in(tmp_path, "artifact: m.stub")
    (tmp_path / "m.stub").write_text(json.dumps({"inputs": ["a"]}))
    (tmp_path / "README.md").write_text("project")
    other = tmp_path / "prod.yaml"
    place.registry.rename(other)
    place = Place(registry=other, state_dir=place.state_dir, cache_dir=place.cache_dir)
    attempt(place)
    assert card_of(place) is None
    other.write_text("version: 1\nroutes:\n  /x: {artifact: models/m.stub}\n")
    (tmp_path / "models" / "README.md").write_text("of the models")
    (tmp_path / "models" / "registry.yaml").write_text("version: 1\n")
    attempt(place)
    assert card_of(place) is None


def write_latin(path: Path) -> None:
    """Write a text that is not UTF-8."""
    path.write_bytes("Größe".encode("latin-1"))


def link_out(path: Path) -> None:
    """Link to a file that the registry does not read."""
    secret = path.parents[2] / "secret.md"
    secret.write_text("secret")
    path.symlink_to(secret)


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        (lambda path: None, "card-missing"),
        (lambda path: path.write_text("x" * 131_073), "card-unreadable"),
        (lambda path: path.mkdir(), "card-unreadable"),
        (write_latin, "card-not-text"),
        (lambda path: path.write_bytes(b"a\0b"), "card-not-text"),
        (link_out, "card-outside"),
    ],
)
def test_a_card_that_cannot_be_shown_is_named(tmp_path: Path, odd: Callable[[Path], Any], code: str) -> None:
    """The route serves without it, and `gateway check` refuses it beforehand."""
    folder = tmp_path / "project"
    folder.mkdir()
    place = stub_in(folder, "artifact: models/m.stub, card: models/card.md")
    odd(folder / "models" / "card.md")
    event = attempt(place)
    card = card_of(place)
    assert card is not None
    assert card.problem is not None
    assert (event.result, card.problem.code) == ("committed", code)
    assert card.problem.hint
    assert committed(place).manifests["x"].state == "ready"
    with pytest.raises(RegistryError) as error:
        load_registry(place.registry, files=True)
    assert "card.md" in error.value.text
    put_right(folder / "models" / "card.md")
    attempt(place)
    card = card_of(place)
    assert card is not None
    assert card.problem is None


def put_right(path: Path) -> None:
    """Do what the fixes say: a readable text stands in this place."""
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_text("# fine")


@pytest.mark.parametrize("name", ['"a\\0b"', "x" * 300])
def test_a_name_that_no_file_can_have_is_a_fault(tmp_path: Path, name: str) -> None:
    """It costs the card, not the reload."""
    place = stub_in(tmp_path, f"artifact: models/m.stub, card: {name}")
    assert attempt(place).result == "committed"
    card = card_of(place)
    assert card is not None
    assert card.problem is not None
    assert card.problem.code == "card-unreadable"


def test_links_inside_the_project_are_followed(tmp_path: Path) -> None:
    """As a mounted folder of a container has them."""
    place = stub_in(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "m.md").write_text("text")
    (tmp_path / "models" / "README.md").symlink_to("../docs/m.md")
    attempt(place)
    card = card_of(place)
    assert card is not None
    assert Path(card.path).read_text() == "text"


def test_golden_rows_are_kept_for_the_page(tmp_path: Path) -> None:
    """As they were when the model was proven on them."""
    place = stub_in(tmp_path)
    golden = tmp_path / "models" / "golden.json"
    golden.write_text(json.dumps({"version": 1, "instances": [{"a": 1}], "predictions": [{"value": 1.0}]}))
    attempt(place)
    manifest = committed(place).manifests["x"]
    assert manifest.state == "ready", manifest.problem
    assert Path(manifest.attachments["golden"].path).read_bytes() == golden.read_bytes()


def golden_text(count: int) -> str:
    """Return golden rows that the stub passes."""
    rows = range(count)
    return json.dumps(
        {"version": 1, "instances": [{"a": n} for n in rows], "predictions": [{"value": n} for n in rows]}
    )


def test_a_rollback_brings_card_plot_and_golden_rows_of_that_time(tmp_path: Path) -> None:
    """The generation itself, proven on its own rows, though model and rows beside it are others now."""
    place = stub_in(tmp_path, "artifact: models/m.stub, plot: {file: counts.json}")
    models, counts = tmp_path / "models", tmp_path / "counts.json"
    for release in (1, 2, 3):
        (models / "golden.json").write_text(golden_text(release))
        (models / "README.md").write_text(f"card {release}")
        counts.write_text(with_(width=release))
        if release == 3:
            (models / "m.stub").write_text(json.dumps({"inputs": ["a"], "version": "new"}))
        attempt(place)
        if release == 1:
            first = committed(place)
    roll_back(place, first.id)
    again = committed(place)
    found = again.manifests["x"]
    assert (again.id, found.golden and found.golden.rows) == (first.id, 1)
    texts = {name: Path(one.path).read_text() for name, one in found.attachments.items()}
    assert texts == {"golden": golden_text(1), "card": "card 1", "plot": with_(width=1)}


def test_golden_rows_of_equal_models_are_those_of_their_own_folders(tmp_path: Path) -> None:
    """Two routes share the manifest of equal bytes; rows that change beside one are not shown for the other."""
    place = stub_in(tmp_path)
    other = tmp_path / "other"
    for folder in (tmp_path / "models", other):
        folder.mkdir(exist_ok=True)
        (folder / "golden.json").write_text(golden_text(1))
    (other / "m.stub").write_bytes((tmp_path / "models" / "m.stub").read_bytes())
    attempt(place)
    (tmp_path / "models" / "golden.json").write_text(golden_text(2))
    place.registry.write_text("version: 1\nroutes:\n  /x: models/m.stub\n  /y: other/m.stub\n")
    attempt(place)
    found = committed(place).manifests
    assert {name: Path(one.attachments["golden"].path).read_text() for name, one in found.items()} == {
        "x": golden_text(2),
        "y": golden_text(1),
    }
