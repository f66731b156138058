"""Which models the gateway wants served: the file that the arbiter writes, and the applications that follow from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

#: Calls that wait in one handle: beyond, Serve refuses at once. The gateway's own limits come before.
_MOST_QUEUED: Final = 1000
#: Name of the only deployment of an application.
DEPLOYMENT: Final = "model"
_BUILD: Final = "gateway.ray_bridge.application:build"
#: A replica that is to end has so long for the calls that it holds.
_GRACE_S: Final = 20.0
#: A node whose link is cut must not hold calls for long.
_HEALTH_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedModel:
    """Name a model, its archive, and how it is to be served (registry/executor_keys.py says what the keys mean)."""

    name: str
    path: str
    sha256: str
    place: str
    egress: tuple[str, ...] = ()
    replicas: int = 1
    autoscale: tuple[int, int] | None = None
    num_cpus: float = 0.5
    max_ongoing: int = 8

    def application(self, owner: str) -> dict[str, Any]:
        """Return the application in the words of Serve; `owner` tells the gateway that it is of."""
        bound = {"egress": list(self.egress)} if self.egress else {}
        return {
            "name": self.name,
            "route_prefix": None,  # asked through the handle alone
            "import_path": _BUILD,
            "args": {"name": self.name, "sha256": self.sha256, "place": self.place, "owner": owner, **bound},
            "deployments": [self._deployment()],
        }

    def _deployment(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "name": DEPLOYMENT,
            "max_ongoing_requests": self.max_ongoing,
            "max_queued_requests": _MOST_QUEUED,
            "ray_actor_options": {"num_cpus": self.num_cpus},
            "graceful_shutdown_timeout_s": _GRACE_S,
            "health_check_period_s": _HEALTH_S,
            "health_check_timeout_s": _HEALTH_S,
            "logging_config": {"enable_access_log": False},
        }
        if self.autoscale is None:
            return found | {"num_replicas": self.replicas}
        least, most = self.autoscale
        return found | {"autoscaling_config": {"min_replicas": least, "max_replicas": most}}


def read(path: Path) -> list[WantedModel] | None:
    """Return what the file tells; None while there is none."""
    try:
        told: list[Mapping[str, Any]] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    lists = ("autoscale", "egress")
    return [WantedModel(**{**one, **{name: tuple(one[name]) for name in lists if one.get(name)}}) for one in told]


def owner_of(application: Mapping[str, Any]) -> str:
    """Return the gateway that an application is of; "" for those of others."""
    if application.get("import_path") != _BUILD:
        return ""
    return str(application.get("args", {}).get("owner", ""))
