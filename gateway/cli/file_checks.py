"""What `gateway doctor` finds out of the files below GATEWAY_HOME: those that others may use, and those of others."""

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.cli.diagnosis import Diagnosis
from gateway.settings.settings import Settings

#: Folders that are looked through as a whole.
_LOOKED_THROUGH: Final = ("run", "state", "logs")
#: The cache holds models, which need not be secret, and folders with many files: so deep, owners alone are looked at.
_IN_CACHE: Final = "*/*"
_MOST_NAMED: Final = 5


def file_checks(settings: Settings) -> Iterator[Diagnosis]:
    """Name what other users could read, change or have put there."""
    home = settings.home
    deep = [one for folder in _LOOKED_THROUGH for one in (home / folder, *(home / folder).rglob("*"))]
    flat = [*(path for path in home.glob("*") if path.is_file()), *settings.cache_dir.glob(_IN_CACHE)]
    bad = [path for path in deep if _is_open(path)]
    bad += [path for path in flat if _owner(path) != os.geteuid()]
    more = f" and {len(bad) - _MOST_NAMED:,} more" if len(bad) > _MOST_NAMED else ""
    shown = ", ".join(map(str, bad[:_MOST_NAMED])) + more
    quoted = shlex.quote(str(home))
    fix = f"chown -R {os.geteuid()} {quoted}; chmod -R go= {quoted}"
    if any(_owner(path) != os.geteuid() for path in bad) and os.geteuid() != 0:
        fix = f"as root: {fix}"
    yield Diagnosis(not bad, f"files of run-time state that others may use: {shown or 'none'}", fix)


def _owner(path: Path) -> int:
    try:
        return path.lstat().st_uid
    except OSError:
        return os.geteuid()


def _is_open(path: Path) -> bool:
    """Say whether others may use a file or folder; who may use a socket says the folder that it stands in."""
    try:
        found = path.lstat()
    except OSError:
        return False
    if stat.S_ISLNK(found.st_mode) or stat.S_ISSOCK(found.st_mode):
        return False
    return found.st_uid != os.geteuid() or bool(found.st_mode & (stat.S_IRWXO | stat.S_IWGRP))
