"""
Extend gunicorn's arbiter with rolling replacement: a new worker serves before the old one drains and exits.

Rolls, memory limits and stuck threads all replace workers this way, so capacity never dips and no request waits for a
boot.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Collection
from typing import Any, Final

from gunicorn.arbiter import Arbiter

from gateway.process.model_servers.supervisor import ModelServers
from gateway.process.orphans import Orphans

log = logging.getLogger("gateway.arbiter")

#: Signals that ask a worker to leave.
LEAVING: Final = (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)


class GatewayArbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """
    Manage workers; `retire` may be called from any thread.

    `serving` returns the pids of workers that accept connections; it is asked in the arbiter's own thread.
    `most_workers` bounds what SIGTTIN may add; `orphans` ends processes that models left behind, `servers` are the
    processes that models are in.
    """

    def __init__(
        self,
        app: Any,
        serving: Callable[[], Collection[int]],
        most_workers: int,
        orphans: Orphans,
        servers: ModelServers,
    ) -> None:
        super().__init__(app)
        self.most_workers = most_workers
        self._serving = serving
        self._orphans = orphans
        self._servers = servers
        self._retiring: dict[int, bool] = {}
        self._lock = threading.Lock()
        self._asked: set[int] = set()
        self._ends: dict[int, int] = {}
        self.on_hup: Callable[[], None] | None = None

    @property
    def retiring(self) -> tuple[int, ...]:
        """Return the pids of live workers that are being replaced."""
        with self._lock:
            return tuple(pid for pid in self._retiring if pid in self.WORKERS)

    def retire(self, pid: int, reason: str) -> None:
        """Replace one worker: its successor boots first, then it drains."""
        with self._lock:
            if pid in self._retiring or pid not in self.WORKERS:
                return
            self._retiring[pid] = False
        log.info("replacing worker", extra={"worker": pid, "reason": reason})
        # Any entry wakes the main loop; reaping without a dead child costs one system call.
        self.SIG_QUEUE.put_nowait(signal.SIGCHLD)

    def manage_workers(self) -> None:
        """Keep `num_workers` workers that are not retiring; stop retiring workers whose successors serve."""
        with self._lock:
            self._retiring = {pid: told for pid, told in self._retiring.items() if pid in self.WORKERS}
            retiring = dict(self._retiring)
        active = sorted((worker.age, pid) for pid, worker in self.WORKERS.items() if pid not in retiring)
        for _ in range(self.num_workers - len(active)):
            self.spawn_worker()
        for _, pid in active[: max(len(active) - self.num_workers, 0)]:
            self.kill_worker(pid, signal.SIGTERM)
        self._let_go([pid for pid, told in retiring.items() if not told])
        self._orphans.look(self.WORKERS)

    def stop(self, graceful: bool = True) -> None:
        """Stop the workers, then the model servers that they asked, then what their models left behind."""
        super().stop(graceful)
        self._servers.end()
        self._orphans.end_all()

    def spawn_worker(self) -> Any:
        """Fork a worker; signals stay blocked until the worker has installed its own handlers."""
        signal.pthread_sigmask(signal.SIG_BLOCK, LEAVING)
        try:
            return super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, LEAVING)

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a signal; remember which workers were asked to exit, because such an exit is no crash."""
        if sig in LEAVING:
            self._asked.add(pid)
        super().kill_worker(pid, sig)

    def was_asked(self, pid: int) -> bool:
        """Say whether this arbiter asked the worker to exit."""
        return pid in self._asked

    def signal_of(self, pid: int) -> int | None:
        """Return the signal that ended a worker, or None; covers the workers of the current reaping only."""
        return self._ends.get(pid)

    def reap_workers(self) -> None:
        """Reap workers, recording the ending signal of each first: gunicorn does not pass it to its hooks."""
        self._servers.reap()
        self._ends = {pid: number for pid in self.WORKERS if (number := _ending_signal(pid)) is not None}
        super().reap_workers()
        self._asked.intersection_update(self.WORKERS)

    def handle_hup(self) -> None:
        """Roll: replace every worker, one after the other."""
        if self.on_hup is not None:
            self.on_hup()

    def handle_ttin(self) -> None:
        """Add a worker, as long as the scoreboard has a page for it and for its successor in a roll."""
        if self.num_workers >= self.most_workers:
            log.warning("no more workers than this", extra={"workers": self.num_workers})
            return
        super().handle_ttin()

    def handle_usr2(self) -> None:
        """Refuse SIGUSR2: a re-executed arbiter would escape its process manager."""
        log.warning("USR2 is refused; replace the process with: pm2 reload gateway")

    def _let_go(self, waiting: list[int]) -> None:
        if not waiting:
            return
        serving = [pid for pid in self._serving() if pid not in self._retiring]
        if len(serving) >= self.num_workers:
            for pid in waiting:
                self._retiring[pid] = True
                self.kill_worker(pid, signal.SIGTERM)


def _ending_signal(pid: int) -> int | None:
    """Return the signal that ended a child that is not reaped yet; None while it lives or when it just exited."""
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if found is None or found.si_code == os.CLD_EXITED:
        return None
    return found.si_status
