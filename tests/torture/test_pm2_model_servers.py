"""Model servers under PM2: a takeover loses no request, the figures show them, and a stop leaves none."""

import os
import signal
from pathlib import Path

import pytest

from gateway.generations import history, snapshot
from gateway.generations.history import Event
from gateway.registry.document import registry_hash
from gateway.system import descendants
from process.model_server_rig import Load, generation, server
from serving import gone, until
from torture.under_pm2 import Managed, managed


def servers(found: Managed) -> list[int]:
    """Return every process of a model server of this home."""
    home = descendants.home_of(found.home)
    return [pid for pid, mark in descendants.marked() if mark.home == home and mark.number > 0]


@pytest.mark.slow
def test_takeovers_lose_no_request_and_leave_no_model_server(tmp_path: Path) -> None:
    """`pm2 reload`, `pm2 restart`, kill -9 of the arbiter and `make stop`: each arbiter has servers of its own."""
    home, registry = tmp_path / "home", tmp_path / "registry.yaml"
    registry.write_text("version: 1\nroutes: {}\n")
    made = generation(m=server("tiny"))
    snapshot.commit(home / "state", made)
    # A rollback holds until the registry changes: PM2 starts what the test has committed.
    rolled = Event(result="rolled-back", generation=made.id, registry_sha256=registry_hash(registry))
    history.append(home / "state", rolled)
    with managed(home, registry) as found:
        assert found.figures()["Model servers"].startswith("1/1, 0 restarts")
        seen = {*servers(found)}
        with Load(found, "/m") as load:
            for word in ("reload", "restart"):
                before = found.arbiter
                found.pm2(word, "gateway")
                until(lambda before=before: found.health().get("ready_workers") == 2 and found.arbiter != before, 60)
                assert len(servers(found)) == 1
                assert not seen & {*servers(found)}
                seen |= {*servers(found)}
        assert load.failed == []
        assert sum(load.seen.values()) > 100
        os.kill(found.arbiter, signal.SIGKILL)
        until(lambda: all(map(gone, seen)), 20, what="the end of the model servers of a killed arbiter")
        until(lambda: found.get("/m", a=1).status == 200, 60, what="the next arbiter")
        seen = {*servers(found)}
    assert all(map(gone, seen))
