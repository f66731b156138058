"""
Content-addressed store of artifacts within a budget: `<cache>/artifacts/<sha256>/<file name>`.

A worker that starts after the original was overwritten or deleted still serves the committed generation. To free
space, the store deletes bytes that no stored generation names, then those that only older generations name; a rollback
to these needs the original. The committed generation keeps its bytes.
"""

import contextlib
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from gateway.artifacts import copies, manifest, source_files, state_files
from gateway.artifacts.copies import Copy
from gateway.artifacts.manifest import StoredArtifact
from gateway.artifacts.roots import must_lie_below
from gateway.artifacts.spare import Spare
from gateway.errors import ArtifactError
from gateway.system import files

#: The default of GATEWAY_CACHE_MB, in bytes.
DEFAULT_BYTES: Final = 20 * 2**30
#: Free space left on the disk for logs, metrics and bodies of requests; on a small disk a twentieth of it.
RESERVE_BYTES: Final = 512 * 2**20
#: Unnamed bytes so young may belong to an attempt under way, of this process or another.
YOUNG_S: Final = 600.0
#: After a commit, unnamed bytes are deleted if unused for this long.
OLD_S: Final = 24 * 3600.0
_SHA256: Final = re.compile(rb'"sha256":"([0-9a-f]{64})"')


