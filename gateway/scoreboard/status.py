"""
What the arbiter tells the workers through a file: how many should run, and which routes are quarantined.

Written atomically by the arbiter only, read by whoever answers /health and /metrics.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from gateway.system import atomic, files

#: Every one of 4,000 routes quarantined, with its reason.
MOST_BYTES: Final = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    Hold the arbiter's view.

    `pid` is the arbiter (`began`: see processes.started), `predecessor` one that outlived its process manager and
    serves until this one does. `phase` is preparing, serving or failed, `message` how far that is or why it failed;
    `is_pending`: registry.yaml is still to be tried. `quarantined` are the routes whose predicts killed workers, by
    name: the manifest key that the entry holds for, and the reason.
    """

    pid: int = 0
    began: int = 0
    predecessor: int = 0
    predecessor_began: int = 0
    phase: str = ""
    message: str = ""
    is_pending: bool = False

    workers: int = 0
    restarts: int = 0
    quarantined: dict[str, tuple[str, str]] = field(default_factory=dict)


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_decode: Final = msgspec.json.Decoder(Status).decode


def write(path: Path, status: Status) -> None:
    """Replace the file; a full disk must not take the arbiter down, so OSError is the caller's to log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.replace_bytes(path, msgspec.json.encode(status))


def read(path: Path) -> Status:
    """Return what the arbiter last wrote; an empty status where there is none yet."""
    try:
        return _decode(files.read(path, MOST_BYTES))
    except (OSError, msgspec.MsgspecError):
        return Status()
