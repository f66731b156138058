"""
One complete state on disk: the registry and every manifest, named by a hash, committed by an atomic rename.

Workers, replaced workers and cold starts read only this; nobody but prepare and check looks at registry.yaml.
"""

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from gateway.manifest import Manifest
from gateway.registry.spec import RegistrySpec

COMMITTED = "committed.json"
#: Committed generations that are kept for `gateway rollback`; each is about 3 KB per route.
KEPT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    Hold one generation as data: `manifests` has exactly one entry per route name.

    `fallbacks` names the routes that serve an earlier version, with the key that failed in their place.
    """

    id: str
    registry: RegistrySpec
    manifests: dict[str, Manifest]
    created_s: float = 0.0
    source: str = ""
    fallbacks: dict[str, str] = field(default_factory=dict)


def make(registry: RegistrySpec, manifests: dict[str, Manifest], source: str = "") -> Snapshot:
    """Name the state: the id is the hash of the canonical registry and every manifest key, 12 hex digits."""
    canonical = msgspec.json.encode((registry, sorted((name, m.key, m.state) for name, m in manifests.items())))
    name = hashlib.sha256(canonical).hexdigest()[:12]
    return Snapshot(id=name, registry=registry, manifests=manifests, created_s=time.time(), source=source)


def commit(state_dir: Path, snapshot: Snapshot) -> None:
    """
    Make `snapshot` the committed one; after a crash at any point the old or the new one is whole.

    Raises OSError when the disk refuses: the old one then stays committed.
    """
    folder = state_dir / "generations"
    folder.mkdir(parents=True, exist_ok=True)
    data = msgspec.json.encode(snapshot)
    _write_durably(folder / f"{snapshot.id}.json", data)
    _write_durably(state_dir / COMMITTED, data)
    _forget_old(folder)


def committed(state_dir: Path) -> Snapshot | None:
    """Return the committed snapshot, or None where there is none that this version can read."""
    return _read(state_dir / COMMITTED)


def load(state_dir: Path, generation: str) -> Snapshot | None:
    """Return an earlier generation by its id."""
    return _read(state_dir / "generations" / f"{generation}.json")


def _read(path: Path) -> Snapshot | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Snapshot)
    except (OSError, msgspec.MsgspecError):
        return None


def _write_durably(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with draft.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def _forget_old(folder: Path) -> None:
    kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[KEPT:]:
        path.unlink(missing_ok=True)
