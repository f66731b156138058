"""Folder of the Unix sockets of model servers: the arbiter chooses it, and workers inherit it by the fork."""

from pathlib import Path

_folder = Path()


def choose(folder: Path) -> None:
    """Take the folder for this process and all that it forks."""
    global _folder
    _folder = folder


def socket_path(server: str, instance: int) -> Path:
    """Return the path of an instance of a model server; a socket is there exactly while the instance is ready."""
    return _folder / f"{server}-{instance}.sock"


def scratch_path(number: int) -> Path:
    """Return the folder for temporary files of a process; its path is short enough for sockets that a model makes."""
    return _folder / f"t{number}"


def models_path(server: str) -> Path:
    """Return the file in which the arbiter tells a model server which models it is to serve."""
    return _folder / f"{server}.models.json"
