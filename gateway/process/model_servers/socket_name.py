"""
The Unix socket of a process of a model server.

A process starts at a path of its own, which is renamed to that of its instance when it is ready: connections are made
to what lies at a path, wherever it was bound.
"""

from pathlib import Path

from gateway.executors.socket_folder import socket_path


class SocketName:
    """Name the socket of one process; `start` numbers the starts of its instance."""

    def __init__(self, server: str, instance: int, start: int) -> None:
        self._public = socket_path(server, instance)
        self._path: Path | None = self._public.with_name(f"{self._public.stem}.{start}.new")
        self._path.unlink(missing_ok=True)

    @property
    def path(self) -> str:
        """Return the present path."""
        return str(self._path)

    def publish(self) -> None:
        """Let the instance be reached here from now on; whatever was there before is replaced at once."""
        if self._path is not None:
            self._path.rename(self._public)
            self._path = self._public

    def withdraw(self) -> None:
        """Delete the socket of a process that has ended."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def give_up(self) -> None:
        """Leave the path to a successor that has taken it."""
        self._path = None
