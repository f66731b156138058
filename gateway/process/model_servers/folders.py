"""
The folder of one arbiter for the sockets of its model servers: private, and made when there is one.

A folder for each arbiter: two of them, while one takes over, have servers of the same names.
"""

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.executors import socket_folder
from gateway.settings.settings import Settings
from gateway.system import private_folders, processes

log = logging.getLogger("gateway.model_server")

#: The kernel takes 107 bytes of a path; `/<name of 16>-<instance>.<start>.new` takes up to 29.
MOST_BYTES: Final = 78
_PREFIX: Final = "gateway-models-"


def choose(settings: Settings) -> Path:
    """
    Choose the folder, not made yet, for this process and the workers that it forks.

    It lies in GATEWAY_HOME, or in the folder for temporary files where that path is too long for sockets.
    """
    folder = _parent(settings) / str(os.getpid())
    if len(os.fsencode(folder)) > MOST_BYTES:
        name = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        others = [base / name for base in _temporary()]
        folder = next((one for one in others if len(os.fsencode(one)) <= MOST_BYTES), folder)
    socket_folder.choose(folder)
    return folder


def of(settings: Settings, pid: int) -> Path:
    """Return the folder that an arbiter of this home has chosen, asked by another process."""
    own = _parent(settings) / str(pid)
    found = (one for base in _temporary() for one in base.glob(f"{_PREFIX}{pid}-*"))
    return own if own.is_dir() else next(found, own)


def forget_dead(settings: Settings) -> None:
    """Delete the folders of arbiters that have ended without doing so."""
    for base, prefix in ((_parent(settings), ""), *((base, _PREFIX) for base in _temporary())):
        for one in base.glob(f"{prefix}*") if base.is_dir() else ():
            pid = one.name.removeprefix(prefix).partition("-")[0]
            if pid.isdecimal() and not processes.is_running(int(pid)) and not private_folders.fault_of(one):
                shutil.rmtree(one, ignore_errors=True)


def _parent(settings: Settings) -> Path:
    return settings.run_dir / "models"


def _temporary() -> Iterator[Path]:
    places = dict.fromkeys((Path(tempfile.gettempdir()), Path("/tmp")))  # noqa: S108
    return (path for path in places if private_folders.is_safe_parent(path))
