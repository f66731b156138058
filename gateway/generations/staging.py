"""
Stage the model servers of a generation before it is committed: the running arbiter starts those that are new.

The transaction runs in a process of its own. It leaves a note for the arbiter, and waits until the status file says
that all of them are ready: no request meets a generation whose servers do not answer yet.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from gateway.artifacts.manifest import Manifest
from gateway.artifacts.remote import ChildSpec
from gateway.generations.snapshot import Snapshot
from gateway.scoreboard import status
from gateway.scoreboard.status import ServerStatus, Status
from gateway.system import atomic, files, processes

_MOST_BYTES: Final = 64 * 2**20
_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Hold the servers of a generation that the process `pid`, which began at `began`, wants to commit, by route."""

    pid: int
    began: int
    servers: dict[str, ChildSpec]


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_decode: Final = msgspec.json.Decoder(Staged).decode


def servers_of(manifests: Mapping[str, Manifest]) -> dict[str, ChildSpec]:
    """Return the model servers of a generation, by the route that they serve."""
    kept = ((name, found.remote) for name, found in manifests.items() if found.problem is None)
    return {name: remote.child for name, remote in kept if remote is not None and remote.child is not None}


def note_path(status_path: Path) -> Path:
    """Return the note that lies beside a status file."""
    return status_path.with_name("staged.json")


def read(status_path: Path) -> dict[str, ChildSpec]:
    """Return what is staged, by route; nothing where the process that staged it has ended."""
    try:
        found = _decode(files.read(note_path(status_path), _MOST_BYTES))
    except (OSError, msgspec.MsgspecError):
        return {}
    return found.servers if processes.is_alive(found.pid, found.began) else {}


@contextmanager
def staged(path: Path | None, before: Snapshot | None, made: Snapshot, timeout_s: float) -> Iterator[str]:
    """
    Have the servers of `made` started that `before` has not, and yield why they do not serve, "" if they do.

    They stay staged within the `with` block, in which the generation is committed. `path` is the status file of the
    arbiter; without a running one there is nothing to wait for.
    """
    known = {server.name for server in servers_of(before.manifests).values()} if before is not None else set()
    wanted = servers_of(made.manifests)
    new = {route: server for route, server in wanted.items() if server.name not in known}
    if path is None or not new or not _is_served(status.read(path)):
        yield ""
        return
    note = note_path(path)
    mine = Staged(pid=os.getpid(), began=processes.own_start(), servers=wanted)
    atomic.replace_bytes(note, msgspec.json.encode(mine))
    try:
        yield _await(path, new, time.monotonic() + timeout_s)
    finally:
        note.unlink(missing_ok=True)


def _is_served(found: Status) -> bool:
    return found.phase == "serving" and processes.is_alive(found.pid, found.began)


def _await(path: Path, new: Mapping[str, ChildSpec], deadline: float) -> str:
    """Wait until every server is ready; return why one of them is not."""
    while True:
        found = status.read(path)
        if not _is_served(found):
            return ""
        reasons = {route: _missing(found.servers_named(server.name), server) for route, server in new.items()}
        missing = {route: reason for route, reason in reasons.items() if reason is not None}
        if not missing:
            return ""
        is_late = time.monotonic() > deadline
        for route, reason in missing.items():
            if reason or is_late:
                return f"the model server of route {route} does not become ready{f': {reason}' if reason else ''}"
        time.sleep(_LOOK_S)


def _missing(told: list[ServerStatus], server: ChildSpec) -> str | None:
    """Return None where all instances are ready, "" where that may still come, and else the reason."""
    if any(one.state == "closed" for one in told):
        return next((one.reason for one in told if one.state == "closed" and one.reason), "it ended too often")
    return None if sum(one.state == "ready" for one in told) >= server.instances else ""
