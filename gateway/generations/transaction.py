"""
Transaction of a change: parse, prepare, decide, commit or refuse, record. Also reload and rollback.

The watcher, `gateway reload` and a cold start call `attempt`; a lock serialises them. Workers read only the committed
state.
"""

import logging
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.artifacts.manifest import Manifest
from gateway.artifacts.store import Store
from gateway.errors import GatewayError, RegistryError
from gateway.generations import history, snapshot
from gateway.generations.decision import Mode, decide, is_rolled_back, previous
from gateway.generations.difference import difference, needs_roll
from gateway.generations.fallback import has_bytes
from gateway.generations.history import Event
from gateway.generations.recheck import is_current, recheck_committed, still_right
from gateway.generations.snapshot import Snapshot
from gateway.prepare.registry import Progress, is_known, prepare_registry
from gateway.prepare.supervisor import PrepareLimits
from gateway.registry import load_registry
from gateway.registry.document import registry_hash
from gateway.registry.spec import RegistrySpec
from gateway.system.locks import locked

log = logging.getLogger("gateway.transaction")

#: The scoreboard has 4,096 places, and a route that was renamed holds its old one for a while.
MAX_ROUTES = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Hold the locations of the registry, of the state and of the cache."""

    registry: Path
    state_dir: Path
    cache_dir: Path
    limits: PrepareLimits = field(default_factory=PrepareLimits)


def attempt(
    place: Place, *, mode: Mode = "reload", source: str = "", progress: Progress = lambda done, total: None
) -> Event:
    """
    Try to serve the current registry.yaml; return the event, which is also the last entry of the history.

    `reload` refuses when an added or changed route fails; `force` commits even then, with those routes FAILED; `cold`
    (a start) keeps the committed version of each route that fails now; `watched` (a file changed) is a reload that
    leaves a rollback alone until the registry itself changes, as a start does. `progress` is called with the number of
    prepared models and of all. Raises RegistryError only in mode `cold`: a broken registry, and no committed state.
    """
    with _turn(place.state_dir):
        before = snapshot.committed(place.state_dir)
        if mode == "cold" and before is not None:
            before = recheck_committed(place.state_dir, before, place.cache_dir, place.limits, progress)
        one = _Attempt(place, before, mode, source)
        if mode in ("cold", "watched") and before is not None and _is_rolled_back(place) and _is_kept(place, before):
            note = "rolled back; that holds until registry.yaml changes, or: gateway reload"
            return one.remember(Event(result="unchanged", generation=before.id, reason=note))
        try:
            return one.run(progress)
        except GatewayError:
            raise
        except Exception as error:
            # An internal error is reported like a fault of a registry, and must not stop the running generation.
            log.exception("the reload stumbled")
            if before is None:
                raise
            return one.refuse(f"the reload stumbled: {type(error).__name__}: {error}")


class _Attempt:
    """Hold one attempt: locations, committed snapshot, mode, source and start."""

    def __init__(self, place: Place, before: Snapshot | None, mode: Mode, source: str) -> None:
        self.place, self.before, self.mode, self.source = place, before, mode, source
        self.started = time.monotonic()

    def run(self, progress: Progress) -> Event:
        """Parse, prepare and decide."""
        try:
            registry = load_registry(self.place.registry)
        except GatewayError as error:
            if self.mode == "cold" and self.before is None:
                raise
            return self.refuse(error.text if isinstance(error, RegistryError) else error.message)
        if len(registry.routes) > MAX_ROUTES:
            return self.refuse(
                f"the registry has {len(registry.routes)} routes; one gateway serves {MAX_ROUTES} at most"
            )
        retry = self.mode == "force"
        place, before = self.place, self.before
        found = prepare_registry(registry, place.cache_dir, place.limits, retry=retry, before=before, progress=progress)
        return self.decide(registry, found)

    def decide(self, registry: RegistrySpec, manifests: dict[str, Manifest]) -> Event:
        """Commit, refuse, or find that nothing changed."""
        found = decide(self.before, registry, manifests, mode=self.mode, source=self.source)
        if found.made is None:
            return self.refuse(found.refusal)
        if not found.is_change:
            return self.remember(Event(result="unchanged", generation=found.made.id, reason=found.note))
        try:
            snapshot.commit(self.place.state_dir, found.made)
        except OSError as error:
            return self.refuse(f"cannot write {self.place.state_dir}: {error.strerror}")
        Store(self.place.cache_dir).prune()
        return self.remember(_event_of("committed", self.before, found.made, reason=found.note))

    def refuse(self, reason: str) -> Event:
        """Leave everything as it is, and say why."""
        generation = self.before.id if self.before else ""
        log.error("reload refused", extra={"reason": reason, "generation": generation})
        return self.remember(Event(result="refused", generation=generation, reason=reason))

    def remember(self, event: Event) -> Event:
        """Write the history."""
        took_s = round(time.monotonic() - self.started, 3)
        if event.result != "unchanged":
            log.info("reload", extra={"generation": event.generation, "result": event.result, "took_s": took_s})
        return history.append(
            self.place.state_dir, replace(event, source=self.source, took_s=took_s, forced=self.mode == "force")
        )


def _event_of(result: str, before: Snapshot | None, made: Snapshot, **more: Any) -> Event:
    change = difference(before, made)
    return Event(
        result=result,
        generation=made.id,
        added=change.added,
        changed=change.changed,
        removed=change.removed,
        roll=needs_roll(before, made, change),
        **more,
    )


def can_wait(place: Place) -> bool:
    """
    Say whether a start may serve the committed generation first and try registry.yaml afterwards.

    So it is when the generation is whole, and the registry names models that were never prepared, which may take long.
    """
    before = snapshot.committed(place.state_dir)
    # After an upgrade the committed generation is checked before it serves.
    if before is None or not is_current(before, place.cache_dir) or not all(map(has_bytes, before.manifests.values())):
        return False
    try:
        return not is_known(load_registry(place.registry), place.cache_dir, place.limits.cache_bytes)
    except GatewayError:
        return False


def rollback(place: Place, generation: str | None = None) -> Event:
    """
    Commit an earlier generation: the one named, or the one before the committed one.

    It holds, also over restarts, until registry.yaml changes. Raises GatewayError where there is none.
    """
    with _turn(place.state_dir):
        before = snapshot.committed(place.state_dir)
        wanted = generation or previous(history.events(place.state_dir), before.id if before else None)
        made = snapshot.load(place.state_dir, wanted) if wanted else None
        if made is None:
            raise GatewayError(
                f"there is no generation {wanted or 'before this one'}",
                code="no-generation",
                hint="gateway history lists them",
            )
        if not _is_kept(place, made):
            raise GatewayError(
                f"generation {made.id} cannot be served: artifacts of it are no longer in {place.cache_dir}",
                code="generation-gone",
                hint="put the artifacts back where they were, or roll back to another one: gateway history",
            )
        made = still_right(made, place.cache_dir, place.limits)
        try:
            snapshot.commit(place.state_dir, made)
        except OSError as error:
            raise GatewayError(
                f"cannot write {place.state_dir}: {error.strerror}",
                code="state-unwritable",
                hint="free some disk space",
            ) from error
        event = _event_of("rolled-back", before, made, registry_sha256=registry_hash(place.registry))
        return _Attempt(place, before, "reload", "gateway rollback").remember(event)


def _is_kept(place: Place, made: Snapshot) -> bool:
    """Say whether every artifact of a generation is in the cache, or could be put there again as it was."""
    if all(has_bytes(found) for found in made.manifests.values()):
        return True
    again = prepare_registry(made.registry, place.cache_dir, place.limits)
    return all(again[name].key == found.key for name, found in made.manifests.items() if found.problem is None)


def _is_rolled_back(place: Place) -> bool:
    return is_rolled_back(history.events(place.state_dir), registry_hash(place.registry))


def _turn(state_dir: Path) -> AbstractContextManager[None]:
    """Wait until no other process changes the state, in a `with` block."""
    state_dir.mkdir(parents=True, exist_ok=True)
    return locked(state_dir / ".lock")
