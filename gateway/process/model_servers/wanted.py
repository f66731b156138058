"""
Which model servers should run: those of the committed generation, of one about to be committed, and of those before.

The servers of an earlier generation go on until every worker has left it and its calls have ended.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from gateway.artifacts.remote import ChildSpec
from gateway.generations import staging
from gateway.generations.served_models import ServedModel, served_models
from gateway.generations.snapshot import CommittedReader, Snapshot
from gateway.registry.spec import RegistrySpec
from gateway.settings.settings import Settings

#: Workers forget a generation so long after they have left it (generation_follower.py).
FORGET_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Wish:
    """
    Name a server, the routes that it serves, and what it must be told of their models.

    `deadline_s` is the shortest of the routes; 0 where no spare process is wanted.
    """

    spec: ChildSpec
    routes: tuple[str, ...]
    models: tuple[dict[str, Any], ...] = ()
    deadline_s: float = 0.0


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
            before, self._committed = (
                self._committed,
                _with_deadlines(_wishes(served_models(found.registry, found.manifests)), found.registry),
            )
            self._former |= {name: (wish, None) for name, wish in before.items()}
            self._snapshot = found
        wishes = _together(_wishes(staging.read(self._status_path)), self._committed)
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


def _wishes(served: Mapping[str, ServedModel]) -> dict[str, Wish]:
    """Return the wishes by name: routes with one server share it."""
    by_server: dict[str, list[tuple[str, ServedModel]]] = {}
    for route, one in served.items():
        by_server.setdefault(one.server.name, []).append((route, one))
    return {name: _wish(found) for name, found in by_server.items()}


def _wish(served: list[tuple[str, ServedModel]]) -> Wish:
    spec = max((one.server for _, one in served), key=lambda server: server.instances)
    told = {one.model: one for _, one in served if one.archive is not None}
    models = tuple({"name": name, **asdict(one.archive), **one.deployment} for name, one in sorted(told.items()))  # type: ignore[arg-type]  # it is there
    return Wish(spec, tuple(sorted(route for route, _ in served)), models)


def _together(staged: Mapping[str, Wish], committed: Mapping[str, Wish]) -> dict[str, Wish]:
    """Return the wishes of both; a server of both is told of the models of both, as those that are staged say."""
    found = {**staged, **committed}
    for name in staged.keys() & committed.keys():
        models = {one["name"]: one for one in (*committed[name].models, *staged[name].models)}
        found[name] = replace(committed[name], models=tuple(models.values()))
    return found


def _with_deadlines(wishes: Mapping[str, Wish], registry: RegistrySpec) -> dict[str, Wish]:
    """Return the wishes with the deadlines of routes that want a spare process."""
    wanted = {
        route.name: route.timeout_s
        for route in registry.routes
        if route.executor.kind == "process" and route.executor.spare
    }
    return {
        name: replace(wish, deadline_s=min(wanted.get(route, 0.0) for route in wish.routes))
        for name, wish in wishes.items()
    }
