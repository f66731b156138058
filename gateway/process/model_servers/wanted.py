"""
Which model servers should run: those of the committed generation, of one about to be committed, and of those before.

The servers of an earlier generation go on until every worker has left it and its calls have ended.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.artifacts.remote import ChildSpec
from gateway.generations import staging
from gateway.generations.snapshot import CommittedReader, Snapshot
from gateway.settings.settings import Settings

#: Workers forget a generation so long after they have left it (generation_follower.py).
FORGET_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Wish:
    """Name a server, and the routes that it serves."""

    spec: ChildSpec
    routes: tuple[str, ...]


class Wanted:
    """Follow what is committed and what is staged; `adopted` returns the generations that workers serve."""

    def __init__(
        self, settings: Settings, adopted: Callable[[], Collection[str]], forget_after_s: float = FORGET_AFTER_S
    ) -> None:
        self._reader = CommittedReader(settings.state_dir)
        self._status_path = settings.status_path
        self._adopted = adopted
        self._forget_after_s = forget_after_s
        self._snapshot: Snapshot | None = None
        self._committed: dict[str, Wish] = {}
        #: Servers of earlier generations, and since when no worker can need them; None while one may.
        self._former: dict[str, tuple[Wish, float | None]] = {}

    def look(self, now: float) -> dict[str, Wish]:
        """Return the wanted servers by name; `now` is a time.monotonic() value."""
        found = self._reader.read()
        if found is not None and found is not self._snapshot:
            before, self._committed = self._committed, _wishes(staging.servers_of(found.manifests))
            self._former |= {name: (wish, None) for name, wish in before.items()}
            self._snapshot = found
        wishes = {**_wishes(staging.read(self._status_path)), **self._committed}
        self._former = {name: one for name, one in self._former.items() if name not in wishes}
        if self._former:
            self._forget(now)
        return {**{name: wish for name, (wish, _) in self._former.items()}, **wishes}

    def _forget(self, now: float) -> None:
        have_left = self._snapshot is not None and set(self._adopted()) <= {self._snapshot.id}
        kept = {name: (wish, (since or now) if have_left else None) for name, (wish, since) in self._former.items()}
        self._former = {
            name: (wish, since)
            for name, (wish, since) in kept.items()
            if since is None or now - since < self._forget_after_s
        }


def _wishes(servers: Mapping[str, ChildSpec]) -> dict[str, Wish]:
    """Return the wishes by name: routes with one server share it."""
    routes: dict[str, list[str]] = {}
    specs: dict[str, ChildSpec] = {}
    for route, spec in servers.items():
        routes.setdefault(spec.name, []).append(route)
        if spec.name not in specs or spec.instances > specs[spec.name].instances:
            specs[spec.name] = spec
    return {name: Wish(spec, tuple(sorted(routes[name]))) for name, spec in specs.items()}
