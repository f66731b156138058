"""
Private folders: folders of code and state must not be readable or writable by other users.

Standard library only.
"""

import os
import stat
from pathlib import Path

#: For everything that the gateway writes.
UMASK = 0o077
#: Of folders that nobody else may enter.
MODE = 0o700
_OTHERS, _OTHERS_WRITE = 0o007, 0o022


def fault_of(folder: Path) -> str:
    """Return the reason why a folder is not private (its owner or its mode), '' if it is."""
    try:
        found = folder.stat()
    except OSError as error:
        return f"{folder} cannot be looked at: {error.strerror}"
    if not stat.S_ISDIR(found.st_mode):
        return f"{folder} is no folder"
    if found.st_uid != os.geteuid():
        return f"{folder} belongs to user {found.st_uid}, and this is user {os.geteuid()}"
    if found.st_mode & (_OTHERS | _OTHERS_WRITE):
        return f"{folder} has mode {stat.S_IMODE(found.st_mode):04o}: others may look into it or write there"
    return ""


def make_private(folder: Path) -> str:
    """
    Create a folder with mode 0700, or restrict an existing one; return the remaining fault, as `fault_of`.

    A group that may read (0750) stays: an administrator has allowed it.
    """
    try:
        folder.mkdir(mode=MODE, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid == os.geteuid() and found.st_mode & (_OTHERS | _OTHERS_WRITE):
            folder.chmod(MODE)
    except OSError as error:
        return f"{folder} cannot be made private: {error.strerror}"
    return fault_of(folder)


def is_safe_parent(folder: Path) -> bool:
    """Say whether no other user can replace what is in a folder, such as the one for temporary files."""
    try:
        found = folder.stat()
    except OSError:
        return False
    return found.st_uid in (0, os.geteuid()) and (
        not found.st_mode & _OTHERS_WRITE or bool(found.st_mode & stat.S_ISVTX)
    )
