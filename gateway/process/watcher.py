"""
Watch registry.yaml, artifacts and golden rows for changes, and run `gateway reload` when one has settled.

Polls instead of subscribing: editors rename, copies arrive in pieces, links are re-pointed, and polling works on every
file system. `gateway reload` runs in a process of its own, so that no fault in it can harm the arbiter.
"""

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from gateway.generations import history
from gateway.generations.reload_decision import Mode
from gateway.process import watched_files
from gateway.process.alias_watch import AliasWatch
from gateway.process.debounce import Debounce
from gateway.process.watched_files import Print, look
from gateway.registry.document import registry_hash
from gateway.settings.settings import Settings
from gateway.system.fork_lock import FORK_LOCK
from gateway.system.own_python import module_words

log = logging.getLogger("gateway.watcher")

#: Interval of polling; 1,000 files take about 3 ms.
LOOK_S = 0.25
#: A file that changes between two polls is still being written.
SETTLED_LOOKS = 2

FILE_CHANGED = "file changed"


class _Command(NamedTuple):
    """Name a command that tries a change, and what asked for it."""

    source: str
    words: tuple[str, ...]


def _reload(source: str, mode: Mode) -> _Command:
    return _Command(source, ("reload", "--quiet", "--source", source, "--mode", mode))


#: Asks where aliases and best runs are by now; tells the history nothing where none has moved.
MOVED: Final = _reload("alias moved", "moved")


class Watcher:
    """Watch in a thread; `request` starts a try at once, from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked = threading.Event()
        self._asked_for: list[_Command] = []
        self._lock = threading.Lock()
        self._watched: list[Path] = []
        self._accepted: dict[Path, Print] = {}
        self._registry_hash = registry_hash(settings.registry)
        self._child = 0
        self._aliases = AliasWatch(settings)

    def start(self) -> None:
        """
        Learn the watched files, then start the watching thread; call it before workers are forked.

        A fork copies the lock of a module that another thread is importing, and no thread of the child ever frees it.
        So this thread imports what learning needs.
        """
        self._learn()
        threading.Thread(target=self._run, name="watcher", daemon=True).start()

    def request(self, *, force: bool = False, cold: bool = False) -> None:
        """Try the present registry, changed or not; `cold` marks the try that a start has deferred."""
        self._ask(_reload("start", "cold") if cold else _reload("asked", "force" if force else "reload"))

    def roll_back(self, generation: str = "") -> None:
        """Commit an earlier generation again: the one named, or the one before the committed one."""
        self._ask(_Command("pm2 rollback", ("rollback", *filter(None, [generation]))))

    def _ask(self, command: _Command) -> None:
        with self._lock:
            # The same again, while the first still waits, would find nothing to do.
            if self._asked_for[-1:] != [command]:
                self._asked_for.append(command)
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
        # After a failure, keep the state before it: an edit made meanwhile must be noticed.
        changes = Debounce(self._with_new_files(self._accepted), SETTLED_LOOKS)
        while True:
            self._accepted = changes.accepted
            self._asked.wait(LOOK_S)
            self._asked.clear()
            is_due = changes.look(self._look()) and self._settings.watch
            if self._aliases.is_due():
                self._ask(MOVED)
            if not self._asked_for and not is_due:
                continue
            is_new = self._is_new(changes.accept(), changes.accepted)
            with self._lock:
                commands, self._asked_for = self._asked_for, []
            if commands or is_new:
                self._accepted = changes.accepted
                if is_new and all(command == MOVED for command in commands):
                    commands.append(_reload(FILE_CHANGED, "watched"))
                for command in commands:
                    self._try(command)
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

    def _try(self, command: _Command) -> None:
        """Run a command; it commits or refuses, and writes the history either way."""
        words = module_words("gateway", *command.words, "--parent", str(os.getpid()))
        # Settings may come from command line options, which a child does not get.
        environ = {**os.environ, **self._settings.environ()}
        before = history.last(self._settings.state_dir)
        with FORK_LOCK:
            child = subprocess.Popen(words, env=environ, stdin=subprocess.DEVNULL)
            self._child = child.pid
        code = child.wait()
        last = history.last(self._settings.state_dir)
        # The history counts too: gunicorn may have reaped the exit code of the process.
        is_silent = last == before and command != MOVED
        if code not in (0, 78) or is_silent:
            reason = f"the process that tried it ended with {code}; see the log"
            generation = last.generation if last else ""
            event = history.Event(
                result="refused", reason=reason, faults=1, source=command.source, generation=generation
            )
            history.append(self._settings.state_dir, event)

    def _learn(self) -> None:
        """Take over the list of watched files from the process that tried the last change."""
        found = watched_files.told(self._settings)
        # A killed process has written no list: the previous one stays.
        self._watched = sorted(found or {*self._watched, *watched_files.committed_files(self._settings)})

    def _look(self) -> dict[Path, Print]:
        return {path: look(path) for path in self._watched}


def wait_until(condition: Callable[[], bool], timeout_s: float, step_s: float = 0.05) -> bool:
    """Poll until `condition` holds; return False after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True
