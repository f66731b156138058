"""
A snapshot, one complete state on disk: the registry and every manifest, named by a hash, committed by an atomic rename.

Workers and cold starts read only this; only prepare and check read registry.yaml.
"""

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from gateway.artifacts import state_files
from gateway.artifacts.manifest import Manifest
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import RegistrySpec, RouteSpec
from gateway.system import atomic, files

T = TypeVar("T", RouteSpec, Manifest)

#: Committed generations that are stored for `gateway rollback`; each is about 3 KB per route.
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


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_decode: Final = msgspec.json.Decoder(Snapshot).decode


def make(registry: RegistrySpec, manifests: dict[str, Manifest], source: str = "") -> Snapshot:
    """Name the state: the id is the hash of the registry, every manifest key and all attachments, 12 hex digits."""
    shown = [
        (name, key, one.sha256, "" if one.problem is None else one.problem.message)
        for name, m in sorted(manifests.items())
        for key, one in sorted(m.attachments.items())
    ]
    canonical = msgspec.json.encode((registry, sorted((name, m.key, m.state) for name, m in manifests.items()), shown))
    name = hashlib.sha256(canonical).hexdigest()[:12]
    return Snapshot(id=name, registry=registry, manifests=manifests, created_s=time.time(), source=source)


def commit(state_dir: Path, snapshot: Snapshot) -> None:
    """
    Make `snapshot` the committed one; after a crash at any point the old or the new one is whole.

    Raises OSError when the disk refuses: the old one then stays committed.
    """
    folder = state_files.folder_of(state_dir)
    folder.mkdir(parents=True, exist_ok=True)
    data = msgspec.json.encode(snapshot)
    atomic.replace_bytes(folder / f"{snapshot.id}.json", data, durable=True)
    atomic.replace_bytes(state_dir / state_files.COMMITTED, data, durable=True)
    _forget_old(folder)


def committed(state_dir: Path) -> Snapshot | None:
    """Return the committed snapshot, or None where there is none that this version can read."""
    return _read(state_dir / state_files.COMMITTED)


class CommittedReader:
    """
    Read the committed snapshot repeatedly; entries whose bytes did not change stay the same objects.

    A reader detects changed entries by identity, and an edit of one route among 1,000 costs one route. Not thread-safe.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / state_files.COMMITTED
        self._seen: tuple[int, int] | None = None
        self._last: Snapshot | None = None
        self._entries: dict[bytes, RouteSpec | Manifest] = {}

    def read(self) -> Snapshot | None:
        """Return the committed snapshot, or None where there is none that this version can read."""
        try:
            stat = self._path.stat()
            seen = stat.st_mtime_ns, stat.st_ino
            if seen != self._seen:
                self._last, self._seen = self._read(), seen
        except (OSError, msgspec.MsgspecError):
            self._last, self._seen = None, None
        return self._last

    def _read(self) -> Snapshot:
        stored = _STORED.decode(files.read(self._path, state_files.MOST_BYTES))
        known, self._entries = self._entries, {}
        routes = tuple([self._same(raw, _SPEC, known) for raw in stored.registry.routes])
        manifests = {name: self._same(raw, _MANIFEST, known) for name, raw in stored.manifests.items()}
        registry = RegistrySpec(routes=routes, server=stored.registry.server, version=stored.registry.version)
        return Snapshot(
            id=stored.id,
            registry=registry,
            manifests=manifests,
            created_s=stored.created_s,
            source=stored.source,
            fallbacks=stored.fallbacks,
        )

    def _same(self, raw: msgspec.Raw, decoder: msgspec.json.Decoder[T], known: dict[bytes, Any]) -> T:
        digest = hashlib.blake2b(raw, digest_size=16).digest()
        found: Any = self._entries.get(digest) or known.get(digest)
        if not isinstance(found, decoder.type):
            found = decoder.decode(raw)
        self._entries[digest] = found
        return cast(T, found)


class _StoredRegistry(msgspec.Struct):
    """Hold a registry whose routes are not decoded yet."""

    routes: list[msgspec.Raw]
    server: ServerSpec
    version: int


class _Stored(msgspec.Struct):
    """Hold a snapshot whose entries are not decoded yet: decoding all at once would hold the interpreter for 20 ms."""

    id: str
    registry: _StoredRegistry
    manifests: dict[str, msgspec.Raw]
    created_s: float
    source: str
    fallbacks: dict[str, str]


_STORED = msgspec.json.Decoder(_Stored)
_SPEC = msgspec.json.Decoder(RouteSpec)
_MANIFEST = msgspec.json.Decoder(Manifest)


def load(state_dir: Path, generation: str) -> Snapshot | None:
    """Return an earlier generation by its id."""
    return _read(state_files.folder_of(state_dir) / f"{generation}.json")


def _read(path: Path) -> Snapshot | None:
    try:
        return _decode(files.read(path, state_files.MOST_BYTES))
    except (OSError, msgspec.MsgspecError):
        return None


def _forget_old(folder: Path) -> None:
    kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[KEPT:]:
        path.unlink(missing_ok=True)
