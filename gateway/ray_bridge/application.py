"""An application of Ray Serve for one model; a task of the cluster builds it from what the bridge deploys."""

from typing import Any, Final

from ray import serve
from ray.serve import Application

from gateway.ray_bridge.replica import Replica
from gateway.ray_bridge.wanted import DEPLOYMENT

#: Serve starts a replica again so often before it calls the application failed.
_TRIES: Final = 3


def build(arguments: dict[str, Any]) -> Application:
    """Return the application of a model: its name, hash and place of its archive, and what bounds fetching it."""
    deployment = serve.deployment(name=DEPLOYMENT, max_constructor_retry_count=_TRIES)(Replica)
    return deployment.bind(arguments["name"], arguments["sha256"], arguments["place"], arguments.get("egress", ()))
