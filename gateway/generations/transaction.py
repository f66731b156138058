"""
Reload as a transaction: parse, prepare, decide, then commit or refuse as a whole, and record it.

The watcher, `gateway reload` and a cold start call `attempt`; a lock serialises them. Workers read only the committed
state.
"""

import logging
import time
from collections.abc import Mapping
from typing import Final

from gateway.artifacts.manifest import Manifest
from gateway.artifacts.store import Store
from gateway.environments import kept
from gateway.errors import GatewayError, RegistryError
from gateway.generations import history, snapshot
from gateway.generations.aliases_moved import is_first_sight
from gateway.generations.fallback import has_bytes
from gateway.generations.history import Event
from gateway.generations.place import Place, is_kept
from gateway.generations.reload_decision import Mode, decide, event_of, is_rolled_back
from gateway.generations.snapshot import Snapshot
from gateway.generations.staging import staged
from gateway.generations.upgrade_check import is_current, recheck_committed
from gateway.prepare.entries import Progress, is_known, prepare_registry
from gateway.references.resolving import Ask, is_resolved
from gateway.registry.document import registry_hash
from gateway.registry.load import load_registry
from gateway.registry.spec import RegistrySpec
from gateway.system import obstacles

log = logging.getLogger("gateway.transaction")

#: Only a person that reloads asks where aliases are by now; an edit of another route moves none.
_ASKED: Final[Mapping[Mode, Ask]] = {
    "reload": "all",
    "force": "all",
    "moved": "moving",
    "watched": "new",
    "cold": "new",
}
#: The scoreboard has 4,096 places, and a route that was renamed holds its old one for a while.
MAX_ROUTES = 4000


def attempt(
    place: Place, *, mode: Mode = "reload", source: str = "", progress: Progress = lambda done, total: None
) -> Event:
    """
    Try to serve the current registry.yaml; return the event, which is also the last entry of the history.

    `reload` refuses when an added or changed route fails; `force` commits even then, with those routes FAILED; `cold`
    (a start) keeps the committed version of each route that fails now; `watched` (a file changed) is a reload that
    leaves a rollback alone until the registry itself changes, as a start does; `moved` is such a one that happens only
    where a reference into an MLflow store names another model by now, and is else in no history. `progress` is called
    with the number of prepared models and of all. Raises RegistryError only in mode `cold`: a broken registry, and no
    committed state.
    """
    with place.turn():
        before = snapshot.committed(place.state_dir)
        if mode == "cold" and before is not None:
            before = recheck_committed(place.state_dir, before, place.cache_dir, place.limits, progress)
        one = _Attempt(place, before, mode, source)
        if (
            mode in ("cold", "watched", "moved")
            and before is not None
            and _is_rolled_back(place)
            and is_kept(place, before)
        ):
            if mode == "moved":
                return one.nothing_moved()
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
        self.warnings: tuple[str, ...] = ()

    def run(self, progress: Progress) -> Event:
        """Parse, prepare and decide."""
        try:
            self.place.check_settings()
        except GatewayError as error:
            return self.refuse(f"{error.message}; fix: {error.hint}")
        try:
            registry = load_registry(self.place.registry, root_path=self.place.root_path)
        except GatewayError as error:
            if self.mode == "cold" and self.before is None:
                raise
            if self.mode == "moved":  # the edit that made the fault was told of it
                return self.nothing_moved()
            if isinstance(error, RegistryError):
                return self.refuse(error.text, error.count)
            return self.refuse(error.message)
        if len(registry.routes) > MAX_ROUTES:
            return self.refuse(
                f"the registry has {len(registry.routes)} routes; one gateway serves {MAX_ROUTES} at most"
            )
        retry = self.mode == "force"
        place, before = self.place, self.before
        resolved = place.resolve(registry, before, _ASKED[self.mode])
        registry, self.warnings = resolved.registry, resolved.warnings
        if self.mode == "moved" and not is_first_sight(place.state_dir, before, resolved):
            return self.nothing_moved()
        found = prepare_registry(registry, place.cache_dir, place.limits, retry=retry, before=before, progress=progress)
        return self.decide(registry, found)

    def decide(self, registry: RegistrySpec, manifests: dict[str, Manifest]) -> Event:
        """Commit, refuse, or find that nothing changed."""
        found = decide(self.before, registry, manifests, mode=self.mode, source=self.source)
        if found.made is None:
            return self.refuse(found.refusal, found.faults)
        note = "\n".join(filter(None, [found.note, *self.warnings]))
        if not found.is_change:
            return self.remember(Event(result="unchanged", generation=found.made.id, reason=note))
        try:
            with staged(self.place.status_path, self.before, found.made, self.place.limits.timeout_s) as missing:
                if missing and self.mode not in ("force", "cold"):
                    return self.refuse(missing)
                snapshot.commit(self.place.state_dir, found.made)
        except OSError as error:
            why, hint = obstacles.told(self.place.state_dir, error)
            return self.refuse(f"cannot write {self.place.state_dir}: {why}; fix: {hint}")
        Store(self.place.cache_dir).prune()
        kept.prune(self.place.cache_dir, self.place.state_dir)
        return self.remember(event_of("committed", self.before, found.made, reason=note))

    def nothing_moved(self) -> Event:
        """Return that everything stays, which no history needs to know."""
        return Event(result="unchanged", generation=self.before.id if self.before else "")

    def refuse(self, reason: str, faults: int = 1) -> Event:
        """Leave everything as it is, and say why."""
        generation = self.before.id if self.before else ""
        log.error("reload refused", extra={"reason": reason, "generation": generation})
        return self.remember(Event(result="refused", generation=generation, reason=reason, faults=faults))

    def remember(self, event: Event) -> Event:
        """Write the history."""
        is_forced = self.mode == "force"
        return history.record(self.place.state_dir, event, source=self.source, started=self.started, forced=is_forced)


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
        registry = load_registry(place.registry)
        if not is_resolved(registry, before.registry):
            return True
        registry = place.resolve(registry, before, "new").registry
        return not is_known(registry, place.cache_dir, place.limits.cache_bytes)
    except GatewayError:
        return False


def _is_rolled_back(place: Place) -> bool:
    return is_rolled_back(history.events(place.state_dir), registry_hash(place.registry))
