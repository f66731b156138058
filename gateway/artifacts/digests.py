"""
Cached hashes of files, so that an edit reads changed files only.

As git's index: a file is unchanged while its size, times and inode are. Only root can set the change time (ctime), and
a time so recent that a second write could share it is never trusted.
"""

import contextlib
import stat
import threading
import time
from pathlib import Path

import msgspec

from gateway.artifacts import source_files
from gateway.system import atomic, files

#: Coarse clocks of file systems: two writes within this time may leave the same times.
YOUNG_S = 2.0
#: 4,000 artifacts are 1 MB.
MOST_BYTES = 64 * 2**20

Print = tuple[int, int, int, int, int]

#: Made here and not at the first use, see tests/test_floors.py.
_decode = msgspec.json.Decoder(dict[str, tuple[Print, str]]).decode


class Digests:
    """Remember the sha256 of single files in one file of the cache; thread-safe. Folders are hashed every time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._asked: dict[str, tuple[Print, str]] = {}
        try:
            self._known = _decode(files.read(path, MOST_BYTES))
        except (OSError, msgspec.MsgspecError):
            self._known = {}

    def digest(self, path: Path) -> str:
        """Return the sha256 of an artifact; raises ArtifactError where it cannot be read."""
        before = _print(path)
        found = self._known.get(str(path))
        sha256 = found[1] if found is not None and found[0] == before else source_files.digest(path)[0]
        if before is not None and before == _print(path) and _is_old(before):
            with self._lock:
                self._asked[str(path)] = before, sha256
        return sha256

    def save(self) -> None:
        """Save the hashes that were used; a full disk costs time at the next edit, nothing else."""
        if self._asked == self._known:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic.replace_bytes(self._path, msgspec.json.encode(self._asked))


def _print(path: Path) -> Print | None:
    found = files.stat_of(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def _is_old(found: Print) -> bool:
    return max(found[1], found[2]) < (time.time() - YOUNG_S) * 1e9
