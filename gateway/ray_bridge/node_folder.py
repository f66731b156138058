"""
The folder of a node in which archives of models are kept, unpacked, under their hash: fetched once, verified, shared.

Every replica holds a lock on what it has loaded; what no replica holds, and none has loaded for a day, is deleted.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

from gateway.ray_bridge.judged_urls import opener
from gateway.system.egress import Egress

#: Names the folder; the start of a node sets it.
VARIABLE: Final = "GATEWAY_RAY_CACHE"
_USUAL: Final = "~/.cache/multi-model-gateway/ray"
_KEPT_S: Final = 24 * 3600.0
_FETCH_S: Final = 60.0
_BLOCK: Final = 2**20
_DRAFT: Final = ".draft-"


class ArchiveError(Exception):
    """The archive is not where it should be, or is another one."""


class KeptArchive:
    """Hold an unpacked archive: its folder stays as long as this object does."""

    def __init__(self, folder: Path, lock: IO[Any]) -> None:
        self.folder = folder
        self._lock = lock


def keep(sha256: str, place: str, egress: Sequence[str] = ()) -> KeptArchive:
    """
    Return the archive `<place>/<sha256>.tar`, fetched and verified unless it is here; raises ArchiveError.

    `egress` are the entries of `server.egress_allow`; none: a URL may lead anywhere but to metadata services of clouds.
    """
    base = Path(os.environ.get(VARIABLE) or Path(_USUAL).expanduser())
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (base / f"{sha256}.lock").open("ab")
    with _alone(lock):
        folder = base / sha256
        if not folder.is_dir():
            _unpack(base, folder, sha256, place, Egress(egress))
        os.utime(folder)
    fcntl.flock(lock, fcntl.LOCK_SH)
    _forget(base, sha256)
    return KeptArchive(folder, lock)


@contextlib.contextmanager
def _alone(lock: IO[Any]) -> Iterator[None]:
    """Take turns with the other replicas of this node, by a second lock: the first is held while a model serves."""
    with Path(f"{lock.name}.turn").open("ab") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def _unpack(base: Path, folder: Path, sha256: str, place: str, egress: Egress) -> None:
    draft = Path(tempfile.mkdtemp(dir=base, prefix=_DRAFT))
    try:
        archive = draft / "model.tar"
        found = _fetch(archive, sha256, place, egress)
        if found != sha256:
            raise ArchiveError(f"{place}/{sha256}.tar holds other bytes: their sha256 is {found}")
        inside = draft / "inside"
        with tarfile.open(archive) as tar:
            tar.extractall(inside, filter="data")
        inside.rename(folder)
    except (OSError, tarfile.TarError) as error:
        raise ArchiveError(f"{place}/{sha256}.tar cannot be read: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _fetch(target: Path, sha256: str, place: str, egress: Egress) -> str:
    """Copy the archive and return the hash of what came."""
    name = f"{place}/{sha256}.tar"
    found = hashlib.sha256()
    with _opened(name, egress) as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            found.update(block)
            file.write(block)
    return found.hexdigest()


def _opened(name: str, egress: Egress) -> Any:
    if "://" not in name:
        return Path(name).open("rb")
    if not name.startswith(("http://", "https://")):
        raise ArchiveError(f"{name}: nodes read http, https and folders")
    return opener(egress).open(name, timeout=_FETCH_S)


def _forget(base: Path, own: str) -> None:
    """Delete what no replica has loaded for a day, and none holds; and what a killed one has left half unpacked."""
    for draft in base.glob(f"{_DRAFT}*"):
        with contextlib.suppress(OSError):
            if time.time() - draft.stat().st_mtime > _KEPT_S:
                shutil.rmtree(draft, ignore_errors=True)
    for lock in base.glob("*.lock"):
        folder = base / lock.stem
        with contextlib.suppress(OSError):
            if lock.stem == own or time.time() - folder.stat().st_mtime < _KEPT_S:
                continue
            with lock.open("ab") as held, _alone(held):
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                lock.unlink()
