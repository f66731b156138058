"""HTTP over a Unix socket. Standard library only."""

import http.client
import socket


class UnixConnection(http.client.HTTPConnection):
    """Speak HTTP over the Unix socket at a path."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
