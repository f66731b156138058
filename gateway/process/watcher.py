"""
Watch registry.yaml, artifacts and golden rows for changes, and run `gateway reload` when one has settled.

Polls instead of subscribing: editors rename, copies arrive in pieces, links are re-pointed, and polling works on every
file system. `gateway reload` runs in a process of its own, so that no fault in it can harm the arbiter.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.generations import history
from gateway.process import watched_files
from gateway.process.debounce import Debounce
from gateway.process.watched_files import Print, look
from gateway.registry.document import registry_hash
from gateway.settings.settings import Settings
from gateway.system.fork_lock import FORK_LOCK

log = logging.getLogger("gateway.watcher")

#: Interval of polling; 1,000 files take about 3 ms.
LOOK_S = 0.25
#: A file that changes between two polls is still being written.
SETTLED_LOOKS = 2

FILE_CHANGED = "file changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """Ask for a reload, or for a rollback: to the generation named, '' for the one before the committed one."""

    rollback: str | None = None
    force: bool = False
    cold: bool = False


class Watcher:
    """Watch in a thread; `request` starts a try at once, from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked = threading.Event()
        self._requests: deque[_Request] = deque()
        self._watched: list[Path] = []
        self._accepted: dict[Path, Print] = {}
        self._registry_hash = registry_hash(settings.registry)
        self._child = 0

    def start(self) -> None:
        """
        Learn the watched files in this thread, then start the watching thread; call it before workers are forked.

        A fork copies the lock of a module that another thread is importing, and no thread of the child ever frees it:
        what the reading of a registry imports must have been imported before.
        """
        try:
            self._learn(anew=True)
        except Exception:
            # No content of a registry may stop the start; the thread tries again.
            log.exception("the watcher stumbled")
        threading.Thread(target=self._run, name="watcher", daemon=True).start()

    def request(self, *, force: bool = False, cold: bool = False) -> None:
        """Try the present registry, changed or not; `cold` marks the try that a start has deferred."""
        self._ask(_Request(force=force, cold=cold))

    def roll_back(self, generation: str = "") -> None:
        """Commit an earlier generation again: the one named, or the one before the committed one."""
        self._ask(_Request(rollback=generation))

    def _ask(self, request: _Request) -> None:
        # The same again, while the first still waits, would find nothing to do.
        if not self._requests or self._requests[-1] != request:
            self._requests.append(request)
        self._asked.set()

    def children(self) -> tuple[int, ...]:
        """Return the processes that try a change; waits while one is being started."""
        with FORK_LOCK:
            return (self._child,)

    def _run(self) -> None:
        while True:
            try:
                self._watch()
            except Exception:
                # No content of a registry may stop the watching.
                log.exception("the watcher stumbled")
                time.sleep(LOOK_S)

    def _watch(self) -> None:
        self._learn(anew=not self._watched)
        # After a failure, keep the state before it: an edit made meanwhile must be noticed.
        changes = Debounce(self._with_new_files(self._accepted), SETTLED_LOOKS)
        while True:
            self._accepted = changes.accepted
            self._asked.wait(LOOK_S)
            self._asked.clear()
            is_asked = bool(self._requests)
            is_due = changes.look(self._look()) and self._settings.watch
            if not is_asked and not is_due:
                continue
            is_new = self._is_new(changes.accept(), changes.accepted)
            if is_asked or is_new:
                self._accepted = changes.accepted
                self._change("asked" if is_asked else FILE_CHANGED)
                self._learn()
                # A change during the try must be seen at the next poll.
                changes.accepted = self._with_new_files(changes.accepted)

    def _with_new_files(self, known: dict[Path, Print]) -> dict[Path, Print]:
        """Return the accepted fingerprints of the watched files; the present ones of files new to the list."""
        return {path: known.get(path, seen) for path, seen in self._look().items()}

    def _is_new(self, before: dict[Path, Print], now: dict[Path, Print]) -> bool:
        """Say whether contents may differ; a registry that was only touched does not."""
        others = {path for path in now if now[path] != before.get(path) and path != self._settings.registry}
        text_hash = registry_hash(self._settings.registry)
        # '' stands for an unreadable registry, and the reason may have changed.
        is_same_text, self._registry_hash = text_hash == self._registry_hash != "", text_hash
        return bool(others) or not is_same_text

    def _change(self, why: str) -> None:
        """Serve what was asked, in that order; a reload where only a file changed."""
        if not self._requests:
            self._reload(_Request(), why)
        while self._requests:
            request = self._requests.popleft()
            if request.rollback is None:
                self._reload(request, why)
            else:
                self._try("pm2 rollback", "rollback", *filter(None, [request.rollback]))

    def _reload(self, request: _Request, why: str) -> None:
        mode = _mode(force=request.force, cold=request.cold, is_watched=why == FILE_CHANGED)
        source = "start" if request.cold else why
        self._try(source, "reload", "--quiet", "--source", source, "--mode", mode)

    def _try(self, source: str, *words: str) -> None:
        """Run a command; it commits or refuses, and writes the history either way."""
        command = [sys.executable, "-m", "gateway", *words, "--parent", str(os.getpid())]
        # Settings may come from command line options, which a child does not get.
        environ = {**os.environ, **self._settings.environ()}
        before = history.last(self._settings.state_dir)
        with FORK_LOCK:
            child = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL)
            self._child = child.pid
        code = child.wait()
        last = history.last(self._settings.state_dir)
        # The history counts too: gunicorn may have reaped the exit code of the process.
        if code not in (0, 78) or last == before:
            reason = f"the process that tried it ended with {code}; see the log"
            generation = last.generation if last else ""
            event = history.Event(result="refused", reason=reason, source=source, generation=generation)
            history.append(self._settings.state_dir, event)

    def _learn(self, *, anew: bool = False) -> None:
        """Take over the list of watched files from the last try; `anew` computes it here."""
        found = watched_files.files_of(self._settings) if anew else watched_files.told(self._settings)
        # A killed process has written no list: the previous one stays.
        self._watched = sorted(found or {*self._watched, *watched_files.committed_files(self._settings)})

    def _look(self) -> dict[Path, Print]:
        return {path: look(path) for path in self._watched}


def _mode(*, force: bool, cold: bool, is_watched: bool) -> str:
    if cold:
        return "cold"
    if force:
        return "force"
    return "watched" if is_watched else "reload"


def wait_until(condition: Callable[[], bool], timeout_s: float, step_s: float = 0.05) -> bool:
    """Poll until `condition` holds; return False after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True
