"""List the environments that were built, and delete those that no kept generation names."""

import os
import re
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from gateway.artifacts import state_files
from gateway.artifacts.spare import Spare
from gateway.environments import environment
from gateway.environments.building import DRAFT, folder_of, size_below
from gateway.environments.environment import Environment
from gateway.system import files

#: An environment so young may belong to an attempt under way, of this process or another.
YOUNG_S: Final = 600.0
#: After a commit, environments that no generation names are deleted if unused for this long.
OLD_S: Final = 24 * 3600.0
_KEY: Final = re.compile(rb"/(?:environments|servers)/([0-9a-f]{16})/")
#: Folder of what the servers of models need to start, beside that of environments; small.
_SERVERS: Final = "servers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Describe a folder of an environment: `found` is None where it is only a draft, or not whole."""

    key: str
    folder: Path
    found: Environment | None
    is_committed: bool
    is_named: bool
    size_bytes: int
    used_at: float


def listed(cache_dir: Path, state_dir: Path) -> list[Kept]:
    """Return every environment of a home, the last used first."""
    committed = _named_by(state_dir / state_files.COMMITTED)
    named = _named(state_dir)
    found = []
    for folder in _folders(folder_of(cache_dir)):
        one = environment.read(folder)
        status = files.stat_of(folder)
        found.append(
            Kept(
                key=folder.name,
                folder=folder,
                found=one,
                is_committed=folder.name in committed,
                is_named=folder.name in named,
                size_bytes=one.size_bytes if one is not None else size_below(folder),
                used_at=status.st_mtime if status is not None else 0.0,
            )
        )
    return sorted(found, key=lambda one: one.used_at, reverse=True)


def prune(cache_dir: Path, state_dir: Path, *, unused_s: float = OLD_S) -> list[Kept]:
    """Delete the environments, and drafts of killed builds, that no kept generation names; return them."""
    if not folder_of(cache_dir).exists() and not (cache_dir / _SERVERS).exists():
        return []
    until = time.time() - max(unused_s, YOUNG_S)
    gone = [one for one in listed(cache_dir, state_dir) if not one.is_named and one.used_at < until]
    delete(gone)
    _forget_servers(cache_dir, _named(state_dir), until)
    return gone


def delete_built(found: Environment) -> None:
    """Delete an environment that was just built."""
    folder = Path(found.path)
    (folder / environment.RECORD).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def spare(cache_dir: Path, state_dir: Path) -> list[Spare]:
    """Return the environments that may go where room is needed: the committed generation names none of them."""
    until = time.time() - YOUNG_S
    found = [one for one in listed(cache_dir, state_dir) if not one.is_committed and one.used_at < until]
    return [Spare(one.size_bytes, partial(delete, [one]), one.is_named) for one in reversed(found)]


def _forget_servers(cache_dir: Path, named: set[str], until: float) -> None:
    """Delete the files of servers that no kept generation starts."""
    for folder in _folders(cache_dir / _SERVERS):
        status = files.stat_of(folder)
        if folder.name not in named and status is not None and status.st_mtime < until:
            shutil.rmtree(folder, ignore_errors=True)


def _named(state_dir: Path) -> set[str]:
    paths = [state_dir / state_files.COMMITTED, *state_files.kept(state_dir)]
    return set().union(*map(_named_by, paths))


def delete(environments: Iterable[Kept]) -> None:
    """Delete environments; one that vanishes half way is not whole, and is built anew."""
    for one in environments:
        (one.folder / environment.RECORD).unlink(missing_ok=True)
        shutil.rmtree(one.folder, ignore_errors=True)
        one.folder.with_name(f"{one.key}.lock").unlink(missing_ok=True)


def _folders(place: Path) -> list[Path]:
    try:
        with os.scandir(place) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir() and _is_ours(entry.name)]
    except OSError:
        return []


def _is_ours(name: str) -> bool:
    return name.startswith(DRAFT) or re.fullmatch(r"[0-9a-f]{16}", name) is not None


def _named_by(path: Path) -> set[str]:
    # Searched and not decoded, as the store of artifacts does.
    try:
        return {one.decode() for one in _KEY.findall(files.read(path, state_files.MOST_BYTES))}
    except OSError:
        return set()