class Store:
    """
    Keep artifacts below `cache_dir`; the state lies beside it. Thread-safe.

    What is kept has to lie below one of the `roots`, links resolved, or in the cache itself; no roots bound nothing.
    `others` returns what else lies in the cache and may go, the least valuable first.
    """

    def __init__(
        self,
        cache_dir: Path,
        most_bytes: int = DEFAULT_BYTES,
        roots: Sequence[str] = (),
        others: Callable[[], Sequence[Spare]] = tuple,
    ) -> None:
        self._cache_dir = cache_dir
        self._folder = cache_dir / "artifacts"
        self._state_dir = cache_dir.parent / "state"
        self._most = most_bytes
        self._roots = (*map(Path, roots), cache_dir) if roots else ()
        self._others = others
        self._lock = threading.Lock()
        self._asked: set[str] = set()
        #: Bytes in the cache; looked at once for an attempt, a thousand artifacts are thousands of files.
        self._held: int | None = None

    def must_lie_inside(self, path: Path) -> None:
        """Raise ArtifactError "outside-roots" for a path that leads out of the roots."""
        must_lie_below(path, self._roots)

    def admit(self, path: Path) -> None:
        """Raise ArtifactError for an artifact outside of the roots or beyond the budget, before reading it."""
        self.must_lie_inside(path)
        size = source_files.size_of(path)
        if size > self._most:
            raise ArtifactError(
                f"artifact '{path.name}' has {size:,} bytes, the cache takes at most {self._most:,} in all",
                code="too-large-to-keep",
                hint="raise GATEWAY_CACHE_MB if it is meant to be so large",
            )

    def keep(self, path: Path, sha256: str, name: str = "") -> StoredArtifact:
        """
        Copy verified bytes into the cache and return their location; `name` is that of the copy.

        Copies, never links: a file that is overwritten in place would change the stored one too. It is hashed again
        while it is copied, because the original may have been replaced since the first hash.
        """
        self.must_lie_inside(path)
        folder = self._folder / sha256
        kept = folder / (name or path.name)
        with self._lock:
            self._asked.add(sha256)
            if kept.exists():
                size = source_files.size_of(kept)
            else:
                self._make_room(source_files.size_of(path))
                size = self._copy_in(path, folder / kept.name, sha256)
                self._held = None if self._held is None else self._held + size
        with contextlib.suppress(OSError):
            os.utime(folder)
        return StoredArtifact(path=str(kept), sha256=sha256, size_bytes=size, origin=str(path))

    def keep_together(self, name: str, kept: Sequence[Copy]) -> tuple[Path, int]:
        """Copy files into one folder, which has this name of 64 hex digits; return it and the bytes of the files."""
        folder = self._folder / name
        for one in kept:
            self.must_lie_inside(one.source)
        with self._lock:
            self._asked.add(name)
            if not folder.exists():
                self._make_room(sum(source_files.size_of(one.source) for one in kept if one.source.exists()))
                copies.copy_together(folder, kept, self._roots)
                self._held = None
        with contextlib.suppress(OSError):
            os.utime(folder)
        return folder, sum(source_files.size_of(folder / one.inside) for one in kept)

    def must_fit(self) -> None:
        """Delete what may go until the cache keeps its budget, whatever fills it; raises ArtifactError `cache-full`."""
        with self._lock:
            self._held = None
            self._make_room(0)

    def prune(self) -> None:
        """Delete bytes that no stored generation names and no request used for a day; called after a commit."""
        with self._lock:
            old = self._older_than(OLD_S)
            if not old:
                return
            named = self._named()
            for sha256 in old:
                if sha256 in named:
                    os.utime(self._folder / sha256)  # not looked up again for a day
                else:
                    self._delete(sha256)
            self._forget_manifests()

    def _forget_manifests(self) -> None:
        """Delete manifests and compiled models whose artifact has been deleted."""
        for path in (self._cache_dir / "manifests").glob("*.json"):
            found = manifest.read(path)
            if found is not None and found.artifact is not None and not Path(found.artifact.path).exists():
                (self._cache_dir / "compiled" / f"{path.stem}.compiled").unlink(missing_ok=True)
                path.unlink(missing_ok=True)

    def _make_room(self, size: int) -> None:
        missing = self._missing(size)
        if missing <= 0:
            return
        leaving: list[Spare] = []
        for spare in self._dispensable():
            leaving.append(spare)
            missing -= spare.size_bytes
            if missing <= 0:
                break
        if missing > 0:  # then nothing is deleted in vain
            needs = f"the artifact needs {size:,} bytes in {self._folder}" if size else f"{self._cache_dir} is full"
            raise ArtifactError(
                f"{needs}, {missing:,} more than there is room for",
                code="cache-full",
                hint="free disk space, or raise GATEWAY_CACHE_MB",
            )
        for spare in leaving:
            spare.delete()
        self._held = None

    def _missing(self, size: int) -> int:
        """Return how many bytes must go before `size` fit into budget and disk."""
        if self._held is None:
            self._held = copies.size_below(self._cache_dir)
        disk = shutil.disk_usage(next(path for path in (self._cache_dir, *self._cache_dir.parents) if path.exists()))
        reserve = min(RESERVE_BYTES, disk.total // 20)
        return max(self._held + size - self._most, size + reserve - disk.free)

    def _dispensable(self) -> Iterator[Spare]:
        """Yield what may be deleted, the least valuable first: what no generation names, then what older ones name."""
        named = self._named()
        committed = self._named_by(self._state_dir / state_files.COMMITTED)
        unnamed = [sha256 for sha256 in self._older_than(YOUNG_S) if sha256 not in named]
        older = sorted((sha256 for sha256 in named if sha256 not in committed), key=lambda sha256: named[sha256])
        others = self._others()
        for is_named, found in ((False, unnamed), (True, older)):
            for sha256 in found:
                if sha256 not in self._asked:
                    size = copies.size_below(self._folder / sha256)
                    yield Spare(size, partial(self._delete, sha256), is_named)
            yield from (one for one in others if one.is_named == is_named)

    def _named(self) -> dict[str, float]:
        """Return the hashes that stored generations name, each with the time of the newest one."""
        found: dict[str, float] = {}
        paths = [self._state_dir / state_files.COMMITTED, *state_files.kept(self._state_dir)]
        for path in paths:
            seen = files.stat_of(path)
            for sha256 in self._named_by(path):
                found[sha256] = max(found.get(sha256, 0.0), seen.st_mtime if seen is not None else 0.0)
        return found

    def _named_by(self, path: Path) -> set[str]:
        # Searched and not decoded: fifty generations of a thousand routes are 150 MB.
        try:
            return {one.decode() for one in _SHA256.findall(files.read(path, state_files.MOST_BYTES))}
        except OSError:
            return set()

    def _older_than(self, seconds: float) -> list[str]:
        """Return the stored hashes, and temporary files of killed writers, that were unused lately; oldest first."""
        until = time.time() - seconds
        try:
            with os.scandir(self._folder) as entries:
                ages = sorted((entry.stat().st_mtime, entry.name) for entry in entries)
        except OSError:
            return []
        return [name for modified, name in ages if modified < until and name not in self._asked]

    def _delete(self, sha256: str) -> None:
        shutil.rmtree(self._folder / sha256, ignore_errors=True)
        self._held = None

    def _copy_in(self, path: Path, kept: Path, sha256: str) -> int:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(dir=self._folder, prefix=".draft-"))
        except OSError as error:
            raise copies.cannot_keep(self._folder, error) from error
        try:
            copy = draft / kept.name
            found, size = copies.copy(path, copy, self._roots)
            if found != sha256:
                raise copies.changed(path)
            _move_in(copy, kept.parent)
        except OSError as error:
            raise copies.cannot_keep(self._folder, error) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return size


def _move_in(copy: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError, OSError):
        # Another process may have stored the same bytes meanwhile: equal content, so either copy serves.
        os.rename(copy, folder / copy.name)  # noqa: PTH104 - Path.rename has the same effect, but hides errno on 3.11
    if not (folder / copy.name).exists():
        raise OSError(None, f"cannot move into {folder}")
