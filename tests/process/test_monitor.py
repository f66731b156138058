"""What the arbiter's monitor does about the history of reloads."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.artifacts.manifest import Manifest
from gateway.generations import history, snapshot
from gateway.generations.history import Event
from gateway.process.model_servers.supervisor import ModelServers
from gateway.process.monitor import Monitor
from gateway.process.pm2.bridge import PM2Bridge
from gateway.registry.spec import RegistrySpec, RouteSpec
from gateway.scoreboard import Scoreboard, status
from gateway.scoreboard.status import Status
from gateway.security.keyring import Keyring
from gateway.settings.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of a gateway that serves one route."""
    found = Settings.load(environ={}, flags={"home": str(tmp_path)})
    Scoreboard.create(found.scoreboard_path, slots=2, routes=8).close()
    spec = RegistrySpec(routes=(RouteSpec(path="/m", name="m", artifact="m.stub", loader="stub", base="/"),))
    snapshot.commit(found.state_dir, snapshot.make(spec, {"m": Manifest(key="k", loader="stub")}))
    return found


def closed_after(settings: Settings, *events: Event) -> list[str]:
    """Return which routes are still closed after the monitor has seen some attempts to reload at one look."""
    monitor = Monitor(settings, PM2Bridge(), ModelServers(settings), Keyring(settings.keys_path))
    monitor._quarantine("m")
    for event in events:
        history.append(settings.state_dir, event)
    monitor._notice_events()
    monitor._write()
    told: Status = status.read(settings.status_path)
    return list(told.quarantined)


@pytest.mark.parametrize("source", ["gateway reload (force)", "asked by the taskforce", "enforced", ""])
@pytest.mark.parametrize("forced", [True, False])
def test_only_a_forced_reload_opens_a_closed_route(settings: Settings, source: str, forced: bool) -> None:
    """A quarantine is lifted by what was asked for, not by a word in the text that says who asked."""
    event = Event(result="unchanged", generation="g", source=source, forced=forced)
    assert closed_after(settings, event) == ([] if forced else ["m"])


def test_no_attempt_is_overlooked(settings: Settings) -> None:
    """Of two attempts between two looks the first counts as well."""
    forced = Event(result="unchanged", generation="g", forced=True)
    assert closed_after(settings, forced, Event(result="unchanged", generation="g")) == []


def test_a_refused_attempt_opens_nothing(settings: Settings) -> None:
    """Whoever insisted and was refused has changed nothing."""
    assert closed_after(settings, Event(result="refused", forced=True)) == ["m"]


def test_a_closed_route_stays_closed_while_a_worker_has_the_old_model(settings: Settings) -> None:
    """A commit opens the route with the new model; a worker that has not adopted it must not open the one that kills."""
    monitor = Monitor(settings, PM2Bridge(), ModelServers(settings), Keyring(settings.keys_path))
    monitor._arbiter = SimpleNamespace(retiring=frozenset())  # type: ignore[assignment]
    scoreboard = Scoreboard.open(settings.scoreboard_path)
    slot = scoreboard.claim()
    slot.phase("serving")
    before = snapshot.committed(settings.state_dir)
    assert before is not None
    slot.generation(before.id)
    monitor._quarantine("m")
    repaired = snapshot.make(before.registry, {"m": Manifest(key="new", loader="stub")})
    snapshot.commit(settings.state_dir, repaired)
    history.append(settings.state_dir, Event(result="committed", generation=repaired.id))
    monitor._look(0.0)
    assert list(status.read(settings.status_path).quarantined) == ["m"]
    slot.generation(repaired.id)
    monitor._look(0.0)
    assert list(status.read(settings.status_path).quarantined) == []
