"""
End what models left to the arbiter, which is the parent of every process below it that lost its own.

A process that a living worker's model started goes on, whoever is its parent by now.
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
    """Look at the arbiter's children, in its main thread; `ours` returns those that are neither worker nor orphan."""

    def __init__(self, ours: Callable[[], Collection[int]]) -> None:
        self._ours = ours
        #: Which workers an unmarked process may belong to: the one below which it was seen, else all of that moment.
        self._owners: dict[int, frozenset[int]] = {}
        self._workers: frozenset[int] = frozenset()
        self._asked: dict[int, float] = {}

    def look(self, workers: Collection[int]) -> None:
        """Ask orphans without an owner to end, and end those that did not."""
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
        """End every process below this one; the workers have gone."""
        met = descendants.end(self._reaped)
        if met:
            log.warning("ended what models left", extra={"processes": len(met)})

    def _strangers(self, workers: frozenset[int]) -> list[int]:
        # In this order: `ours` waits for a start under way, so whatever began before the first look is known to it.
        found = descendants.children(os.getpid())
        ours = set(self._ours())
        return [pid for pid in found if pid not in workers and pid not in ours and is_running(pid)]

    def _is_left(self, pid: int, workers: frozenset[int]) -> bool:
        mark = descendants.mark_of(pid)
        if mark is not None:
            return mark.is_left
        # A process that wiped its environment: one that comes up as a worker goes is taken for that worker's.
        owners = self._owners.setdefault(pid, self._workers - workers or workers)
        # The first process of a container is everybody's parent: what was never seen below a worker is not ours.
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
