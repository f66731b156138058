"""
Supervise the model servers from a thread of the arbiter: start what is wanted, end what is not, tell how each is.

Each arbiter has servers of its own, so that two of them, while one takes over from the other, never share one. They end
with it, also by a kill -9.
"""

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Collection
from typing import Any, Final

import msgspec

from gateway.executors.socket_folder import models_path, socket_path
from gateway.process.model_servers import folders
from gateway.process.model_servers.instance import HUNG_S, Instance, Limits
from gateway.process.model_servers.server_process import ServerProcess
from gateway.process.model_servers.socket_name import SocketName
from gateway.process.model_servers.wanted import FORGET_AFTER_S, Wanted, Wish
from gateway.scoreboard.status import ServerStatus
from gateway.settings.settings import Settings
from gateway.system import atomic, private_folders
from gateway.system.fork_lock import FORK_LOCK

log = logging.getLogger("gateway.model_server")

#: Interval of looking; what ends and what becomes ready is noticed at once.
LOOK_S: Final = 0.1
#: At the end nobody asks any more: what has not ended by then is killed.
END_S: Final = 5.0


class ModelServers:
    """Keep the wanted servers running; `start` and `end` belong to the arbiter's main thread."""

    def __init__(self, settings: Settings, *, forget_after_s: float = FORGET_AFTER_S, hung_s: float = HUNG_S) -> None:
        self._settings = settings
        self._forget_after_s = forget_after_s
        self._limits = Limits(
            start_s=settings.prepare_timeout_s, end_s=float(settings.graceful_timeout_s), hung_s=hung_s
        )
        self._folder = folders.choose(settings)
        self._wishes: dict[str, Wish] = {}
        #: What the servers were told of their models.
        self._told: dict[str, tuple[dict[str, Any], ...]] = {}
        self._instances: dict[tuple[str, int], Instance] = {}
        #: Instances that are no longer wanted, until the last of their processes has ended.
        self._ending: list[Instance] = []
        #: Every process that has not been reaped; changed under FORK_LOCK.
        self._living: frozenset[ServerProcess] = frozenset()
        self._closed: dict[str, str] = {}
        self._to_forgive: frozenset[str] = frozenset()
        self._wake = threading.Event()
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        #: How each process is, for the status file.
        self.statuses: tuple[ServerStatus, ...] = ()

    def start(self, adopted: Callable[[], Collection[str]]) -> None:
        """Start the thread; `adopted` returns the generations that workers serve."""
        self._wanted = Wanted(self._settings, adopted, self._forget_after_s)
        folders.forget_dead(self._settings)
        # One thread starts all of them and lives as long as this process: the kernel ends them with their thread.
        self._thread = threading.Thread(target=self._run, name="model-servers", daemon=True)
        self._thread.start()

    def reap(self) -> None:
        """Take the exit status of what has ended, before gunicorn takes it with those of the workers."""
        if [process for process in self._living if process.reap()]:
            self._wake.set()

    def pids(self) -> tuple[int, ...]:
        """Return the processes of model servers; waits while one is being started."""
        with FORK_LOCK:
            return tuple(process.pid for process in self._living)

    def after_fork(self) -> None:
        """Let a worker go: it must not keep a server alive, nor read what it writes."""
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for process in self._living:
            process.let_go(nothing)
        os.close(nothing)

    def closed(self) -> dict[str, str]:
        """Return, once, the routes whose servers ended too often to be started again, with the reason."""
        closed, self._closed = self._closed, {}
        return {route: reason for route, reason in closed.items() if route not in self._to_forgive}

    def forgive(self, routes: Collection[str]) -> None:
        """Start the servers of these routes again, however often they ended."""
        self._to_forgive |= frozenset(routes)
        self._wake.set()

    def end(self) -> None:
        """End every server; the workers have exited."""
        self._is_stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(END_S + 5)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self) -> None:
        while not self._is_stopping:
            self._wake.wait(LOOK_S)
            self._wake.clear()
            try:
                self._look(time.monotonic())
            except Exception:
                log.exception("the supervision of model servers stumbled")
                time.sleep(LOOK_S)
        self._end_all()

    def _look(self, now: float) -> None:
        self._wishes = self._wanted.look(now)
        if self._wishes and (fault := private_folders.make_private(self._folder)):
            log.error("the folder of model servers is not private", extra={"reason": fault})
            return
        self._tell_models()
        self._make(now)
        self._forgive()
        for instance in (*self._instances.values(), *self._ending):
            instance.look(now)
        self._ending = [instance for instance in self._ending if instance.processes]
        with FORK_LOCK:
            self._living = frozenset(process for process in self._living if not process.end)
        self._notice_closed()
        self.statuses = tuple(_status(instance) for instance in (*self._instances.values(), *self._ending))

    def _tell_models(self) -> None:
        """Write down which models each server is to serve, where it must be told."""
        for name, wish in self._wishes.items():
            if wish.models and self._told.get(name) != wish.models:
                atomic.replace_bytes(models_path(name), msgspec.json.encode(wish.models))
                self._told[name] = wish.models

    def _make(self, now: float) -> None:
        """Make an instance of all that is wanted, and end those that are not."""
        wanted = {(name, i): wish for name, wish in self._wishes.items() for i in range(wish.spec.instances)}
        for key in self._instances.keys() - wanted.keys():
            instance = self._instances.pop(key)
            instance.end(now)
            self._ending.append(instance)
        for key, wish in wanted.items():
            if key not in self._instances:
                self._instances[key] = self._instance(*key)
            self._instances[key].memory_limit = wish.spec.memory_bytes
            # Where there are others, they answer until one that ended is back.
            self._instances[key].deadline_s = wish.deadline_s if wish.spec.instances == 1 else 0.0

    def _instance(self, server: str, number: int) -> Instance:
        last = self._wishes[server]

        def routes() -> str:
            nonlocal last
            last = self._wishes.get(server, last)
            return ", ".join(last.routes)

        def launch(start: int) -> ServerProcess:
            spec = self._wishes[server].spec
            socket = SocketName(server, number, start)
            home = self._settings.home
            with FORK_LOCK:
                process = ServerProcess(spec, socket, home, routes=routes, changed=self._wake.set)
                self._living |= {process}
            return process

        return Instance(server, number, launch, self._limits, routes)

    def _forgive(self) -> None:
        routes, self._to_forgive = self._to_forgive, frozenset()
        self._closed = {} if routes else self._closed
        for (server, _), instance in self._instances.items():
            if routes & set(self._wishes[server].routes):
                instance.forgive()

    def _notice_closed(self) -> None:
        """Note servers of which no instance is left that could be started again."""
        by_server: dict[str, list[Instance]] = {}
        for (server, _), instance in self._instances.items():
            by_server.setdefault(server, []).append(instance)
        for server, instances in by_server.items():
            if all(instance.state == "closed" for instance in instances):
                self._closed |= dict.fromkeys(self._wishes[server].routes, instances[0].reason)

    def _end_all(self) -> None:
        """End what runs, in the thread that has started it."""
        deadline = time.monotonic() + END_S
        for instance in (*self._instances.values(), *self._ending):
            instance.end(time.monotonic())
        while any(not process.reap() for process in self._living):
            if time.monotonic() > deadline:
                for process in self._living:
                    process.kill()
            time.sleep(0.01)
        for process in self._living:
            process.clear()


def _status(instance: Instance) -> ServerStatus:
    return ServerStatus(
        server=instance.server,
        instance=instance.number,
        socket=str(socket_path(instance.server, instance.number)),
        state=instance.state,
        pid=instance.pid,
        restarts=instance.failures.total,
        memory_mb=instance.memory_bytes // 2**20,
        reason=instance.reason,
    )
