"""
Where a gateway gives its listening sockets back: to a holder that comes after one that died.

Until that has happened the sockets stay open, so that a restart refuses nobody.
"""

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.process import socket_handover

log = logging.getLogger("gateway.desk")

#: How long a gateway that is told to end waits for a holder to be there; a process manager starts one within a second.
LINGER_S: Final = 10.0
#: PM2 ends both at once when it reloads all: a holder that is about to end has ended by then.
_SETTLED_S: Final = 0.25


class SocketReturn:
    """Hand out copies of listening sockets beside the holder's own socket, in a thread."""

    def __init__(self, holder_path: Path, descriptors: Sequence[int]) -> None:
        self._holder = holder_path
        self._listeners = [socket.socket(fileno=os.dup(descriptor)) for descriptor in descriptors]
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Begin; a gateway that serves here still (a predecessor) keeps its own listeners and loses the place."""
        path = socket_handover.gateway_path(self._holder)
        try:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            self._socket = socket_handover.bind_unix(path, 0o600, 8)
        except OSError as error:
            log.warning("a new socket holder could not take over", extra={"reason": str(error)})
            return
        threading.Thread(
            target=socket_handover.hand_out, args=(self._socket, self._listeners), name="desk", daemon=True
        ).start()

    def close(self) -> None:
        """Let go of everything, in a worker: it would outlive the arbiter."""
        for one in (self._socket, *self._listeners):
            if one is not None:
                one.close()

    def linger(self) -> None:
        """Wait until a holder is there to keep the sockets, if not for ever."""
        if self._socket is None:
            return
        deadline = time.monotonic() + LINGER_S
        while time.monotonic() < deadline:
            if socket_handover.answers(self._holder):
                time.sleep(_SETTLED_S)
                if socket_handover.answers(self._holder):
                    return
            time.sleep(0.05)
