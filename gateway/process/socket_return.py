"""
Return a gateway's listening sockets to a new socket holder after the old one died.

The sockets stay open until then, so that no connection is refused.
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

log = logging.getLogger("gateway.socket_return")

#: How long a stopping gateway waits for a holder; a process manager starts one within a second.
LINGER_S: Final = 10.0
#: `pm2 reload all` stops holder and gateway together: a stopping holder has exited after this time.
_SETTLED_S: Final = 0.25


class SocketReturn:
    """Hand out copies of listening sockets beside the holder's own socket, in a thread."""

    def __init__(self, holder_path: Path, descriptors: Sequence[int]) -> None:
        self._holder = holder_path
        self._listeners = [socket.socket(fileno=os.dup(descriptor)) for descriptor in descriptors]
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Start handing out; a predecessor that still serves keeps its listeners, but not the Unix socket."""
        path = socket_handover.gateway_path(self._holder)
        try:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            self._socket = socket_handover.bind_unix(path, 0o600, 8)
        except OSError as error:
            log.warning("a new socket holder could not take over", extra={"reason": str(error)})
            return
        threading.Thread(
            target=socket_handover.hand_out, args=(self._socket, self._listeners), name="socket-return", daemon=True
        ).start()

    def close(self) -> None:
        """Close all sockets, in a worker: it could outlive the arbiter."""
        for one in (self._socket, *self._listeners):
            if one is not None:
                one.close()

    def linger(self) -> None:
        """Wait, within limits, until a holder has taken the sockets."""
        if self._socket is None:
            return
        deadline = time.monotonic() + LINGER_S
        while time.monotonic() < deadline:
            if socket_handover.answers(self._holder):
                time.sleep(_SETTLED_S)
                if socket_handover.answers(self._holder):
                    return
            time.sleep(0.05)
