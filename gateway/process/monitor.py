"""
The arbiter's own thread: sees on the board how the workers are, tells PM2 and the status file.

Never forks and never loads; everything it calls is short.
"""

import logging
import os
import threading
import time
from typing import Any

from gunicorn.arbiter import Arbiter

from gateway import metrics, status
from gateway.board import Board
from gateway.process.pm2 import PM2Bridge
from gateway.settings import Settings
from gateway.status import Status

log = logging.getLogger("gateway.monitor")

TICK_S = 0.1


class Monitor:
    """Watch the board; `worker_ended` is called by the arbiter's main thread."""

    def __init__(self, settings: Settings, bridge: PM2Bridge, arbiter: Arbiter) -> None:
        self._settings = settings
        self._bridge = bridge
        self._arbiter = arbiter
        self._board = Board.open(settings.board_path)
        self._status = Status(workers=settings.workers, pid=os.getpid(), phase="serving")
        self._is_ready = False
        self._stopping = False

    def start(self) -> None:
        """Begin to watch in a thread of its own."""
        self._write()
        threading.Thread(target=self._run, name="monitor", daemon=True).start()

    def worker_ended(self, pid: int) -> None:
        """Fold the counters of a dead worker and free its slot; say what it was doing if it did not leave in order."""
        in_flight = self._board.dead(pid)
        if in_flight:
            log.error("worker died while predicting", extra={"worker": pid, "routes": [f.route for f in in_flight]})
        self._board.reclaim(pid)
        metrics.fold_dead(self._settings.metrics_dir)

    def _run(self) -> None:
        while True:
            time.sleep(TICK_S)
            try:
                self._look()
            except Exception:
                log.exception("the monitor stumbled")

    def _look(self) -> None:
        serving = [w for w in self._board.workers() if w.alive and w.phase == "serving"]
        if not self._is_ready and len(serving) >= self._settings.workers:
            self._is_ready = True
            self._bridge.ready()
            log.info("gateway ready", extra={"workers": len(serving), "generation": serving[0].generation})

    def _write(self) -> None:
        try:
            status.write(self._settings.status_path, self._status)
        except OSError as error:
            log.warning("cannot write the status file", extra={"reason": str(error)})

    def sample(self) -> dict[str, Any]:
        """Return what `pm2 monit` shows."""
        return {}
