"""Detect that a file was replaced by a rename, with one stat per check."""

from pathlib import Path


class FileChange:
    """Remember the identity of the file at a path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._look()

    def has_changed(self) -> bool:
        """Say whether the file is another one than at the last call."""
        seen, self._seen = self._seen, self._look()
        return seen != self._seen

    def _look(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino
