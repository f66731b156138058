"""
Stage the models of a generation before it is committed that servers of ours serve: the running arbiter starts these.

The transaction runs in a process of its own. It leaves a note for the arbiter, waits until the status file says that
the servers are ready, and asks them for each model that is new: no request meets a generation that does not answer yet.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from gateway.executors.readiness import Answer, Readiness
from gateway.generations.served_models import ServedModel, served_models
from gateway.generations.snapshot import Snapshot
from gateway.scoreboard import status
from gateway.scoreboard.status import ServerStatus, Status
from gateway.system import atomic, files, processes

_MOST_BYTES: Final = 64 * 2**20
_LOOK_S: Final = 0.05
#: A cluster may have to start nodes, and replicas one after the other: it says what it waits for.
_CLUSTER_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Hold the models of a generation that the process `pid`, which began at `began`, wants to commit, by route."""

    pid: int
    began: int
    models: dict[str, ServedModel]


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_decode: Final = msgspec.json.Decoder(Staged).decode


def note_path(status_path: Path) -> Path:
    """Return the note that lies beside a status file."""
    return status_path.with_name("staged.json")


def read(status_path: Path) -> dict[str, ServedModel]:
    """Return what is staged, by route; nothing where the process that staged it has ended."""
    try:
        found = _decode(files.read(note_path(status_path), _MOST_BYTES))
    except (OSError, msgspec.MsgspecError):
        return {}
    return found.models if processes.is_alive(found.pid, found.began) else {}


@contextmanager
def staged(path: Path | None, before: Snapshot | None, made: Snapshot, timeout_s: float) -> Iterator[str]:
    """
    Have the models of `made` served that `before` has not, and yield why they are not, "" if they are.

    They stay staged within the `with` block, in which the generation is committed. `path` is the status file of the
    arbiter; without a running one there is nothing to wait for.
    """
    known = {one.mark for one in _models_of(before).values()} if before is not None else set()
    wanted = _models_of(made)
    new = {route: one for route, one in wanted.items() if one.mark not in known}
    if path is None or not new or not _is_served(status.read(path)):
        yield ""
        return
    note = note_path(path)
    mine = Staged(pid=os.getpid(), began=processes.own_start(), models=wanted)
    atomic.replace_bytes(note, msgspec.json.encode(mine))
    try:
        on_cluster = any(one.archive is not None for one in new.values())
        yield _await(path, new, time.monotonic() + (max(timeout_s, _CLUSTER_S) if on_cluster else timeout_s))
    finally:
        note.unlink(missing_ok=True)


def _is_served(found: Status) -> bool:
    return found.phase == "serving" and processes.is_alive(found.pid, found.began)


def _models_of(snapshot: Snapshot) -> dict[str, ServedModel]:
    return served_models(snapshot.registry, snapshot.manifests)


def _await(path: Path, new: Mapping[str, ServedModel], deadline: float) -> str:
    """Wait until every model is ready; return why one of them is not."""
    left = dict(new)
    while True:
        found = status.read(path)
        if not _is_served(found):
            return ""
        reasons = {route: _missing(found.servers_named(one.server.name), one) for route, one in left.items()}
        left = {route: one for route, one in left.items() if reasons[route] is not None}
        if not left:
            return ""
        is_late = time.monotonic() > deadline
        for route in left:
            reason = reasons[route]
            if reason is not None and (reason.is_final or is_late):
                told = f": {reason.reason}" if reason.reason else ""
                return f"the model server of route {route} does not become ready{told}"
        time.sleep(_LOOK_S)


def _missing(told: list[ServerStatus], served: ServedModel) -> Answer | None:
    """Return None where all instances are ready and have the model, else why that is not so."""
    if any(one.state == "closed" for one in told):
        reason = next((one.reason for one in told if one.state == "closed" and one.reason), "it ended too often")
        return Answer(is_ready=False, reason=reason, is_final=True)
    ready = [one for one in told if one.state == "ready"]
    if len(ready) < served.server.instances:
        return Answer(is_ready=False)
    # A server that serves several models is ready before each of them is.
    for one in ready:
        readiness = Readiness(lambda path=one.socket: path, served.model)  # type: ignore[misc]
        answer = readiness.ask() or Answer(is_ready=False)
        readiness.close()
        if not answer.is_ready:
            return answer
    return None
