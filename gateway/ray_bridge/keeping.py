"""Keep the applications of a cluster as the gateway wants them, and the models ready that they serve."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ray.exceptions import RayError

from gateway.child.faults import text_of
from gateway.ray_bridge.cluster import AwayError, Cluster, State
from gateway.ray_bridge.models import Models
from gateway.ray_bridge.peers import Peers
from gateway.ray_bridge.probe import prove
from gateway.ray_bridge.wanted import WantedModel, owner_of, read

#: Between two looks at the cluster where nothing has changed, and while a model starts.
_LOOK_S: Final = 2.0
_STARTING_S: Final = 0.25
#: An application that nobody wants any more goes on so long: workers may still ask it.
_FORGET_S: Final = 60.0
_MOST_WORDS: Final = 500
#: What stands in a traceback before the words of a replica.
_OWN_WORDS: Final = "NotServedError: "
_RUNNING: Final = "RUNNING"
_FAILED: Final = ("DEPLOY_FAILED", "UNHEALTHY")

log = logging.getLogger("gateway.ray_bridge")


class Keeper:
    """Compare what is wanted with what is there; used by one thread."""

    def __init__(self, cluster: Cluster, models: Models, path: Path, peers: Peers) -> None:
        self._cluster = cluster
        self._models = models
        self._path = path
        self._peers = peers
        self._is_connected = False
        self._wanted: dict[str, WantedModel] = {}
        #: Own applications that nobody wants, and since when.
        self._unwanted: dict[str, float] = {}
        self._look_at = 0.0

    def look(self, now: float) -> None:
        """Do what is due; `now` is a time.monotonic() value."""
        is_new = self._read()
        if now < self._look_at and not is_new:
            return
        try:
            self._connect()
            is_settled = self._compare(now)
            self._models.cluster_is_away("")
        except AwayError as error:
            self._away(str(error))
            is_settled = True
        except (RayError, TimeoutError, ConnectionError) as error:
            self._away(f"the Ray cluster does not answer: {text_of(error)[:_MOST_WORDS]}")
            is_settled = True
        self._look_at = time.monotonic() + (_LOOK_S if is_settled else _STARTING_S)

    def _read(self) -> bool:
        found = read(self._path)
        wanted = self._wanted if found is None else {one.name: one for one in found}
        if wanted == self._wanted:
            return False
        self._wanted = wanted
        self._models.want(wanted)
        self._peers.tell(wanted)
        return True

    def _connect(self) -> None:
        if not self._is_connected:
            self._cluster.connect()
            self._is_connected = True
            log.info("connected to the cluster")

    def _away(self, reason: str) -> None:
        log.warning("%s", reason)
        self._models.cluster_is_away(reason)

    def _compare(self, now: float) -> bool:
        """Deploy and delete what differs, and note how each model is; return whether all of them have come to rest."""
        there = self._cluster.applications()
        listed = {name: one.application(self._peers.owner) for name, one in self._wanted.items()}
        changed = {name: one for name, one in listed.items() if _differs(one, there.get(name))}
        forgotten = self._forgotten(there, now)
        self._models.keep({*self._wanted, *there} - forgotten)
        if changed or forgotten:
            log.info("deploying %s, deleting %s", sorted(changed), sorted(forgotten))
            self._cluster.deploy(changed, forgotten)
        states = self._cluster.states()
        at_rest = [self._note(model, states.get(model.name, State())) for model in self._wanted.values()]
        self._models.cluster_runs(self._cluster.nodes(), {name: states[name].replicas for name in states})
        return all(at_rest)

    def _forgotten(self, there: Mapping[str, Mapping[str, Any]], now: float) -> set[str]:
        """Return own applications that nobody has wanted for long enough."""
        wanted = self._peers.wanted()
        own = {name for name, one in there.items() if owner_of(one) == self._peers.owner}
        unwanted = own - wanted if wanted is not None else set()
        self._unwanted = {name: self._unwanted.get(name, now) for name in unwanted}
        return {name for name, since in self._unwanted.items() if now - since > _FORGET_S}

    def _note(self, model: WantedModel, state: State) -> bool:
        """Note how a model is; return whether that stays so."""
        what, message = state.status, state.message
        if what == _RUNNING or (self._models.is_served(model.name) and what):
            return self._models.is_served(model.name) or self._prove(model)
        if what in _FAILED:
            self._models.lacks(model.name, "ray-failed", _last_words(message))
            return True
        # Serve tells what an application waits for, such as processors that no node has.
        self._models.lacks(model.name, "child-loading", f"it is starting this model{_told(message)}")
        return False

    def _prove(self, model: WantedModel) -> bool:
        handle = self._cluster.handle(model.name)
        fault = prove(handle, model)
        if fault:
            log.error("%s does not answer as it was prepared: %s", model.name, fault)
            self._models.lacks(model.name, "ray-failed", fault[:_MOST_WORDS])
            return False
        log.info("%s is ready", model.name)
        self._models.serves(model.name, handle)
        return True


def _differs(wanted: dict[str, Any], there: Mapping[str, Any] | None) -> bool:
    """Say whether an application is another than the wanted one, in what the bridge says of it."""
    if there is None or there.get("args") != wanted["args"]:
        return True
    found: Mapping[str, Any] = next(iter(there.get("deployments", ())), {})
    return any(not _is_same(value, found.get(key)) for key, value in wanted["deployments"][0].items())


def _is_same(wanted: Any, found: Any) -> bool:
    """Compare values of which Serve may have filled in more."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_is_same(value, found.get(key)) for key, value in wanted.items())
    return bool(wanted == found)


def _told(message: str) -> str:
    return f": {_last_words(message)}" if message.strip() else ""


def _last_words(message: str) -> str:
    """Return the line that says what failed: the last one of a traceback."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    own = [line.partition(_OWN_WORDS)[2] for line in lines if _OWN_WORDS in line]
    return (own or lines or ["the application failed"])[-1][-_MOST_WORDS:]
