"""Predicts of a model in a process of its own, which the arbiter starts and watches: it listens on a Unix socket."""

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.artifacts.remote import Remote
from gateway.errors import LoadError
from gateway.executors.client_options import ClientOptions
from gateway.executors.oip_client import OipClient
from gateway.executors.remote import RemoteExecutor
from gateway.executors.socket_folder import socket_path
from gateway.system.server_address import address_of

#: A worker serves a generation when its model servers do, but does not wait longer for one that does not start.
START_S: Final = 30.0
_LOOK_S: Final = 0.02
#: How a process of ours is asked, here and while it is prepared.
OPTIONS: Final = ClientOptions(texts_as_json=True, waits_when_busy=True, what="the process of this model")

log = logging.getLogger("gateway.executor")


class ProcessExecutor(RemoteExecutor):
    """Wait for the first process of the model; one that goes away later is waited for by each call, in its time."""

    #: How the server is asked.
    options = OPTIONS

    def make_client(self, remote: Remote) -> OipClient:
        """Return the client of all instances."""
        child = remote.child
        if child is None:
            raise LoadError("the manifest names no process", code="load", hint="run: gateway prepare")
        sockets = [socket_path(child.name, instance) for instance in range(child.instances)]
        _wait(sockets)
        options = replace(self.options, binary=remote.binary)
        return OipClient([address_of(str(path)) for path in sockets], remote.model, options)


def _wait(sockets: list[Path]) -> None:
    """Wait until a process is ready: its socket is there exactly then."""
    deadline = time.monotonic() + START_S
    while not any(path.exists() for path in sockets):
        if time.monotonic() > deadline:
            log.warning("no process of the model is ready yet", extra={"socket": sockets[0]})
            return
        time.sleep(_LOOK_S)
