"""
What the arbiter tells the workers through a file: how many should run, and which routes are quarantined.

Written atomically by the arbiter only, read by whoever answers /health and /metrics.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    Hold the arbiter's view.

    `pid` is the arbiter, `predecessor` one that outlived its process manager and serves until this one does. `phase`
    is preparing, serving or failed, `message` the reason of a failure, `is_pending` that registry.yaml is still to be
    tried. `quarantined` are the routes whose predicts killed workers, by name: the manifest key that the entry holds
    for, and the reason.
    """

    pid: int = 0
    predecessor: int = 0
    phase: str = ""
    message: str = ""
    is_pending: bool = False

    workers: int = 0
    restarts: int = 0
    quarantined: dict[str, tuple[str, str]] = field(default_factory=dict)


def is_gateway(pid: int, home: Path) -> bool:
    """Say whether a living process is a gateway of this home; a pid alone may have been given to somebody else."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return b"gateway" in words and f"GATEWAY_HOME={home}".encode() in environ.split(b"\0")


def write(path: Path, status: Status) -> None:
    """Replace the file; a full disk must not take the arbiter down, so OSError is the caller's to log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    draft.write_bytes(msgspec.json.encode(status))
    draft.replace(path)


def read(path: Path) -> Status:
    """Return what the arbiter last wrote; an empty status where there is none yet."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError):
        return Status()
