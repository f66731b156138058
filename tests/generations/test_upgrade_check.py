"""After an upgrade what was committed is judged anew: what is wrong or unsafe stops, and says so before and after."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

import extras
from gateway.artifacts.manifest import Manifest
from gateway.errors import CIRCUMSTANCES, GatewayError, Problem
from gateway.generations import history, snapshot, transaction, upgrade_check
from gateway.generations.fallback import keep_working
from gateway.generations.place import Place
from gateway.generations.rollback import roll_back
from gateway.generations.snapshot import Snapshot
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry

pytestmark = extras.needs("sklearn")

ACTING = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0etouch ./marker\x85R."


class House:
    """A registry with a sound stub and a pickle that the release before took for a model, and what it committed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Place(
            registry=folder / "registry.yaml",
            state_dir=folder / "state",
            cache_dir=folder / "cache",
            limits=PrepareLimits(),
        )
        (folder / "m.stub").write_text(json.dumps({"inputs": ["a"]}))
        (folder / "old.pkl").write_bytes(ACTING)
        pin = hashlib.sha256(ACTING).hexdigest()
        self.write(f"  /good: m.stub\n  /bad: {{artifact: old.pkl, allow_pickle: true, sha256: {pin}}}\n")

    def write(self, routes: str) -> None:
        """Write the registry."""
        self.place.registry.write_text(f"version: 1\nroutes:\n{routes}")

    def commit_as_before(self) -> Snapshot:
        """Commit what the release before would have: both routes ready, under keys of its own."""
        registry = load_registry(self.place.registry)
        found = prepare_registry(registry, self.place.cache_dir, self.place.limits)
        good = found["good"]
        old = {name: replace(one, key=one.key[::-1], problem=None) for name, one in found.items()}
        old["bad"] = replace(old["bad"], signature=good.signature)
        made = snapshot.make(registry, old)
        snapshot.commit(self.place.state_dir, made)
        history.append(self.place.state_dir, history.Event(result="committed", generation=made.id))
        return made

    def committed(self) -> dict[str, Manifest]:
        """Return what serves now."""
        found = snapshot.committed(self.place.state_dir)
        assert found is not None
        return found.manifests


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return a house of the release before."""
    return House(tmp_path)


def problem(found: Manifest) -> str:
    """Return the code of a failed manifest, "" of a ready one."""
    return found.problem.code if found.problem else ""


@pytest.mark.slow
def test_a_start_stops_what_is_unsafe_and_keeps_the_rest(house: House) -> None:
    """No committed generation covers a pickle that acts; the sound route serves on, and nothing ran."""
    house.commit_as_before()
    assert not transaction.can_wait(house.place)
    transaction.attempt(house.place, mode="cold")
    assert problem(house.committed()["bad"]) == "forbidden-pickle"
    assert problem(house.committed()["good"]) == ""
    assert not (house.folder / "marker").exists()
    assert not Path("marker").exists()


@pytest.mark.slow
def test_a_broken_registry_does_not_bring_it_back(house: House) -> None:
    """A start with a broken registry serves what is committed, and that is judged as well."""
    house.commit_as_before()
    house.write("  /good: {artfact: m.stub}\n")
    assert transaction.attempt(house.place, mode="cold").result == "refused"
    assert problem(house.committed()["bad"]) == "forbidden-pickle"
    assert problem(house.committed()["good"]) == ""


@pytest.mark.slow
def test_a_missing_file_does_not_bring_it_back(house: House) -> None:
    """Where the file of the registry is gone the kept bytes are judged: sound ones serve, others do not."""
    house.commit_as_before()
    (house.folder / "old.pkl").unlink()
    (house.folder / "m.stub").unlink()
    event = transaction.attempt(house.place, mode="cold")
    assert problem(house.committed()["bad"]) in {"artifact-missing", "forbidden-pickle"}
    assert problem(house.committed()["good"]) == ""
    assert "good: artifact 'm.stub' does not exist" in event.reason


def test_a_rollback_is_refused_where_a_route_would_stop(house: House) -> None:
    """An earlier generation is judged before it is committed; the fault names the route and the reason."""
    earlier = house.commit_as_before()
    house.write("  /good: m.stub\n")
    transaction.attempt(house.place)
    with pytest.raises(GatewayError, match="/bad") as caught:
        roll_back(house.place, earlier.id)
    assert caught.value.code == "generation-stopped"
    assert "bad" not in house.committed()


def test_what_is_current_is_not_judged_again(house: House) -> None:
    """Without an upgrade a start prepares nothing, and the generation stays the same object."""
    house.write("  /good: m.stub\n")
    transaction.attempt(house.place)
    found = snapshot.committed(house.place.state_dir)
    assert found is not None
    assert upgrade_check.is_current(found, house.place.cache_dir)
    assert upgrade_check.rechecked(found, house.place.cache_dir, PrepareLimits(timeout_s=0.0)) is found


def test_circumstances_of_an_upgrade_stop_nothing(house: House) -> None:
    """A model that cannot be judged in time keeps its manifest: that says nothing against it."""
    before = house.commit_as_before()
    checked = upgrade_check.rechecked(before, house.place.cache_dir, PrepareLimits(timeout_s=0.0))
    assert upgrade_check.stopped_routes(before, checked) == {}


@pytest.mark.parametrize(
    ("code", "is_kept"),
    [
        ("artifact-missing", True),
        ("missing-java", True),
        ("prepare-timeout", True),
        ("forbidden-pickle", False),
        ("unproven-version", False),
        ("not-probabilities", False),
        ("wrong-sha256", False),
        ("golden-mismatch", False),
        ("a-refusal-that-is-new", False),
    ],
)
def test_only_circumstances_are_covered(code: str, is_kept: bool, house: House) -> None:
    """The property stands in one place: what is not listed as a circumstance is about rightness or safety."""
    house.write("  /good: m.stub\n")
    registry = load_registry(house.place.registry)
    good = prepare_registry(registry, house.place.cache_dir, PrepareLimits())
    before = snapshot.make(registry, good)
    failing = {"good": Manifest(key="x", loader="stub", problem=Problem(code, "…"))}
    assert (code in CIRCUMSTANCES) is is_kept
    _, kept, fallbacks = keep_working(before, registry, failing)
    assert (kept["good"].problem is None, bool(fallbacks)) == (is_kept, is_kept)
