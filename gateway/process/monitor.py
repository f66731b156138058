"""
Monitor the workers from a thread of the arbiter: read the scoreboard, replace unhealthy workers, write the status file.

Never forks and never loads a model; its calls are short.
"""

import logging
import os
import signal
import threading
import time
from dataclasses import replace

from gateway import metrics
from gateway.generations import history, snapshot
from gateway.process import changes_told
from gateway.process.arbiter import GatewayArbiter
from gateway.process.crash_attribution import CrashAttribution
from gateway.process.key_set_keeper import KeySetKeeper
from gateway.process.model_servers.supervisor import ModelServers
from gateway.process.pm2.bridge import PM2Bridge
from gateway.process.quarantine import KILLS_WORKERS, closed, is_reviewed_after, reviewed
from gateway.scoreboard import Scoreboard, WorkerView, status
from gateway.scoreboard.status import Status
from gateway.security.keyring import Keyring
from gateway.settings.settings import Settings
from gateway.system import processes

log = logging.getLogger("gateway.monitor")

TICK_S = 0.1
#: A predict that overran its deadline may still end within this time; its worker then stays.
STUCK_GRACE_S = 5.0
#: Interval at which counter files of workers that died with an earlier arbiter are folded.
FOLD_INTERVAL_S = 10.0


