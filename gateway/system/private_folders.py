"""
Folders that belong to one user: what is run from and written to must be nobody else's to change or to read.

Standard library only.
"""

import os
import stat
from pathlib import Path

#: For everything that the gateway writes.
UMASK = 0o077
_MODE = 0o700
_OTHERS, _OTHERS_WRITE = 0o007, 0o022


def fault_of(folder: Path) -> str:
    """Return why a folder is not private, '' where it is: who owns it, who else may do what."""
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
    Make a folder that only its owner may use, or make it so; return what is still wrong with it.

    A group that may read (0750) stays: somebody has given it that.
    """
    try:
        folder.mkdir(mode=_MODE, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid == os.geteuid() and found.st_mode & (_OTHERS | _OTHERS_WRITE):
            folder.chmod(_MODE)
    except OSError as error:
        return f"{folder} cannot be made private: {error.strerror}"
    return fault_of(folder)
