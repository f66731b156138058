"""Whether the references of a registry name other models than those that serve, told once for each change."""

import contextlib
import hashlib
import logging
from pathlib import Path
from typing import Final

import msgspec

from gateway.generations.snapshot import Snapshot
from gateway.references.resolving import Resolved, taken_by
from gateway.system import atomic, files

log = logging.getLogger("gateway.references")

_FILE: Final = "aliases-seen"
_MOST_BYTES: Final = 1024


def is_first_sight(state_dir: Path, before: Snapshot | None, now: Resolved) -> bool:
    """
    Say whether a reference names another model than the one that serves, and that was not so the last time.

    A move that was refused would else be tried at every look. Logs the warnings of a look where they are new.
    """
    taken = taken_by(before.registry if before is not None else None)
    found = {spec.reference: spec.resolved for spec in now.registry.routes if spec.resolved is not None}
    moved = sorted((text, one.exact, repr(one.problem)) for text, one in found.items() if one != taken.get(text))
    digest = hashlib.sha256(msgspec.json.encode((moved, now.warnings))).hexdigest()
    path = state_dir / _FILE
    with contextlib.suppress(OSError):
        if files.read(path, _MOST_BYTES).decode() == digest:
            return False
    with contextlib.suppress(OSError):  # on a full disk it is tried again
        atomic.replace_bytes(path, digest.encode())
    for warning in now.warnings:
        log.warning("reference into MLflow", extra={"warning": warning})
    return bool(moved)
