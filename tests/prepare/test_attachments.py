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
from gateway.generations.snapshot import Snapshot
from gateway.generations.transaction import attempt
from gateway.process.watched_files import committed_files
from gateway.registry import load_registry
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