class Monitor:
    """Watch the scoreboard; the main thread of the arbiter calls `worker_ended`."""

    def __init__(
        self,
        settings: Settings,
        bridge: PM2Bridge,
        servers: ModelServers,
        keyring: Keyring,
        *,
        is_pending: bool = False,
    ) -> None:
        self._settings = settings
        self._keyring = keyring
        self.key_sets = KeySetKeeper(settings, keyring)
        self._bridge = bridge
        self._servers = servers
        self._told = status.read(settings.status_path)
        self._scoreboard = Scoreboard.open(settings.scoreboard_path)
        self._status = Status(
            workers=settings.workers,
            pid=os.getpid(),
            began=processes.own_start(),
            started_at=time.time(),
            phase="serving",
            is_pending=is_pending,
        )
        self._known_keys = keyring.content
        self._attribution = CrashAttribution()
        self._is_ready = False
        self._stuck_since: dict[int, float] = {}
        self._to_roll: list[int] = []
        self._first_pss: dict[int, int] = {}
        self._last_event_at = 0.0
        self._folded_at = 0.0
        self._is_review_due = False

    @property
    def status(self) -> Status:
        """Return what is told to the workers."""
        return self._status

    def start(self, arbiter: GatewayArbiter) -> None:
        """Start the monitoring thread."""
        self._arbiter = arbiter
        last = history.last(self._settings.state_dir)
        self._last_event_at = last.at if last else 0.0
        self._write()
        threading.Thread(target=self._run, name="monitor", daemon=True).start()

    def serving(self) -> list[int]:
        """Return the pids of workers that accept connections."""
        return [worker.pid for worker in self._scoreboard.workers() if worker.alive and worker.phase == "serving"]

    def adopted(self) -> set[str]:
        """Return the generations that workers serve; "" is that of one which boots."""
        return {worker.generation for worker in self._scoreboard.workers() if worker.alive}

    def roll(self, reason: str) -> None:
        """Replace every current worker, one after the other."""
        self._to_roll = list(self._arbiter.WORKERS)
        log.info("rolling", extra={"reason": reason, "workers": len(self._to_roll)})

    def worker_ended(self, pid: int, signal_number: int | None, *, was_asked: bool) -> None:
        """Fold the counters of an ended worker and free its slot; attribute a crash to its model."""
        in_flight = self._scoreboard.dead(pid)
        if not was_asked:
            self._status = replace(self._status, restarts=self._status.restarts + 1)
            routes = sorted({entry.route for entry in in_flight})
            log.error("worker died", extra={"worker": pid, "signal": signal_number, "predicting": routes})
            for route in self._attribution.died(in_flight, signal_number):
                self._quarantine(route)
            self._write()
        self._scoreboard.reclaim(pid)
        metrics.fold_dead(self._settings.metrics_dir)

    def _run(self) -> None:
        while True:
            time.sleep(TICK_S)
            try:
                self._look(time.time())
            except Exception:
                log.exception("the monitor stumbled")

    def _look(self, now: float) -> None:
        workers = [worker for worker in self._scoreboard.workers() if worker.alive]
        self._notice_ready(workers)
        self._notice_events()
        if self._is_review_due and self._have_all_adopted(workers):
            self._review_quarantine(forced=False)
        if self._to_roll and not self._arbiter.retiring:
            self._arbiter.retire(self._to_roll.pop(0), "roll")
        self._retire_heavy(workers)
        self._retire_stuck(workers, now)
        if self._keyring.has_settled() and self._keyring.look():
            self._tell_keys()
        self.key_sets.tick()
        self._tell_servers_and_key_set()
        if not self._settings.status_path.exists():
            self._write()
        if now - self._folded_at > FOLD_INTERVAL_S:
            self._folded_at = now
            metrics.fold_dead(self._settings.metrics_dir)

    def _notice_ready(self, workers: list[WorkerView]) -> None:
        serving = [worker for worker in workers if worker.phase == "serving"]
        if not self._is_ready and len(serving) >= self._settings.workers:
            self._is_ready = True
            self._bridge.ready()
            self._end_predecessor()
            log.info("gateway ready", extra={"workers": len(serving), "generation": serving[0].generation})

    def _end_predecessor(self) -> None:
        """Stop the previous gateway, which outlived its process manager and served from the same sockets until now."""
        pid = self._told.predecessor
        if processes.is_alive(pid, self._told.predecessor_began):
            log.warning("ending the gateway that ran here before", extra={"arbiter": pid})
            os.kill(pid, signal.SIGTERM)

    def _notice_events(self) -> None:
        """Roll after a commit that a swap cannot complete; lift quarantines that the owner overruled."""
        for event in history.since(self._settings.state_dir, self._last_event_at):
            self._last_event_at = event.at
            changes_told.tell_event(event)
            if self._status.is_pending:
                self._status = replace(self._status, is_pending=False)
                self._write()
            if event.roll:
                self.roll(f"generation {event.generation} changed code or needs less")
            if self._status.quarantined and is_reviewed_after(event):
                # A worker that is a generation behind would open the route with the crashing model.
                self._is_review_due = True
                if event.forced:
                    self._review_quarantine(forced=True)

    def _have_all_adopted(self, workers: list[WorkerView]) -> bool:
        committed = snapshot.committed(self._settings.state_dir)
        return committed is not None and all(worker.generation == committed.id for worker in workers)

    def _retire_heavy(self, workers: list[WorkerView]) -> None:
        limit = self._settings.worker_memory_mb
        if limit is None or self._arbiter.retiring:
            return
        for worker in workers:
            if worker.pss_bytes and worker.pid not in self._first_pss:
                self._first_pss[worker.pid] = worker.pss_bytes
                if worker.pss_bytes > limit * 2**20:
                    log.error(
                        "worker_memory_mb is below what the models need; such a worker is not replaced",
                        extra={"worker": worker.pid, "used_mb": worker.pss_bytes // 2**20, "limit_mb": limit},
                    )
        heavy = [
            worker
            for worker in workers
            # The successor of a worker that booted above the limit would boot above it too, without end.
            if worker.pss_bytes > limit * 2**20 >= self._first_pss.get(worker.pid, 0) and worker.phase == "serving"
        ]
        for worker in sorted(heavy, key=lambda one: -one.pss_bytes)[:1]:
            self._arbiter.retire(worker.pid, f"uses {worker.pss_bytes // 2**20} MB, allowed are {limit} MB")

    def _retire_stuck(self, workers: list[WorkerView], now: float) -> None:
        stuck = {worker.pid for worker in workers if worker.stuck_threads}
        self._stuck_since = {pid: self._stuck_since.get(pid, now) for pid in stuck}
        overdue = [pid for pid, since in self._stuck_since.items() if now - since > STUCK_GRACE_S]
        if overdue and not self._arbiter.retiring:
            self._arbiter.retire(overdue[0], "a predict overran its deadline and does not end")

    def _tell_servers_and_key_set(self) -> None:
        """Tell how model servers and key set are; close the routes of servers that ended too often."""
        before = self._status
        for route, why in self._servers.closed().items():
            if route not in self._status.quarantined:
                self._quarantine(route, f"its model server ended repeatedly: {why}")
        self._status = replace(self._status, servers=self._servers.statuses, key_set=self.key_sets.status)
        # During a takeover the file is that of the successor.
        if self._status != before and status.read(self._settings.status_path).pid in (0, self._status.pid):
            self._write()

    def _tell_keys(self) -> None:
        """Log what has become of the file of keys; workers forked later begin with what is known now."""
        fault = self._keyring.fault
        if fault is None:
            log.info("keys read", extra={"keys": len(self._keyring.content.keys)})
            changes_told.tell_keys(self._known_keys, self._keyring.content)
            self._known_keys = self._keyring.content
        else:
            log.error("the file of keys does not count", extra={"reason": fault.message, "fix": fault.hint})

    def _quarantine(self, route: str, reason: str = KILLS_WORKERS) -> None:
        self._status = replace(self._status, quarantined=closed(self._status.quarantined, route, self._keys(), reason))
        log.error("route quarantined", extra={"route": route, "reason": reason})
        changes_told.tell_quarantine(route, is_closed=True)

    def _keys(self) -> dict[str, str]:
        committed = snapshot.committed(self._settings.state_dir)
        return {name: found.key for name, found in committed.manifests.items()} if committed else {}

    def _review_quarantine(self, *, forced: bool) -> None:
        kept = reviewed(self._status.quarantined, self._keys(), forced=forced)
        self._is_review_due = False
        for name in self._status.quarantined.keys() - kept.keys():
            self._attribution.forgive(name)
            changes_told.tell_quarantine(name, is_closed=False)
        self._servers.forgive(self._status.quarantined.keys() - kept.keys())
        self._status = replace(self._status, quarantined=kept)
        self._write()

    def _write(self) -> None:
        try:
            status.write(self._settings.status_path, self._status)
        except OSError as error:
            log.warning("cannot write the status file", extra={"reason": str(error)})
