"""
Folders that belong to one process and hold nothing of worth once it has ended, however it ended.

Each is named after its process: what a killed one left is found by that, and deleted by the next. They are private, and
their paths are short enough for the sockets that their owner, or a model in it, makes there.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.system import private_folders, processes

#: The kernel takes 107 bytes of the path of a socket: `multiprocessing` appends `/pymp-<8>/listener-<8>`, a model
#: server `/<name of 16>-<instance>.<start>.new`.
MOST_BYTES: Final = 70
_OF_COMMANDS: Final = "gateway-command-"


@dataclass(frozen=True, slots=True)
class OwnedFolders:
    """Make folders below `parent` or, where that path is too long, in the one for temporary files, as `prefix` says."""

    parent: Path
    prefix: str

    def choose(self, *, is_only: bool = False) -> Path:
        """Return a folder of this process, not made yet; where `is_only`, its name is the number of the process."""
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        folder = self.parent / (str(os.getpid()) if is_only else name)
        others = (base / f"{self.prefix}{name}" for base in _temporary())
        return next((one for one in (folder, *others) if len(os.fsencode(one)) <= MOST_BYTES), folder)

    def made(self) -> Path:
        """Make a folder of this process, and delete those of processes that have ended; raises OSError."""
        self.forget_dead()
        folder = self.choose()
        if fault := private_folders.make_private(folder):
            raise PermissionError(fault)
        return folder

    def of(self, pid: int) -> Path:
        """Return the only folder that a process has chosen, asked by another one."""
        own = self.parent / str(pid)
        found = (one for base in _temporary() for one in base.glob(f"{self.prefix}{pid}-*"))
        return own if own.is_dir() else next(found, own)

    def forget_dead(self) -> None:
        """Delete the folders of processes that have ended without doing so."""
        for base, prefix in ((self.parent, ""), *((base, self.prefix) for base in _temporary())):
            forget_dead(base, prefix)


@contextlib.contextmanager
def scratch(home: Path) -> Iterator[dict[str, str]]:
    """
    Yield what tells a process where its temporary files belong, and delete them at the end of the block.

    Nothing where the home cannot be written to: whoever writes there says so.
    """
    try:
        folder = scratch_folders(home).made()
    except OSError:
        folder = None
    try:
        yield {} if folder is None else {"TMPDIR": str(folder)}
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """Yield a folder that a command needs, and delete it at the end; what a killed command left, the next deletes."""
    forget_dead(Path(tempfile.gettempdir()), _OF_COMMANDS)
    with tempfile.TemporaryDirectory(prefix=f"{_OF_COMMANDS}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield folder


def scratch_folders(home: Path) -> OwnedFolders:
    """Return the folders for temporary files of processes that load models for a gateway of this home."""
    return OwnedFolders(home / "run" / "scratch", "gateway-scratch-")


def forget_dead(base: Path, prefix: str) -> None:
    """Delete folders in `base` whose names are `prefix` and the number of a process that has ended."""
    for one in base.glob(f"{prefix}*") if base.is_dir() else ():
        pid = one.name.removeprefix(prefix).partition("-")[0]
        if pid.isdecimal() and not processes.is_running(int(pid)) and not private_folders.fault_of(one):
            shutil.rmtree(one, ignore_errors=True)


def _temporary() -> Iterator[Path]:
    places = dict.fromkeys((Path(tempfile.gettempdir()), Path("/tmp")))  # noqa: S108
    return (path for path in places if private_folders.is_safe_parent(path))
