"""A worker changes what requests see between two turns of its loop, and all at once."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import metrics
from gateway.generations import snapshot
from gateway.generations.snapshot import Snapshot
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.process.generation_follower import Gateway
from gateway.registry.load import load_registry
from gateway.rest.app import Holder, create_app
from gateway.rest.middleware.telemetry import Telemetry
from gateway.routing.live_generation import Generation
from gateway.scoreboard import Scoreboard, status
from gateway.scoreboard.status import Status
from gateway.security.keyring import Keyring
from gateway.settings.settings import Settings

ENDPOINTS = ("/health/ready", "/health", "/routes", "/", "/openapi.json", "/metrics", "/ping", "/v2/health/ready")


class Worker:
    """Hold what one worker process holds, without the process."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings.load(environ={}, flags={"home": str(folder / "home")})
        self.registry = folder / "registry.yaml"
        metrics.configure(self.settings.metrics_dir)
        Scoreboard.create(self.settings.scoreboard_path, slots=2, routes=8).close()

    def commit(self, text: str) -> Snapshot:
        """Commit a registry as `gateway reload` does."""
        self.registry.write_text(text)
        spec = load_registry(self.registry)
        made = snapshot.make(spec, prepare_registry(spec, self.settings.cache_dir, PrepareLimits()))
        snapshot.commit(self.settings.state_dir, made)
        return made


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    """Return a worker with two models, one of which takes its time to load."""
    (tmp_path / "quick.stub").write_text(json.dumps({"inputs": ["a"]}))
    (tmp_path / "slow.stub").write_text(json.dumps({"inputs": ["a"], "load_sleep_s": 0.5}))
    return Worker(tmp_path)


def ticking(gateway: Gateway, done: Callable[[], bool]) -> Iterator[None]:
    """Turn the worker's loop until `done`; nothing that requests see may change outside of it."""
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        seen = gateway.generation
        time.sleep(0.02)
        assert gateway.generation is seen, "the generation changed while a request could have been half done"
        yield
        gateway.tick(measure=False)


def test_generation_changes_in_the_loop_with_the_quarantines_of_that_moment(worker: Worker) -> None:
    """What is told while a generation is built holds in it: a route that was closed meanwhile stays closed."""
    first = worker.commit("version: 1\nroutes:\n  /a: quick.stub\n")
    gateway = Gateway(worker.settings, Keyring(worker.settings.keys_path))
    gateway.start()
    for _ in ticking(gateway, gateway.is_settled):
        pass
    second = worker.commit("version: 1\nroutes:\n  /a: {artifact: quick.stub, max_rows: 7}\n  /b: slow.stub\n")
    assert second.manifests["a"].key == first.manifests["a"].key
    turns = 0
    for _ in ticking(gateway, lambda: gateway.generation.id == second.id):
        turns += 1
        if turns == 8:
            closed = {"a": (first.manifests["a"].key, "it kills workers")}
            status.write(worker.settings.status_path, Status(quarantined=closed))
    assert turns > 8, "the slow model was to be loading when the route was closed"
    route = gateway.generation.table.by_name["a"]
    assert (route.spec.max_rows, route.state, route.quarantine) == (7, "FAILED", "it kills workers")
    gateway.close()


class Changing(Holder):
    """Serve another generation at each look, as a swap in the middle of a request would."""

    def __init__(self, first: Generation, second: Generation) -> None:
        self._pair = [first, second]
        super().__init__(first)

    def current(self) -> Generation:
        """Return the other one."""
        self._pair.reverse()
        self.generation = self._pair[0]
        return self.generation


def test_an_answer_is_of_one_generation(worker: Worker) -> None:
    """Whatever is swapped while a request is served, body and header tell of the generation it began in."""
    worker.commit("version: 1\nroutes:\n  /a: quick.stub\n")
    gateway = Gateway(worker.settings, Keyring(worker.settings.keys_path))
    first = gateway.generation
    second = gateway._builder.make(worker.commit("version: 1\nroutes:\n  /a: {artifact: quick.stub, max_rows: 7}\n"))
    holder = Changing(first, second)
    app = create_app(holder, gateway._scoreboard, worker.settings, gateway._builder.pool)
    client: Any = Telemetry(app, holder.current)
    for path in ENDPOINTS:
        for _ in range(3):
            headers: dict[str, str] = {}
            environ = app.test_request_context(path).request.environ

            def start(_status: str, given: list[tuple[str, str]], _info: Any = None, into: Any = headers) -> None:
                into.update(given)

            body = b"".join(client(environ, start)).decode()
            told = headers["X-Gateway-Generation"]
            other = ({first.id, second.id} - {told}).pop()
            assert other not in body, f"{path} mixes two generations"
    gateway.close()
