"""Listens, loads the model while it answers that it is loading, and ends when it is told to."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType

from .faults import ChildError
from .loading import load
from .protocol import Protocol
from .serving import Server
from .spec import read_spec

log = logging.getLogger("gateway.child")


def run(spec_path: str, socket_path: str, network: str) -> int:
    """Serve until SIGTERM; return the exit code of a server that could not start."""
    try:
        spec = read_spec(spec_path)
        protocol = Protocol(spec, network)
        server = Server(
            socket_path, protocol.answer, max_concurrency=spec.max_concurrency, max_body_bytes=spec.max_body_bytes
        )
    except (OSError, ValueError, TypeError) as error:
        log.critical("the server cannot start: %s", error)
        return 2
    stopping = _Stopping()
    server.start()
    # In the main thread: some frameworks set signals, and find what they keep for each thread there.
    try:
        protocol.ready(load(spec))
    except ChildError as error:
        log.error("%s: %s", error.code, error.message, exc_info=error.__cause__)
        protocol.failed(error)
    stopping.wait()
    server.stop()
    logging.shutdown()
    sys.stderr.flush()
    # Daemon threads may wait for clients, and libraries end slowly: nothing is left to be done.
    os._exit(0)


class _Stopping:
    """Wait for the signal to end; while the model is being loaded it ends the process, which has answered nothing."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._is_waiting = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._is_waiting:
            os._exit(0)
        self._event.set()

    def wait(self) -> None:
        self._is_waiting = True
        self._event.wait()
