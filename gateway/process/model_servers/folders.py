"""
The folder of one arbiter for the sockets and temporary files of its model servers: private, made when there is one.

A folder for each arbiter: two of them, while one takes over, have servers of the same names.
"""

from pathlib import Path

from gateway.executors import socket_folder
from gateway.settings.settings import Settings
from gateway.system.owned_folders import OwnedFolders


def choose(settings: Settings) -> Path:
    """
    Choose the folder, not made yet, for this process and the workers that it forks.

    It lies in GATEWAY_HOME, or in the folder for temporary files where that path is too long for sockets.
    """
    folder = _all(settings).choose(is_only=True)
    socket_folder.choose(folder)
    return folder


def of(settings: Settings, pid: int) -> Path:
    """Return the folder that an arbiter of this home has chosen, asked by another process."""
    return _all(settings).of(pid)


def forget_dead(settings: Settings) -> None:
    """Delete the folders of arbiters that have ended without doing so."""
    _all(settings).forget_dead()


def _all(settings: Settings) -> OwnedFolders:
    return OwnedFolders(settings.run_dir / "models", "gateway-models-")
