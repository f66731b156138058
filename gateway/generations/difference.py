"""Difference of two snapshots, route by route, and whether a swap suffices or workers must be replaced."""

from dataclasses import dataclass

from gateway.artifacts.manifest import Manifest
from gateway.generations.snapshot import Snapshot
from gateway.registry.spec import RouteSpec, encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Name the routes that differ between two snapshots, by path."""

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
    before, after = old[1], new[1]
    if before.key != after.key or before.state != after.state or before.attachments != after.attachments:
        return True
    return encoded(old[0]) != encoded(new[0])


def needs_roll(old: Snapshot | None, new: Snapshot, change: Change) -> bool:
    """
    Say whether workers must be replaced after the swap.

    Code changed (its sibling modules stay imported), or a framework is no longer needed (its memory would stay).
    """
    if old is None:
        return False
    served = {spec.artifact: old.manifests[spec.name].key for spec in old.registry.routes if spec.loader == "python"}
    for spec in new.registry.routes:
        # By file and not by route: limits may change without the code, and code may change with its route's name.
        if served.get(spec.artifact, new.manifests[spec.name].key) != new.manifests[spec.name].key:
            return True
    return bool({spec.loader for spec in old.registry.routes} - {spec.loader for spec in new.registry.routes})
