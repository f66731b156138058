"""
The status file of the arbiter: its process, its phase, the number of workers and the quarantined routes.

Only the arbiter writes it, atomically; workers read it for /health and /metrics, commands to find the arbiter.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from gateway.errors import Problem
from gateway.system import atomic, files

#: Every one of 4,000 routes quarantined, with its reason.
MOST_BYTES: Final = 16 * 2**20
_FIX: Final = "open that address or file on this machine; `jwt` of keys.yaml says where the key set comes from"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """
    Tell of one process of a model server: `server` is its name, which manifests hold, `instance` counts from 0.

    `state` is starting, ready, waiting (to be started again), closed (it ended too often) or ending. `restarts` counts
    the times it ended by itself or had to be ended, `reason` is that of the last time. `socket` is the path of its
    Unix socket, which is there while it is ready.
    """

    server: str
    instance: int
    state: str
    pid: int = 0
    restarts: int = 0
    memory_mb: int = 0
    reason: str = ""
    socket: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySetStatus:
    """
    Tell of the key set that tokens are verified with.

    `address` is what the arbiter asks for it, `fetched_at` (Unix time) when it last came, 0 for never. `reason` says
    why it did not come at the last try.
    """

    address: str
    fetched_at: float = 0.0
    reason: str = ""

    @property
    def is_up(self) -> bool:
        """Say whether it came at the last try."""
        return bool(self.fetched_at) and not self.reason

    @property
    def fault(self) -> Problem | None:
        """Return why it did not come at the last try, and what that means; None where it came."""
        if not self.reason:
            return None
        return Problem(
            code="no-key-set",
            message=f"the key set of the issuer did not come from {self.address}: {self.reason}; {self.effect}",
            hint=self.fix,
        )

    @property
    def effect(self) -> str:
        """Return what it means that it did not come."""
        return "the one before goes on" if self.fetched_at else "no token counts until it is here"

    @property
    def fix(self) -> str:
        """Return what repairs it."""
        return _FIX


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    Hold the content of the status file.

    `pid` and `began` (see `processes.started`) are those of the arbiter. `predecessor` is an older arbiter that serves
    until this one does; `started_at` (Unix time) is when this one began to serve. `phase` is preparing, serving or
    failed; `message` is the progress or the reason of the failure, `fix` mends that. `is_pending` says that
    registry.yaml has not been tried yet. `workers` is the number that should run, `restarts` the number of
    unplanned replacements. `quarantined` maps the name of each route whose predicts killed workers to the manifest key
    that it is closed for, and the reason.
    `servers` are the model servers that the arbiter runs, `key_set` is that of the issuer of tokens, where one counts.
    """

    pid: int = 0
    began: int = 0
    started_at: float = 0.0
    predecessor: int = 0
    predecessor_began: int = 0
    phase: str = ""
    message: str = ""
    fix: str = ""
    is_pending: bool = False

    workers: int = 0
    restarts: int = 0
    quarantined: dict[str, tuple[str, str]] = field(default_factory=dict)
    servers: tuple[ServerStatus, ...] = ()
    key_set: KeySetStatus | None = None

    def servers_named(self, name: str) -> list[ServerStatus]:
        """Return the processes of one model server."""
        return [one for one in self.servers if one.server == name]


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_decode: Final = msgspec.json.Decoder(Status).decode


def write(path: Path, status: Status) -> None:
    """Replace the file; a full disk must not take the arbiter down, so OSError is the caller's to log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.replace_bytes(path, msgspec.json.encode(status))


def read(path: Path) -> Status:
    """Return the last written status; an empty one if there is none."""
    try:
        return _decode(files.read(path, MOST_BYTES))
    except (OSError, msgspec.MsgspecError):
        return Status()
