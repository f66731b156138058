"""
The counter files of all processes: list them for reading, and fold those of dead processes without losing a count.

    values_<pid>.db                   a process writes it, or died and is not folded yet
    values_<pid>_<inode>.into-<N>     belongs to archive N: counts only while archive N does not exist
    values_archive-<N>.db             the sum of everything folded; the highest N counts

The rename that creates archive N is the only step that changes which files count, so a crash at any point leaves
the totals exact. Knows names of files, no metric.
"""

import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from gateway.metrics.counter_file import read_values, write_values
from gateway.system.locks import locked
from gateway.system.processes import is_running

_LIVE = re.compile(r"values_(\d+)\.db")
_INTO = re.compile(r"values_\d+_\d+\.into-(\d+)")
_ARCHIVE = re.compile(r"values_archive-(\d+)\.db")

#: Size that the files of a worker and an archive of 1,000 routes may reach between two checks.
ROOM_BYTES = 8 * 2**20


def steady(directory: Path) -> AbstractContextManager[None]:
    """Prevent renames during a `with` block of a reader; waits for renames only, not for the work between them."""
    return locked(directory / "names.lock", shared=True)


def sources(directory: Path) -> list[Path]:
    """Return the files whose sum is the exact total; call it within `steady`."""
    paths = list(directory.glob("values_*"))
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

    The file of a living process is never folded, nor that of a pid in `live_pids`. May be killed at any point and
    called again by any process.
    """
    if not has_room(directory):
        return 0  # they stay, and count, until there is room
    with locked(directory / "fold.lock"):
        return _fold(directory, live_pids)


def _fold(directory: Path, live_pids: Collection[int]) -> int:
    target = _newest(directory.glob("values_*")) + 1
    with locked(directory / "names.lock"):
        _sweep(directory, target - 1)  # leftovers of a fold that was killed
        _set_aside(directory, target, live_pids)
    into = list(directory.glob(f"values_*.into-{target}"))
    if into:
        # Readers do not wait for this: files that are set aside count and do not change until the rename.
        fresh = _write_archive(directory, target, into)
        with locked(directory / "names.lock"):
            fresh.rename(directory / f"values_archive-{target}.db")
            _sweep(directory, target)
    return len(into)


def _set_aside(directory: Path, target: int, live_pids: Collection[int]) -> None:
    """Rename the files of dead processes, so that a new process with the same pid cannot open them."""
    for path in directory.glob("values_*.db"):
        match = _LIVE.fullmatch(path.name)
        if match and int(match[1]) not in live_pids and not is_running(int(match[1])):
            path.rename(directory / f"{path.stem}_{path.stat().st_ino}.into-{target}")


def _write_archive(directory: Path, target: int, into: list[Path]) -> Path:
    totals: dict[str, float] = {}
    old = directory / f"values_archive-{target - 1}.db"
    for path in [old] * old.exists() + into:
        for key, value in read_values(path).items():
            totals[key] = totals.get(key, 0.0) + value
    fresh = directory / "archive.new"
    write_values(fresh, totals)
    return fresh


def _sweep(directory: Path, newest: int) -> None:
    """Remove the files whose counts archive `newest` already contains."""
    for path in directory.glob("values_*"):
        into, archive = _INTO.fullmatch(path.name), _ARCHIVE.fullmatch(path.name)
        if (into and int(into[1]) <= newest) or (archive and int(archive[1]) < newest):
            path.unlink()


def _newest(paths: Collection[Path] | Iterator[Path]) -> int:
    return max((int(match[1]) for path in paths if (match := _ARCHIVE.fullmatch(path.name))), default=0)


def _counts(name: str, newest: int) -> bool:
    if match := _INTO.fullmatch(name):
        return int(match[1]) > newest
    if match := _ARCHIVE.fullmatch(name):
        return int(match[1]) == newest
    return _LIVE.fullmatch(name) is not None
