"""The cluster as the bridge sees it: connects to it, deploys applications by declaration, tells how each of them is."""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

import ray
from ray import serve
from ray._private.ray_constants import KV_NAMESPACE_SESSION
from ray._raylet import GcsClient
from ray.experimental import internal_kv
from ray.serve.config import ProxyLocation
from ray.serve.context import _get_global_client
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import ApplicationStatus, ServeDeploySchema

from gateway.system.egress import Egress
from gateway.system.judged_connection import connect

_CONNECT_S: Final = 2.0
#: A bridge that holds the lock for longer has died.
_LOCK_S: Final = 30.0
_LOCK: Final = b"gateway-deploying"
_NAMESPACE: Final = b"gateway"

log = logging.getLogger("gateway.ray_bridge")


class AwayError(Exception):
    """The head of the cluster does not answer, or does not take us."""


class State(NamedTuple):
    """Hold what Serve says of an application, and the addresses of the nodes of its running replicas."""

    status: str = ""
    message: str = ""
    replicas: tuple[str, ...] = ()


class Cluster:
    """Speak to one cluster; used by the thread that connected, apart from handles."""

    def __init__(self, address: str, egress: Egress) -> None:
        self._address = address
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._egress = egress
        self._session = b""
        self._was_away = False

    def must_answer(self) -> str:
        """Return the address at which the head listens, as its name was looked up; raises AwayError."""
        try:
            with connect(self._host, self._port, self._egress, time.monotonic() + _CONNECT_S) as head:
                host = head.getpeername()[0]
        except OSError as error:
            raise AwayError(
                f"the head of the Ray cluster at {self._address} does not answer: {error.strerror or error}"
            ) from None
        return f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"

    def connect(self) -> None:
        """Connect and have Serve started; raises AwayError. Ray ends this process when the head is gone for long."""
        address = self.must_answer()
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.WARNING,
                configure_logging=False,
                _node_ip_address=self._host,
            )
            # No proxy: nothing of Serve listens.
            serve.start(proxy_location=ProxyLocation.Disabled)
            self._session = _session(address)
        except Exception as error:  # of many kinds: the token, the version, the nodes
            text = " ".join(str(error).split())
            raise AwayError(f"the Ray cluster at {self._address} cannot be used: {text[:500]}") from error

    def deploy(self, wanted: Mapping[str, dict[str, Any]], unwanted: Collection[str]) -> None:
        """
        Have the wanted applications deployed and the unwanted deleted, leaving those of others as they are.

        Serve takes the list of all applications: whoever changes it holds a lock in the cluster.
        """
        client = _get_global_client()
        with _alone(f"{socket.gethostname()} {os.getpid()}".encode()):
            there = self.applications()
            kept = {name: one for name, one in there.items() if name not in unwanted}
            listed = {**kept, **wanted}
            schema = {"proxy_location": "Disabled", "applications": list(listed.values())}
            client.deploy_apps(ServeDeploySchema.model_validate(schema))

    def applications(self) -> dict[str, dict[str, Any]]:
        """Return all applications that were deployed by declaration, by name."""
        found = ray.get(_get_global_client()._controller.get_app_configs.remote(), timeout=_LOCK_S)
        return {name: one.model_dump(exclude_unset=True) for name, one in found.items()}

    def states(self) -> dict[str, State]:
        """Return how each application is."""
        asked = _get_global_client()._controller.get_serve_instance_details.remote()
        found = ray.get(asked, timeout=_LOCK_S)["applications"]
        return {
            name: State(ApplicationStatus(one["status"]).value, _message(one), _replicas(one))
            for name, one in found.items()
        }

    def nodes(self) -> list[str]:
        """Return the addresses of the nodes that are there."""
        return sorted(str(one["NodeManagerAddress"]) for one in ray.nodes() if one["Alive"])

    def was_replaced(self) -> bool:
        """Say whether another cluster listens at the address than the one that we are connected to."""
        try:
            address = self.must_answer()
        except AwayError:
            self._was_away = True
            return False
        if not self._session or not self._was_away:
            return False
        try:
            now = _session(address)
        except Exception:  # of many kinds; asked again
            return False
        self._was_away = False
        return now != self._session

    def handle(self, name: str) -> DeploymentHandle:
        """Return what calls the replicas of an application; thread-safe."""
        return serve.get_app_handle(name)


def _message(application: Mapping[str, Any]) -> str:
    """Return what Serve says of an application, last of its deployments."""
    told = [one.get("message") for one in application.get("deployments", {}).values()]
    return "\n".join(filter(None, [application.get("message"), *told]))


def _replicas(application: Mapping[str, Any]) -> tuple[str, ...]:
    listed = [one for found in application.get("deployments", {}).values() for one in found.get("replicas", ())]
    return tuple(str(one.get("node_ip")) for one in listed if one.get("state") == "RUNNING")


def _session(address: str) -> bytes:
    """Return the name of the session of a cluster: a head that was started anew has another."""
    client = GcsClient(address=address)
    return bytes(client.internal_kv_get(b"session_name", KV_NAMESPACE_SESSION) or b"")


@contextlib.contextmanager
def _alone(name: bytes) -> Iterator[None]:
    """Hold the lock of all bridges of a cluster; one that is held for too long is broken."""
    until = time.monotonic() + _LOCK_S
    while internal_kv._internal_kv_put(_LOCK, name, overwrite=False, namespace=_NAMESPACE):
        if time.monotonic() > until:
            log.warning("the lock of deploying is broken: its holder has died")
            break
        time.sleep(0.1)
    try:
        yield
    finally:
        internal_kv._internal_kv_del(_LOCK, namespace=_NAMESPACE)
