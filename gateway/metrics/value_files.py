"""
The value files of all processes: reading them fast, and folding those of the dead without losing a count.

    counter_<pid>.db           a process writes it, or died and is not folded yet
    counter_<pid>_<inode>.into-<N>   belongs to archive N: counts only while archive N does not exist
    counter_archive-<N>.db     the sum of everything folded; the highest N counts

The rename that makes archive N appear is the only step that changes what counts, so that a crash anywhere leaves
the totals exact. Knows the layout of prometheus_client's MmapedDict, no metric.
"""

import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from prometheus_client.mmap_dict import MmapedDict

from gateway.system.locks import locked
from gateway.system.processes import is_running

KINDS: Final = ("counter", "histogram")
_LIVE = re.compile(r"(counter|histogram)_(\d+)\.db")
_INTO = re.compile(r"(counter|histogram)_\d+_\d+\.into-(\d+)")
_ARCHIVE = re.compile(r"(counter|histogram)_archive-(\d+)\.db")

#: What the files of a worker and an archive of 1,000 routes may grow to while nobody looks.
ROOM_BYTES = 8 * 2**20


def steady(directory: Path) -> AbstractContextManager[None]:
    """Keep names as they are while reading; waits for renames only, not for the work between them."""
    return locked(directory / "names.lock", shared=True)


def sources(directory: Path, kind: str) -> list[Path]:
    """Return the files whose sum is the truth; call it within `steady`."""
    paths = list(directory.glob(f"{kind}_*"))
    newest = _newest(paths)
    return [path for path in paths if _counts(path.name, newest)]


def has_room(directory: Path) -> bool:
    """
    Say whether the disk has room for files that are mapped into memory.

    Writing into such a file on a full disk is not an error but a signal (SIGBUS) that ends the process.
    """
    return shutil.disk_usage(directory).free > ROOM_BYTES


def fold_dead(directory: Path, live_pids: Collection[int] = ()) -> int:
    """
    Add the files of dead processes to the archive and remove them; return how many there were.

    A process that exists is never folded, whether `live_pids` names it or not; a pid of `live_pids` is spared even if
    it seems gone. May be killed at any point and called again by anybody.
    """
    if not has_room(directory):
        return 0  # they stay, and count, until there is room
    with locked(directory / "fold.lock"):
        return sum(_fold(directory, kind, live_pids) for kind in KINDS)


def _fold(directory: Path, kind: str, live_pids: Collection[int]) -> int:
    target = _newest(directory.glob(f"{kind}_*")) + 1
    with locked(directory / "names.lock"):
        _sweep(directory, kind, target - 1)  # what a fold left that was killed
        _set_aside(directory, kind, target, live_pids)
    into = list(directory.glob(f"{kind}_*.into-{target}"))
    if into:
        # No reader waits for this: files set aside count and do not change until the rename.
        fresh = _write_archive(directory, kind, target, into)
        with locked(directory / "names.lock"):
            fresh.rename(directory / f"{kind}_archive-{target}.db")
            _sweep(directory, kind, target)
    return len(into)


def _set_aside(directory: Path, kind: str, target: int, live_pids: Collection[int]) -> None:
    """Rename the files of the dead: no process that gets the same pid can open them, nor meet an earlier one."""
    for path in directory.glob(f"{kind}_*.db"):
        match = _LIVE.fullmatch(path.name)
        if match and int(match[2]) not in live_pids and not is_running(int(match[2])):
            path.rename(directory / f"{path.stem}_{path.stat().st_ino}.into-{target}")


def _write_archive(directory: Path, kind: str, target: int, into: list[Path]) -> Path:
    totals: dict[str, float] = {}
    old = directory / f"{kind}_archive-{target - 1}.db"
    for path in [old] * old.exists() + into:
        for key, value, _, _ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]
            totals[key] = totals.get(key, 0.0) + value
    fresh = directory / f"archive-{kind}.new"
    fresh.unlink(missing_ok=True)
    archive: Any = MmapedDict(str(fresh))  # type: ignore[no-untyped-call]
    for key, value in totals.items():
        archive.write_value(key, value, 0.0)
    archive.close()
    return fresh


def _sweep(directory: Path, kind: str, newest: int) -> None:
    """Remove what archive `newest` already contains."""
    for path in directory.glob(f"{kind}_*"):
        into, archive = _INTO.fullmatch(path.name), _ARCHIVE.fullmatch(path.name)
        if (into and int(into[2]) <= newest) or (archive and int(archive[2]) < newest):
            path.unlink()


def _newest(paths: Collection[Path] | Iterator[Path]) -> int:
    return max((int(match[2]) for path in paths if (match := _ARCHIVE.fullmatch(path.name))), default=0)


def _counts(name: str, newest: int) -> bool:
    if match := _INTO.fullmatch(name):
        return int(match[2]) > newest
    if match := _ARCHIVE.fullmatch(name):
        return int(match[2]) == newest
    return _LIVE.fullmatch(name) is not None
