"""Locations of one gateway (registry, state, cache), the lock of its state, and the artifacts of kept generations."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.generations.fallback import has_bytes
from gateway.generations.snapshot import Snapshot
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.system.locks import locked


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Hold the locations of the registry, of the state and of the cache."""

    registry: Path
    state_dir: Path
    cache_dir: Path
    #: GATEWAY_ROOT_PATH, below which no path may have two meanings.
    root_path: str = ""
    limits: PrepareLimits = field(default_factory=PrepareLimits)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other process changes the state, in a `with` block."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        with locked(self.state_dir / ".lock"):
            yield


def is_kept(place: Place, made: Snapshot) -> bool:
    """Say whether every artifact of a generation is in the cache, or could be put there again as it was."""
    if all(has_bytes(found) for found in made.manifests.values()):
        return True
    again = prepare_registry(made.registry, place.cache_dir, place.limits)
    return all(again[name].key == found.key for name, found in made.manifests.items() if found.problem is None)
