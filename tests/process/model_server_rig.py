"""A supervisor of model servers without a gateway, for tests: real processes, real files, and what a commit would do."""

import contextlib
import http.client
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import serving
from gateway.artifacts.manifest import Manifest
from gateway.artifacts.remote import ChildSpec, Remote
from gateway.artifacts.remote_tensors import tensors_of
from gateway.executors.socket_folder import socket_path
from gateway.generations import snapshot
from gateway.generations.snapshot import Snapshot
from gateway.process.model_servers.supervisor import ModelServers
from gateway.registry.executor_keys import ExecutorKeys
from gateway.registry.spec import RegistrySpec, RouteSpec
from gateway.schema import Field, Output, Signature
from gateway.scoreboard import status
from gateway.scoreboard.status import ServerStatus, Status
from gateway.settings.settings import Settings
from gateway.system import processes
from gateway.system.unix_http import UnixConnection

PROGRAM = Path(__file__).with_name("tiny_model_server.py")


def server(name: str = "tiny", *options: str, **more: Any) -> ChildSpec:
    """Return how a tiny model server is started, with options of its command line."""
    argv = (sys.executable, "-I", "-S", str(PROGRAM), "--socket", "{socket}", *options)
    return ChildSpec(name=name, argv=argv, environ={"PATH": os.defpath}, **more)


#: What the model of every tiny server takes.
SIGNATURE = Signature(inputs=(Field(name="a"),), output=Output())


def generation(*, spare: bool = False, **servers: ChildSpec) -> Snapshot:
    """Return a generation with one route for each server; `spare` lets those that start slowly have a spare process."""
    keys = ExecutorKeys(kind="process", spare=spare)
    routes = tuple(
        RouteSpec(path=f"/{name}", name=name, artifact="m.stub", loader="stub", base="/", timeout_s=3.0, executor=keys)
        for name in servers
    )
    return snapshot.make(RegistrySpec(routes=routes), {name: manifest(name, spec) for name, spec in servers.items()})


def manifest(name: str, spec: ChildSpec) -> Manifest:
    """Return what preparing would have found out about the model of a route."""
    remote = Remote(kind="process", model=name, child=spec, tensors=tensors_of(SIGNATURE))
    return Manifest(key=f"key of {spec.name}", loader="stub", remote=remote, signature=SIGNATURE)


class Load:
    """Ask a route again and again on kept connections, and remember every status and answer."""

    def __init__(self, gateway: serving.Gateway, path: str, threads: int = 4, pause_s: float = 0.01) -> None:
        self._gateway, self._path, self._pause_s = gateway, path, pause_s
        self.seen: Counter[tuple[int, Any]] = Counter()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> list[tuple[int, Any]]:
        """Return every answer that is no 200."""
        return [one for one in self.seen if one[0] != 200]

    def _ask(self) -> None:
        connection = self._gateway.connect()
        while not self._over.is_set():
            try:
                answer = connection.request("GET", f"{self._path}?a=1")
                self.seen[answer.status, str(answer.json.get("prediction", answer.body))] += 1
            except (OSError, ValueError) as error:
                self.seen[0, repr(error)] += 1
                connection = self._gateway.connect()
            time.sleep(self._pause_s)
        connection.close()


@dataclass
class Rig:
    """Hold a supervisor and what surrounds it; `adopted` are the generations that workers would serve."""

    settings: Settings
    servers: ModelServers
    adopted: set[str] = field(default_factory=set)

    def commit(self, *, spare: bool = False, **servers: ChildSpec) -> Snapshot:
        """Commit a generation, which all workers adopt at once."""
        made = generation(spare=spare, **servers)
        snapshot.commit(self.settings.state_dir, made)
        self.adopted = {made.id}
        return made

    def of(self, name: str = "tiny", instance: int = 0) -> ServerStatus:
        """Return how an instance is; one that is unknown has no pid."""
        found = (one for one in self.servers.statuses if (one.server, one.instance) == (name, instance))
        return next(found, ServerStatus(server=name, instance=instance, state="none"))

    def ready(self, name: str = "tiny", instance: int = 0, *, but: int = 0) -> ServerStatus:
        """Wait until an instance is ready, in another process than `but`, and return how it is."""
        serving.until(
            lambda: self.of(name, instance).state == "ready" and self.of(name, instance).pid != but,
            what=f"readiness of {name}: {self.servers.statuses}",
        )
        return self.of(name, instance)

    def ask(self, path: str, name: str = "tiny", instance: int = 0) -> Any:
        """Ask an instance on a new connection, as a worker would."""
        connection = UnixConnection(str(socket_path(name, instance)), 10)
        with contextlib.closing(connection):
            return answer_of(connection, path)

    def tell_status(self) -> None:
        """Write the status file as the monitor would."""
        path = self.settings.status_path
        mine = Status(pid=os.getpid(), began=processes.own_start(), phase="serving", servers=self.servers.statuses)
        status.write(path, replace(mine))


def answer_of(connection: http.client.HTTPConnection, path: str, **headers: str) -> Any:
    """Return the decoded answer."""
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return json.loads(body)


@contextlib.contextmanager
def rig(home: Path, forget_after_s: float = 0.3, **limits: float) -> Iterator[Rig]:
    """Run a supervisor in a `with` block."""
    found = Settings.load(environ={}, flags={"home": str(home)})
    found.run_dir.mkdir(parents=True, exist_ok=True)
    one = Rig(found, ModelServers(found, forget_after_s=forget_after_s, **limits))
    one.servers.start(lambda: one.adopted)
    try:
        yield one
    finally:
        one.servers.end()


__all__ = ["Load", "Rig", "generation", "rig", "server"]
