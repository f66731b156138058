"""
Print PM2's home for a GATEWAY_HOME: `python -m gateway.process.pm2.home GATEWAY_HOME`.

PM2 runs code from its home and accepts commands on sockets in it, so the home has to be private. The kernel limits the
length of socket paths; where GATEWAY_HOME is too long, the home is a new folder with a random name in the folder for
temporary files, and GATEWAY_HOME keeps its path.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from gateway.system import atomic, private_folders

#: PM2 appends up to 21 bytes to it (`/interactor.sock` and the like), and the kernel takes 107.
MOST_BYTES: Final = 85
REMEMBERED: Final = "pm2-home"


def pm2_home(home: Path) -> Path:
    """Return the folder, creating it if absent; raises OSError with the reason in its text."""
    if fault := private_folders.make_private(home):
        print(f"warning: {fault}", file=sys.stderr)
    folder = home / "pm2"
    if len(os.fsencode(folder)) > MOST_BYTES:
        folder = _short(home)
    if fault := private_folders.make_private(folder):
        raise PermissionError(f"{fault}; PM2 would run what others put there")
    return folder


def _short(home: Path) -> Path:
    note = home / REMEMBERED
    if note.is_file():
        known = Path(note.read_text().strip())
        # Neither a link nor a folder that another user has put there since.
        if known.is_absolute() and not known.is_symlink() and not private_folders.fault_of(known):
            return known
    base = next((path for path in (Path(tempfile.gettempdir()), Path("/tmp")) if _is_usable(path)), None)  # noqa: S108
    if base is None:
        raise PermissionError("no folder for temporary files keeps others from replacing what is in it")
    made = Path(tempfile.mkdtemp(prefix="gateway-pm2-", dir=base))
    atomic.replace_bytes(note, f"{made}\n".encode())
    return made


def _is_usable(folder: Path) -> bool:
    """Say whether socket paths in this folder are short enough and other users cannot replace them."""
    is_short = len(os.fsencode(folder)) + len("/gateway-pm2-12345678") <= MOST_BYTES
    return is_short and private_folders.is_safe_parent(folder)


def main() -> None:
    """Print the folder, or exit with 78 and the reason."""
    os.umask(private_folders.UMASK)
    try:
        print(pm2_home(Path(sys.argv[1])))
    except OSError as error:
        print(f"pm2: {error}\n  fix: set GATEWAY_HOME to a folder of your own, or give this one back", file=sys.stderr)
        sys.exit(78)


if __name__ == "__main__":
    main()
