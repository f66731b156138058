"""
Change what is served, whole or not at all: parse, prepare, decide, commit, remember.

Whoever wants a change calls `attempt` (the watcher, `gateway reload`, a cold start); a lock makes them take turns.
Workers look only at what was committed.
"""

import contextlib
import fcntl
import hashlib
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from gateway import history, snapshot
from gateway.errors import GatewayError, RegistryError
from gateway.history import Event
from gateway.manifest import Manifest
from gateway.prepare import Limits, prepare_registry
from gateway.registry import load_registry
from gateway.registry.spec import RegistrySpec, RouteSpec
from gateway.snapshot import Snapshot

log = logging.getLogger("gateway.transaction")

Mode: TypeAlias = Literal["reload", "force", "cold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Say where things are: the registry, the state that is kept, the cache."""

    registry: Path
    state_dir: Path
    cache_dir: Path
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Name what differs between two snapshots, by route path."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Say whether anything differs."""
        return bool(self.added or self.changed or self.removed)


def difference(old: Snapshot | None, new: Snapshot) -> Change:
    """Compare two snapshots route by route; a new artifact behind the same entry is a change."""
    before = {} if old is None else {spec.path: (spec, old.manifests[spec.name]) for spec in old.registry.routes}
    after = {spec.path: (spec, new.manifests[spec.name]) for spec in new.registry.routes}
    return Change(
        added=tuple(path for path in after if path not in before),
        changed=tuple(path for path in after if path in before and _differs(before[path], after[path])),
        removed=tuple(path for path in before if path not in after),
    )


def _differs(old: tuple[RouteSpec, Manifest], new: tuple[RouteSpec, Manifest]) -> bool:
    # As JSON, because a spec that was read back has lists where the parser makes tuples.
    same_entry = msgspec.json.encode(old[0], order="sorted") == msgspec.json.encode(new[0], order="sorted")
    return not same_entry or old[1].key != new[1].key or old[1].state != new[1].state


def needs_roll(old: Snapshot | None, new: Snapshot, change: Change) -> bool:
    """
    Say whether workers must be replaced after the swap.

    Code changed (its sibling modules stay imported), or a framework is no longer needed (its memory would stay).
    """
    if old is None:
        return False
    code = {spec.path for spec in (*old.registry.routes, *new.registry.routes) if spec.loader == "python"}
    if code.intersection(change.changed):
        return True
    return bool({spec.loader for spec in old.registry.routes} - {spec.loader for spec in new.registry.routes})


def attempt(place: Place, *, mode: Mode = "reload", source: str = "") -> Event:
    """
    Try to serve what registry.yaml says now; return what came of it, which is also the last entry of the history.

    `reload` refuses when an added or changed route fails; `force` commits even then, with those routes FAILED; `cold`
    (a start) keeps the committed version of each route that fails now. Raises RegistryError only in mode `cold`, when
    the registry is broken and nothing was ever committed.
    """
    with _turn(place.state_dir):
        started = time.monotonic()
        before = snapshot.committed(place.state_dir)
        if mode == "cold" and before is not None and _is_rolled_back(place):
            return history.last(place.state_dir) or Event(result="unchanged", generation=before.id)
        try:
            registry = load_registry(place.registry)
        except RegistryError as error:
            if mode == "cold" and before is None:
                raise
            return _refuse(place, before, error.text, source, started)
        except GatewayError as error:
            if mode == "cold" and before is None:
                raise
            return _refuse(place, before, error.message, source, started)
        manifests = prepare_registry(registry, place.cache_dir, place.limits, retry=mode == "force")
        return _decide(place, before, registry, manifests, mode, source, started)


def _decide(
    place: Place,
    before: Snapshot | None,
    registry: RegistrySpec,
    manifests: dict[str, Manifest],
    mode: Mode,
    source: str,
    started: float,
) -> Event:
    failing = _newly_failing(before, registry, manifests) if before is not None else {}
    if failing and mode == "reload":
        reasons = [f"{path}: {found.problem.message}" for path, found in failing.items() if found.problem]
        return _refuse(place, before, "\n".join(reasons), source, started)
    if mode != "force" and before is not None:
        registry, manifests, fallbacks = _keep_working(before, registry, manifests)
    else:
        fallbacks = {}
    made = replace(snapshot.make(registry, manifests, source=source), fallbacks=fallbacks)
    note = _fallback_text(fallbacks, manifests)
    if before is not None and (before.id, before.fallbacks) == (made.id, made.fallbacks):
        return _remember(place, Event(result="unchanged", generation=made.id, source=source, reason=note), started)
    change = difference(before, made)
    try:
        snapshot.commit(place.state_dir, made)
    except OSError as error:
        return _refuse(place, before, f"cannot write {place.state_dir}: {error.strerror}", source, started)
    event = Event(
        result="committed",
        generation=made.id,
        source=source,
        added=change.added,
        changed=change.changed,
        removed=change.removed,
        roll=needs_roll(before, made, change),
        reason=note,
    )
    return _remember(place, event, started)


def _newly_failing(before: Snapshot, registry: RegistrySpec, manifests: Mapping[str, Manifest]) -> dict[str, Manifest]:
    """Return the added or changed routes that fail; one that failed before for the same reason blocks nobody."""
    old_specs = {spec.name: spec for spec in before.registry.routes}
    failing = {}
    for spec in registry.routes:
        found = manifests[spec.name]
        if found.problem is None:
            continue
        old = before.manifests.get(spec.name)
        failed_alike = old is not None and old.problem is not None and old.key == found.key
        if failed_alike and old_specs[spec.name].artifact == spec.artifact:
            continue
        if before.fallbacks.get(spec.name) == found.key:
            continue
        failing[spec.path] = found
    return failing


def _keep_working(
    before: Snapshot, registry: RegistrySpec, manifests: dict[str, Manifest]
) -> tuple[RegistrySpec, dict[str, Manifest], dict[str, str]]:
    """Put the committed version in the place of each route that fails now and served before."""
    old_specs = {spec.name: spec for spec in before.registry.routes}
    fallbacks = {}
    specs, kept = [], dict(manifests)
    for spec in registry.routes:
        old = before.manifests.get(spec.name)
        if manifests[spec.name].problem is not None and old is not None and old.problem is None:
            fallbacks[spec.name] = manifests[spec.name].key
            kept[spec.name] = old
            specs.append(replace(old_specs[spec.name], path=spec.path))
        else:
            specs.append(spec)
    return replace(registry, routes=tuple(specs)), kept, fallbacks


def _fallback_text(fallbacks: Mapping[str, str], manifests: Mapping[str, Manifest]) -> str:
    lines = []
    for name in fallbacks:
        problem = manifests[name].problem
        lines.append(f"{name}: {problem.message if problem else 'failed'}; its committed version goes on serving")
    return "\n".join(lines)


def rollback(place: Place, generation: str | None = None) -> Event:
    """
    Commit an earlier generation: the one named, or the one before the committed one.

    It holds, also over restarts, until registry.yaml changes. Raises GatewayError where there is none.
    """
    with _turn(place.state_dir):
        started = time.monotonic()
        before = snapshot.committed(place.state_dir)
        wanted = generation or _previous(place.state_dir, before)
        made = snapshot.load(place.state_dir, wanted) if wanted else None
        if made is None:
            raise GatewayError(
                f"there is no generation {wanted or 'before this one'}",
                code="no-generation",
                hint="gateway history lists them",
            )
        snapshot.commit(place.state_dir, made)
        change = difference(before, made)
        event = Event(
            result="rolled-back",
            generation=made.id,
            source="gateway rollback",
            added=change.added,
            changed=change.changed,
            removed=change.removed,
            roll=needs_roll(before, made, change),
            registry_sha256=registry_hash(place.registry),
        )
        return _remember(place, event, started)


def _previous(state_dir: Path, before: Snapshot | None) -> str | None:
    served = [e.generation for e in history.events(state_dir) if e.result in ("committed", "rolled-back")]
    earlier = [name for name in served if before is None or name != before.id]
    return earlier[-1] if earlier else None


def _is_rolled_back(place: Place) -> bool:
    last = next((e for e in reversed(history.events(place.state_dir)) if e.result in history.COMMITS), None)
    return last is not None and last.result == "rolled-back" and last.registry_sha256 == registry_hash(place.registry)


def registry_hash(path: Path) -> str:
    """Return the sha256 of the registry file; '' where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _refuse(place: Place, before: Snapshot | None, reason: str, source: str, started: float) -> Event:
    event = Event(result="refused", generation=before.id if before else "", source=source, reason=reason)
    log.error("reload refused", extra={"reason": reason, "generation": event.generation})
    return _remember(place, event, started)


def _remember(place: Place, event: Event, started: float) -> Event:
    event = replace(event, took_s=round(time.monotonic() - started, 3))
    if event.result != "unchanged":
        extra: dict[str, Any] = {"generation": event.generation, "result": event.result, "took_s": event.took_s}
        log.info("reload", extra=extra)
    return history.append(place.state_dir, event)


@contextlib.contextmanager
def _turn(state_dir: Path) -> Iterator[None]:
    """Wait until no other process changes the state; the kernel gives the lock back if its owner dies."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Said and not left to close(): a process forked meanwhile would hold the lock through its copy.
            fcntl.flock(lock, fcntl.LOCK_UN)
