"""What the bridge knows of each model: who answers for it, or why nobody does. Read by all connections."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.child.faults import ChildError

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle

_STARTING: Final = ChildError(503, "child-loading", "it is starting this model", retry_after_s=1)
_UNKNOWN: Final = ChildError(404, "not-found", "the gateway has named no such model to this bridge")


@dataclass(frozen=True, slots=True)
class _Known:
    """Hold a handle that was proven, or the reason why there is none."""

    handle: "DeploymentHandle | None" = None
    reason: ChildError = _STARTING


class Models:
    """Hold what is known of the models of applications; one thread changes it."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._is_told = False
        self._away: ChildError | None = None
        self._nodes: list[str] = []
        self._replicas: dict[str, Sequence[str]] = {}

    def want(self, names: Collection[str]) -> None:
        """Know these models; one that is wanted no longer goes on to answer, as workers may still ask for it."""
        self._is_told = True
        served = {name: known for name, known in self._known.items() if known.handle is not None}
        self._known = served | {name: self._known.get(name, _Known()) for name in names}

    def keep(self, names: Collection[str]) -> None:
        """Forget all models but these."""
        self._known = {name: known for name, known in self._known.items() if name in names}

    def serves(self, name: str, handle: "DeploymentHandle") -> None:
        """Ask this handle from now on."""
        self._known = {**self._known, name: _Known(handle)}

    def lacks(self, name: str, code: str = "", reason: str = "") -> None:
        """Refuse to answer, for the reason, or because it starts."""
        error = ChildError(503, code, reason, retry_after_s=1) if code else _STARTING
        self._known = {**self._known, name: _Known(reason=error)}

    def is_served(self, name: str) -> bool:
        """Say whether a handle answers for a model."""
        known = self._known.get(name)
        return known is not None and known.handle is not None

    def cluster_runs(self, nodes: Sequence[str], replicas: Mapping[str, Sequence[str]]) -> None:
        """Remember the nodes, and the nodes of the running replicas of each model."""
        self._nodes, self._replicas = list(nodes), dict(replicas)

    def index(self) -> list[dict[str, Any]]:
        """Return how each model is, as the protocol lists a repository, with the nodes of its replicas."""
        return [
            {
                "name": name,
                "state": "READY" if known.handle is not None else "UNAVAILABLE",
                "reason": "" if known.handle is not None else str(self._away or known.reason),
                "replicas": [] if self._away else list(self._replicas.get(name, ())),
                "nodes": [] if self._away else self._nodes,
            }
            for name, known in sorted(self._known.items())
        ]

    def cluster_is_away(self, reason: str) -> None:
        """Give the reason to whoever asks for a model that no handle answers for; "" when the cluster is there."""
        self._away = ChildError(503, "ray-away", reason, retry_after_s=5) if reason else None

    def handle(self, name: str) -> "DeploymentHandle":
        """Return who answers for a model; raises ChildError with the reason why nobody does."""
        known = self._known.get(name)
        if known is not None and known.handle is not None:
            return known.handle
        if self._away is not None:
            raise self._away
        if known is None:
            raise _UNKNOWN if self._is_told else _STARTING
        raise known.reason
