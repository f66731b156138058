"""What lies where below GATEWAY_HOME, and the two files that a setting of their own may move."""

from pathlib import Path
from typing import TYPE_CHECKING


class HomePaths:
    """Tell the paths; the settings have this class below them."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def home(self) -> Path: ...
        @property
        def keys(self) -> Path | None: ...
        @property
        def holder_socket(self) -> Path | None: ...

    @property
    def run_dir(self) -> Path:
        """Return the folder of sockets, metric files and scoreboard; may be deleted while stopped."""
        return self.home / "run"

    @property
    def spool_dir(self) -> Path:
        """Return the folder of request bodies that memory does not hold."""
        return self.run_dir / "spool"

    @property
    def cache_dir(self) -> Path:
        """Return the folder of artifacts, manifests and compiled models; may be deleted while stopped."""
        return self.home / "cache"

    @property
    def state_dir(self) -> Path:
        """Return the folder of the committed snapshot and its history; kept."""
        return self.home / "state"

    @property
    def keys_path(self) -> Path:
        """Return the file of API keys."""
        return self.keys or self.home / "keys.yaml"

    @property
    def metrics_dir(self) -> Path:
        """Return the folder of the counter files of all processes."""
        return self.run_dir / "metrics"

    @property
    def status_path(self) -> Path:
        """Return the status file of the arbiter."""
        return self.run_dir / "status.json"

    @property
    def scoreboard_path(self) -> Path:
        """Return the file of the shared scoreboard."""
        return self.run_dir / "board"

    @property
    def holder_path(self) -> Path:
        """Return the socket of the socket holder."""
        return self.holder_socket or self.run_dir / "holder.sock"
