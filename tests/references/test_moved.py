"""Aliases that moved, as a watching gateway takes them: an edit of its own, but never for pickles."""

import pickle
from pathlib import Path

import pytest
import yaml
from sklearn.linear_model import LinearRegression

import extras
from gateway.generations import history, snapshot, transaction
from gateway.generations.place import Place
from gateway.references.store_access import StoreAccess
from references.stores import FileStore, lightgbm_folder

pytestmark = extras.needs("mlflow")

REGISTRY = """version: 1
routes:
  /rent: mlflow:models:/rent@champion
  /old: {artifact: mlflow:models:/old@champion, allow_pickle: true, compile: "off"}
"""


def pickled(folder: Path, slope: float) -> Path:
    """Write an MLflow folder whose flavour is a pickle."""
    folder.mkdir(parents=True)
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, slope])
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    keys = {"pickled_model": "model.pkl", "serialization_format": "pickle", "sklearn_version": "1.9.1"}
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {"sklearn": keys}}))
    return folder


def versions_of(place: Place) -> list[str]:
    """Return the committed versions of both routes."""
    committed = snapshot.committed(place.state_dir)
    assert committed is not None
    assert all(found.problem is None for found in committed.manifests.values())
    return [spec.resolved.version for spec in committed.registry.routes if spec.resolved is not None]


@pytest.mark.slow
def test_a_watched_alias_moves_and_that_of_a_pickle_waits_for_a_person(tmp_path: Path) -> None:
    """A pickle is served with allow_pickle and no sha256, since the copy is pinned; only `gateway reload` moves it."""
    store = FileStore(tmp_path / "mlruns")
    for number, slope in ((1, 2.0), (2, 5.0)):
        for name, write, run_id in (("rent", lightgbm_folder, f"a{number}"), ("old", pickled, f"b{number}")):
            store.log_model(run_id * 16, write(store.run(run_id * 16) / "model", slope))
            store.version(name, number, run_id * 16)
            store.alias(name, "champion", 1)
    (tmp_path / "registry.yaml").write_text(REGISTRY)
    home = tmp_path / ".gateway"
    place = Place(
        registry=tmp_path / "registry.yaml",
        state_dir=home / "state",
        cache_dir=home / "cache",
        store=StoreAccess(uri=None, timeout_s=20),
    )
    assert transaction.attempt(place, mode="reload").result == "committed"
    assert versions_of(place) == ["1", "1"]
    for name in ("rent", "old"):
        store.alias(name, "champion", 2)
    moved = transaction.attempt(place, mode="moved")
    assert (moved.result, moved.changed) == ("committed", ("/rent",))
    assert "which is a pickle" in moved.reason
    assert versions_of(place) == ["2", "1"]
    assert [event.result for event in history.events(place.state_dir)] == ["committed", "committed"]
    assert transaction.attempt(place, mode="moved").result == "unchanged"
    assert len(history.events(place.state_dir)) == 2
    assert transaction.attempt(place, mode="reload").changed == ("/old",)
    assert versions_of(place) == ["2", "2"]
