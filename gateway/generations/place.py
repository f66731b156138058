"""Locations of one gateway (registry, state, cache), the lock of its state, and the artifacts of kept generations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from gateway.artifacts import state_files
from gateway.artifacts.resolution import Resolution
from gateway.generations import snapshot
from gateway.generations.fallback import has_bytes
from gateway.generations.snapshot import Snapshot
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.references.resolving import Ask, Resolved, resolve, taken_by
from gateway.references.store_access import StoreAccess
from gateway.registry.spec import RegistrySpec
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
    store: StoreAccess = field(default_factory=StoreAccess)
    #: Status file of the arbiter that starts model servers; None where nothing waits for them.
    status_path: Path | None = None
    #: Raises GatewayError where the settings of the process are no longer to be served with.
    check_settings: Callable[[], None] = lambda: None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other process changes the state, in a `with` block."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        with locked(self.state_dir / ".lock"):
            yield

    def resolve(self, registry: RegistrySpec, before: Snapshot | None, ask: Ask) -> Resolved:
        """Return the registry with what its references into an MLflow store name; `before` is what serves."""
        served = before.registry if before is not None else None
        earlier = partial(_taken_earlier, self.state_dir)
        return resolve(
            registry, served, self.store, cache_dir=self.cache_dir, limits=self.limits, ask=ask, earlier=earlier
        )


def _taken_earlier(state_dir: Path) -> dict[str, Resolution]:
    """Return what the references of kept generations were resolved to, the latest of each."""
    generations = (snapshot.load(state_dir, path.stem) for path in state_files.kept(state_dir))
    found: dict[str, Resolution] = {}
    for one in sorted(filter(None, generations), key=lambda one: one.created_s):
        found |= taken_by(one.registry)
    return found


def is_kept(place: Place, made: Snapshot) -> bool:
    """Say whether every artifact of a generation is in the cache, or could be put there again as it was."""
    if all(has_bytes(found) for found in made.manifests.values()):
        return True
    registry = place.resolve(made.registry, made, "new").registry
    again = prepare_registry(registry, place.cache_dir, place.limits)
    return all(again[name].key == found.key for name, found in made.manifests.items() if found.problem is None)
