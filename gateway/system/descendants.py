"""
Find and end the processes that models start, also after their worker has died.

A mark names the owner: a worker, or the process that ran a prepare child. It lies in the environment, which an
executed program inherits, and in a memory mapping, which a fork inherits and which survives closing every descriptor.
"""

import contextlib
import ctypes
import hashlib
import mmap
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.system.processes import is_alive, is_running, own_start

#: Environment variable of every process that a model starts.
VARIABLE: Final = "GATEWAY_STARTED_BY"
#: prctl(2): processes below this one that lose their parent become its children.
_PR_SET_CHILD_SUBREAPER: Final = 36
_TEXT: Final = re.compile(rb"(\d+)\.(\d+)\.([0-9a-f]{12})\.(\d+)")
_IN_ENVIRONMENT: Final = re.compile(rb"(?:^|\0)" + VARIABLE.encode() + rb"=" + _TEXT.pattern + rb"(?:\0|$)")
_IN_MAPS: Final = re.compile(rb"memfd:gateway\." + _TEXT.pattern)
_PLACES: Final = {"environ": _IN_ENVIRONMENT, "maps": _IN_MAPS}
#: How long a process may take to end when it is asked to.
GRACE_S: Final = 2.0
#: Names of leftovers that fit into a message.
_NAME_LENGTH: Final = 80

_mapped: list[mmap.mmap] = []


@dataclass(frozen=True, slots=True)
class Mark:
    """Name the owner of a process, the home of its gateway (see `home_of`) and the number of the child."""

    owner: int
    began: int
    home: str
    number: int = 0

    @property
    def text(self) -> str:
        """Return the mark as it stands in the environment."""
        return f"{self.owner}.{self.began}.{self.home}.{self.number}"

    @property
    def is_left(self) -> bool:
        """Say whether the owner has ended."""
        return not is_alive(self.owner, self.began)


def home_of(folder: Path) -> str:
    """Return the short name of a GATEWAY_HOME in marks."""
    return hashlib.sha256(os.path.realpath(folder).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def own_mark(folder: Path, number: int = 0) -> Mark:
    """Return the mark for the processes that this process starts."""
    return Mark(os.getpid(), own_start(), home_of(folder), number)


def mark_descendants(folder: Path) -> None:
    """Mark all processes that this process forks or executes from now on."""
    text = own_mark(folder).text
    os.environ[VARIABLE] = text
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create(f"gateway.{text}")
        os.truncate(descriptor, mmap.PAGESIZE)
        _mapped.append(mmap.mmap(descriptor, mmap.PAGESIZE))
        os.close(descriptor)


def adopt_orphans() -> None:
    """Adopt every descendant whose parent ends; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def mark_of(pid: int, places: Mapping[str, re.Pattern[bytes]] = _PLACES) -> Mark | None:
    """Return the mark of a process; None if it has none, has ended, or belongs to another user."""
    for name, pattern in places.items():
        with contextlib.suppress(OSError):
            if found := pattern.search(Path(f"/proc/{pid}/{name}").read_bytes()):
                owner, began, home, number = found.groups()
                return Mark(int(owner), int(began), home.decode(), int(number))
    return None


def marked() -> Iterator[tuple[int, Mark]]:
    """Yield every living marked process but this one."""
    for pid in _pids():
        if pid != os.getpid() and is_running(pid) and (mark := mark_of(pid)) is not None:
            yield pid, mark


def marked_by(mark: Mark) -> list[int]:
    """Return the living processes with this mark in their environment."""
    here = {"environ": _IN_ENVIRONMENT}
    return [pid for pid in _pids() if mark_of(pid, here) == mark and is_running(pid)]


def left_behind(folder: Path) -> list[int]:
    """Return the processes of models of this home whose worker has ended."""
    home = home_of(folder)
    return [pid for pid, mark in marked() if mark.home == home and mark.is_left]


def children(pid: int) -> list[int]:
    """Return the children of a process, zombies included."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        lists = []
    if lists:
        return [int(word) for text in lists for word in text.split()]
    return [child for child, parent in _parents().items() if parent == pid]


def tree(pid: int) -> list[int]:
    """Return the living descendants of a process, nearest first."""
    found: list[int] = []
    waiting = children(pid)
    while waiting:
        child = waiting.pop(0)
        if is_running(child):
            found.append(child)
        waiting += children(child)
    return found


def end(find: Callable[[], Collection[int]], grace_s: float = GRACE_S) -> list[int]:
    """
    End every process that `find` returns, repeatedly until it returns none; return all pids that it returned.

    Sends SIGTERM first, and SIGKILL after `grace_s`. Gives up on processes that have not ended five seconds later.
    """
    met: list[int] = []
    deadline = time.monotonic() + grace_s
    while (left := find()) and time.monotonic() < deadline + 5:
        is_late = time.monotonic() >= deadline
        for pid in left:
            if is_late or pid not in met:
                send(pid, signal.SIGKILL if is_late else signal.SIGTERM)
        met += [pid for pid in left if pid not in met]
        time.sleep(0.02)
    return met


@contextlib.contextmanager
def none_left() -> Iterator[None]:
    """End all descendants that this process gained within the block."""
    adopt_orphans()
    before = set(tree(os.getpid()))
    try:
        yield
    finally:
        end(lambda: [pid for pid in tree(os.getpid()) if pid not in before])


def send(pid: int, number: int) -> None:
    """Send a signal; a process that has ended is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def described(pids: Collection[int]) -> str:
    """Name processes for a message: number and command."""
    return ", ".join(f"{pid} ({_command(pid)})" for pid in pids)


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return "gone"
    text = b" ".join(words).decode(errors="replace")
    return text if len(text) <= _NAME_LENGTH else f"{text[:_NAME_LENGTH]}…"


def _pids() -> list[int]:
    try:
        return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    except OSError:
        return []


def _parents() -> dict[int, int]:
    found = {}
    for pid in _pids():
        with contextlib.suppress(OSError, IndexError, ValueError):
            found[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found
