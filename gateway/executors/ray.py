"""Predicts of a model on a Ray cluster, through the bridge to it: a process that the arbiter starts and watches."""

import time
from typing import Final

from gateway.artifacts.remote import Remote
from gateway.executors.client_options import ClientOptions
from gateway.executors.oip_client import OipClient
from gateway.executors.process import ProcessExecutor
from gateway.executors.readiness import Readiness
from gateway.executors.socket_folder import socket_path

_LOOK_S: Final = 0.1
#: When the first model on a cluster was asked for in this worker.
_BEGAN: Final = time.monotonic()
#: Ten replicas on three nodes of two busy cores took a minute.
_START_S: Final = 120.0


class RayExecutor(ProcessExecutor):
    """
    Wait for the model as long as the cluster starts it.

    A refusal by the bridge is the answer, as it knows why the cluster does not answer; only while it is being started
    itself, or the cluster starts the model, calls wait until their deadline.
    """

    options = ClientOptions(texts_as_json=True, is_supervised=True, what="the Ray cluster")

    def make_client(self, remote: Remote) -> OipClient:
        """Return the client of the bridge."""
        client = super().make_client(remote)
        if remote.child is not None:
            _wait(str(socket_path(remote.child.name, 0)), remote.model)
        return client


def _wait(socket: str, model: str) -> None:
    """Return when the model is ready, or will not be for now; a worker waits once for all its models."""
    readiness = Readiness(lambda: socket, model)
    while time.monotonic() < _BEGAN + _START_S:
        answer = readiness.ask()
        if answer is None or answer.is_ready or answer.is_final:
            break
        time.sleep(_LOOK_S)
    readiness.close()
