"""
Where a process of a model server answers: a Unix socket, or a port of the loopback interface where it knows no other.

A process starts at an address of its own, and its instance is reached by a file of a known name: a socket that is
renamed there when the process is ready, or the text of its port.
"""

import base64
import http.client
import secrets
import socket
from pathlib import Path
from typing import Final, Protocol

from gateway.artifacts.remote import ChildSpec
from gateway.executors import socket_folder
from gateway.system import atomic
from gateway.system.unix_http import UnixConnection

_SOCKET, _PORT, _SECRET = "{socket}", "{port}", "{secret}"
USER: Final = "gateway"


class Address(Protocol):
    """Fill in the command line of a process, ask it, and publish where it is."""

    def words(self) -> dict[str, str]:
        """Return what stands for placeholders in a command line."""
        ...

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Return a connection, not opened."""
        ...

    def headers(self) -> dict[str, str]:
        """Return what authorises a question."""
        ...

    def publish(self) -> None:
        """Let the instance be reached here from now on; whatever was published before is replaced at once."""
        ...

    def withdraw(self) -> None:
        """Delete what belongs to a process that has ended."""
        ...

    def give_up(self) -> None:
        """Leave the published name to a successor that has taken it."""
        ...


class UnixAddress:
    """Name a Unix socket, which the process makes."""

    def __init__(self, server: str, instance: int, start: int) -> None:
        self._public = socket_folder.socket_path(server, instance)
        self._path: Path | None = self._public.with_name(f"{self._public.stem}.{start}.new")
        self._path.unlink(missing_ok=True)

    def words(self) -> dict[str, str]:
        """Return the path of the socket."""
        return {_SOCKET: str(self._path)}

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Return a connection to the socket at its present path."""
        return UnixConnection(str(self._path), timeout_s)

    def headers(self) -> dict[str, str]:
        """Return nothing: the folder is private."""
        return {}

    def publish(self) -> None:
        """Rename the socket: a connection is made to what lies at a path, wherever it was bound."""
        if self._path is not None:
            self._path.rename(self._public)
            self._path = self._public

    def withdraw(self) -> None:
        """Delete the socket."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def give_up(self) -> None:
        """Forget the path."""
        self._path = None


class PortAddress:
    """Choose a free port; the process opens it for whoever knows the secret."""

    def __init__(self, server: str, instance: int) -> None:
        self._public: Path | None = socket_folder.port_path(server, instance)
        self._secret = socket_folder.secret_path(server, instance)
        if not self._secret.exists():
            self._secret.touch(mode=0o600)
            self._secret.write_text(secrets.token_hex(16))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]

    def words(self) -> dict[str, str]:
        """Return the port, and the path of the file that holds the secret."""
        return {_PORT: str(self._port), _SECRET: str(self._secret)}

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Return a connection to the port."""
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout_s)

    def headers(self) -> dict[str, str]:
        """Return what authorises a question."""
        pair = f"{USER}:".encode() + self._secret.read_bytes()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def publish(self) -> None:
        """Write the port to its file."""
        if self._public is not None:  # it lies in a private folder
            atomic.replace_bytes(self._public, str(self._port).encode())

    def withdraw(self) -> None:
        """Delete the file, unless a successor has written it."""
        if self._public is not None:
            self._public.unlink(missing_ok=True)

    def give_up(self) -> None:
        """Forget the file."""
        self._public = None


def address_of(spec: ChildSpec, instance: int, start: int) -> Address:
    """Return an address of the kind that a command line asks for; `start` numbers the starts of the instance."""
    if any(_PORT in word for word in spec.argv):
        return PortAddress(spec.name, instance)
    return UnixAddress(spec.name, instance, start)
