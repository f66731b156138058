"""
The bridges of one gateway: while one arbiter takes over from another there are two, and neither may undo the other.

Each writes down what it wants, in a file that it holds a lock on as long as it lives, however it ends. An application
of this gateway that no living bridge wants is nobody's.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Collection
from pathlib import Path


class Peers:
    """Tell other bridges of the same folder what this one wants, and read what they want."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / f"{os.getpid()}.json"
        self._file = self._path.open("w+b")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    @property
    def owner(self) -> str:
        """Return the name of the gateway, which applications carry: the same for all bridges of a folder."""
        return hashlib.sha256(os.fsencode(self._folder.absolute())).hexdigest()[:16]

    def tell(self, names: Collection[str]) -> None:
        """Want these applications, and no others."""
        content = json.dumps(sorted(names)).encode()
        # Longer than what was there, or cut to it in one step: a reader sees all of it, or nothing that it can read.
        self._file.seek(0)
        self._file.write(content)
        self._file.truncate()
        self._file.flush()

    def wanted(self) -> set[str] | None:
        """Return what all living bridges want; None where one of them is just writing."""
        found: set[str] = set()
        for path in self._folder.glob("*.json"):
            if path != self._path and _is_dead(path):
                path.unlink(missing_ok=True)
                continue
            try:
                found |= set(json.loads(path.read_bytes() or b"[]"))
            except FileNotFoundError:
                continue
            except ValueError:
                return None
        return found


def _is_dead(path: Path) -> bool:
    """Say whether no process holds the lock of a file."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
