"""
Notice that registry.yaml, an artifact or its golden rows changed, and have a child try the new state.

Looks instead of subscribing: editors rename, copies arrive in pieces, links are re-pointed, and every file system can
be looked at. The work is done by `gateway reload` in a process of its own, so nothing in it can hurt the arbiter.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gateway import artifacts, history, snapshot
from gateway.errors import GatewayError
from gateway.registry import load_registry
from gateway.registry.spec import RegistrySpec
from gateway.settings import Settings
from gateway.transaction import registry_hash

log = logging.getLogger("gateway.watcher")

#: How often the files are looked at; 1,000 of them take about 3 ms.
LOOK_S = 0.25
#: A file that still changes between two looks is being written.
SETTLED_LOOKS = 2

FILE_CHANGED = "file changed"

Print = tuple[int, int, int]


class Watcher:
    """Watch in a thread of its own; `request` makes it try at once, from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked = threading.Event()
        self._force = False
        self._cold = False
        self._watched: list[Path] = []
        self._registry_hash = registry_hash(settings.registry)

    def start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._run, name="watcher", daemon=True).start()

    def request(self, *, force: bool = False, cold: bool = False) -> None:
        """Try the registry as it is now, changed or not; `cold` is the try that a start left for later."""
        self._force, self._cold = force, cold
        self._asked.set()

    def _run(self) -> None:
        while True:
            try:
                self._watch()
            except Exception:
                # Whatever stands in a registry, the next edit must be noticed.
                log.exception("the watcher stumbled")
                time.sleep(LOOK_S)

    def _watch(self) -> None:
        self._learn()
        seen = settled = self._look()
        same_looks = 0
        while True:
            asked = self._asked.wait(LOOK_S)
            now = self._look()
            same_looks = same_looks + 1 if now == seen else 0
            seen = now
            is_due = self._settings.watch and seen != settled and same_looks >= SETTLED_LOOKS
            if not asked and not is_due:
                continue
            self._asked.clear()
            is_new = self._is_new(settled, seen)
            settled = seen
            if asked or is_new:
                self._try("asked" if asked else FILE_CHANGED)
                self._learn()
                # What changed during the try must be seen next time, so known files keep what was seen before it.
                settled = {path: settled.get(path, found) for path, found in self._look().items()}

    def _is_new(self, before: dict[Path, Print], now: dict[Path, Print]) -> bool:
        """Say whether contents may differ: a registry that was only touched is the same."""
        others = {path for path in now if now[path] != before.get(path) and path != self._settings.registry}
        text_hash = registry_hash(self._settings.registry)
        is_same_text, self._registry_hash = text_hash == self._registry_hash, text_hash
        return bool(others) or not is_same_text

    def _try(self, why: str) -> None:
        """Run `gateway reload`; it commits or refuses, and writes the history either way."""
        force, self._force = self._force, False
        cold, self._cold = self._cold, False
        mode = "cold" if cold else "force" if force else "watched" if why == FILE_CHANGED else "reload"
        source = "start" if cold else why
        command = [sys.executable, "-m", "gateway", "reload", "--quiet", "--source", source, "--mode", mode]
        command += ["--parent", str(os.getpid())]
        # As settings may have come from options, which no child sees.
        environ = {**os.environ, **self._settings.environ()}
        done = subprocess.run(command, env=environ, check=False, stdin=subprocess.DEVNULL)
        if done.returncode not in (0, 78):
            reason = f"the process that tried it ended with {done.returncode}; see the log"
            last = history.last(self._settings.state_dir)
            generation = last.generation if last else ""
            event = history.Event(result="refused", reason=reason, source=source, generation=generation)
            history.append(self._settings.state_dir, event)

    def _learn(self) -> None:
        """Find out which files matter: those of the committed routes and those the registry names now."""
        paths = {self._settings.registry}
        committed = snapshot.committed(self._settings.state_dir)
        if committed is not None:
            paths |= _files(committed.registry)
        try:
            paths |= _files(load_registry(self._settings.registry))
        except GatewayError:
            log.debug("the registry cannot be read; watching the committed files")
        self._watched = sorted(paths)

    def _look(self) -> dict[Path, Print]:
        return {path: _print(path) for path in self._watched}


def _files(registry: RegistrySpec) -> set[Path]:
    paths = set()
    for spec in registry.routes:
        artifact = Path(spec.base) / artifacts.split_entry(spec.artifact)[0]
        paths.add(artifact)
        paths.add(Path(spec.base) / spec.golden if spec.golden else artifact.parent / "golden.json")
    return paths


def _print(path: Path) -> Print:
    """Return what changes when a file or a folder's content does; zeros while it is absent."""
    try:
        found = path.stat()
        if not path.is_dir():
            return found.st_mtime_ns, found.st_size, found.st_ino
        inside = [entry.stat() for entry in artifacts.files_of(path)]
    except (OSError, ValueError):
        return 0, 0, 0
    newest = max((entry.st_mtime_ns for entry in inside), default=found.st_mtime_ns)
    return max(newest, found.st_mtime_ns), sum(entry.st_size for entry in inside), len(inside)


def wait_until(condition: Callable[[], bool], timeout_s: float, step_s: float = 0.05) -> bool:
    """Poll until `condition` holds; False when `timeout_s` went by first."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True
