"""Cards of a worker: rendered once for each content, and never out of step with the generation."""

import json
from pathlib import Path

from gateway.artifacts.manifest import Manifest
from gateway.generations import snapshot
from gateway.generations.place import Place
from gateway.generations.transaction import attempt
from gateway.rest.pages.cards import Cards


def place_in(folder: Path) -> Place:
    """Return a gateway's folders with a registry of one stub that has a card."""
    (folder / "m").mkdir()
    (folder / "m" / "m.stub").write_text(json.dumps({"inputs": ["a"]}))
    (folder / "m" / "README.md").write_text("# first")
    (folder / "registry.yaml").write_text("version: 1\nroutes:\n  /x: {artifact: m/m.stub}\n")
    return Place(registry=folder / "registry.yaml", state_dir=folder / "state", cache_dir=folder / "cache")


def committed(place: Place) -> Manifest:
    """Return the committed manifest."""
    found = snapshot.committed(place.state_dir)
    assert found is not None
    return found.manifests["x"]


def test_a_generation_shows_its_own_card(tmp_path: Path) -> None:
    """Also after the file was edited, and when it is asked after its successor."""
    place, cards = place_in(tmp_path), Cards()
    attempt(place)
    first = committed(place)
    (tmp_path / "m" / "README.md").write_text("# second")
    attempt(place)
    assert "second" in str(cards.of(committed(place)).html)
    assert "first" in str(cards.of(first).html)
    assert cards.of(first) is cards.of(first)


def test_a_copy_that_is_gone_comes_back_by_a_reload(tmp_path: Path) -> None:
    """The page says what to do, and it helps."""
    place, cards = place_in(tmp_path), Cards()
    attempt(place)
    manifest = committed(place)
    Path(manifest.attachments["card"].path).unlink()
    assert cards.of(manifest).fix == "gateway reload"
    attempt(place)
    assert "first" in str(cards.of(committed(place)).html)


def test_a_card_that_cannot_be_shown_says_why(tmp_path: Path) -> None:
    """The reason of the attachment is that of the page."""
    place, cards = place_in(tmp_path), Cards()
    (tmp_path / "m" / "README.md").write_bytes(b"\xff")
    attempt(place)
    shown = cards.of(committed(place))
    assert "is no text in UTF-8" in shown.reason
    assert shown.fix == "save it as UTF-8"
    (tmp_path / "m" / "README.md").unlink()
    attempt(place)
    assert "has no card" in cards.of(committed(place)).reason
