"""
End orphaned processes that models started: the arbiter adopts every descendant whose parent has died.

A process that the model of a live worker started goes on, even if the arbiter has adopted it.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Collection

from gateway.system import descendants
from gateway.system.processes import is_running

log = logging.getLogger("gateway.orphans")


class Orphans:
    """Find orphans among the arbiter's children, in its main thread; `ours` returns its own other children."""

    def __init__(self, ours: Callable[[], Collection[int]]) -> None:
        self._ours = ours
        #: Workers that may own an unmarked process: the one below which it was seen, else all workers at that time.
        self._owners: dict[int, frozenset[int]] = {}
        self._workers: frozenset[int] = frozenset()
        self._asked: dict[int, float] = {}

    def look(self, workers: Collection[int]) -> None:
        """Terminate orphans whose owner has died; kill those that do not exit."""
        now, living = time.monotonic(), frozenset(workers)
        left = [pid for pid in self._strangers(living) if self._is_left(pid, living)]
        found = [one for pid in left for one in (pid, *descendants.tree(pid))]
        new = [pid for pid in found if pid not in self._asked]
        if new:
            log.warning("ending what a model left", extra={"processes": descendants.described(new)})
        self._asked = {pid: self._asked.get(pid, now) for pid in found}
        for pid, asked in self._asked.items():
            is_late = now - asked > descendants.GRACE_S
            if is_late or pid in new:
                descendants.send(pid, signal.SIGKILL if is_late else signal.SIGTERM)
        self._remember(living)

    def end_all(self) -> None:
        """End every descendant of this process; the workers have exited."""
        met = descendants.end(self._reaped)
        if met:
            log.warning("ended what models left", extra={"processes": len(met)})

    def _strangers(self, workers: frozenset[int]) -> list[int]:
        # In this order: `ours` waits for a start in progress, so it knows every process of the first listing.
        found = descendants.children(os.getpid())
        ours = set(self._ours())
        return [pid for pid in found if pid not in workers and pid not in ours and is_running(pid)]

    def _is_left(self, pid: int, workers: frozenset[int]) -> bool:
        mark = descendants.mark_of(pid)
        if mark is not None:
            return mark.is_left
        # A process without our environment that appears as a worker exits is attributed to that worker.
        owners = self._owners.setdefault(pid, self._workers - workers or workers)
        # Process 1 of a container adopts every orphan: one that was never seen below a worker is not ours.
        return not owners & workers and (os.getpid() != 1 or len(owners) == 1)

    def _remember(self, workers: frozenset[int]) -> None:
        self._workers = workers
        seen = {pid: frozenset((worker,)) for worker in workers for pid in descendants.tree(worker)}
        self._owners = {pid: owners for pid, owners in self._owners.items() if is_running(pid)} | seen

    def _reaped(self) -> list[int]:
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        return descendants.tree(os.getpid())
