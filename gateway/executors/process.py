"""
Predicts of a model in a process of its own, which the arbiter starts and watches: it listens on a Unix socket.

A call that meets no process waits for the next one until its deadline. It waits as a greenlet: many calls of many
routes, such as all of one H2O server, may wait at a time, and must not take the threads of models that are there.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.artifacts.remote import Remote
from gateway.errors import LoadError
from gateway.executors.client_options import ClientOptions
from gateway.executors.oip_client import OipClient
from gateway.executors.oip_refusals import StartingError
from gateway.executors.remote import RemoteExecutor
from gateway.executors.socket_folder import socket_path
from gateway.executors.thread_event import sleep
from gateway.schema import Column, Predictions
from gateway.system.server_address import address_of

#: A worker serves a generation when its model servers do, but does not wait longer for one that does not start.
START_S: Final = 30.0
_LOOK_S: Final = 0.02
#: How a process of ours is asked, here and while it is prepared.
OPTIONS: Final = ClientOptions(
    texts_as_json=True, waits_when_busy=True, is_supervised=True, what="the process of this model"
)
#: A call that waits looks so often, less often the longer it waits; and the time that it needs to tell that none came.
_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 0.2
_MARGIN_S: Final = 0.02

log = logging.getLogger("gateway.executor")


class ProcessExecutor(RemoteExecutor):
    """Wait for the first process of the model; one that goes away later is waited for by each call, in its time."""

    #: How the server is asked.
    options = OPTIONS
    _sockets: Sequence[Path] = ()

    def make_client(self, remote: Remote) -> OipClient:
        """Return the client of all instances."""
        child = remote.child
        if child is None:
            raise LoadError("the manifest names no process", code="load", hint="run: gateway prepare")
        sockets = [socket_path(child.name, instance) for instance in range(child.instances)]
        self._sockets = sockets
        _wait(sockets)
        options = replace(self.options, binary=remote.binary)
        return OipClient([address_of(str(path)) for path in sockets], remote.model, options)

    def predict(self, columns: Sequence[Column], deadline: float) -> Predictions:
        """Ask the process, or the next one where none is there or it is loading the model."""
        was_lost, pause_s = False, _FIRST_PAUSE_S
        while True:
            try:
                return self._asked(columns, deadline, was_lost=was_lost)
            except StartingError as error:
                was_lost = error.was_lost
                pause_s = self._pause(pause_s, deadline, error)

    def _pause(self, pause_s: float, deadline: float, error: StartingError) -> float:
        """Wait, until a process is there, and return how long to wait next time; raises the error at the deadline."""
        while True:
            left_s = deadline - _MARGIN_S - time.monotonic()
            if left_s <= 0:
                raise error
            sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            if any(path.exists() for path in self._sockets):
                return pause_s


def _wait(sockets: list[Path]) -> None:
    """Wait until a process is ready: its socket is there exactly then."""
    deadline = time.monotonic() + START_S
    while not any(path.exists() for path in sockets):
        if time.monotonic() > deadline:
            log.warning("no process of the model is ready yet", extra={"socket": sockets[0]})
            return
        time.sleep(_LOOK_S)
