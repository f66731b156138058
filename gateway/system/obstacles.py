"""What keeps a folder from being made or written to, with the fix that helps: not always more rights or more room."""

from pathlib import Path
from typing import Final

from gateway.system import files

#: As many links in a row as Linux follows.
MOST_LINKS: Final = 40


def told(folder: Path, error: OSError) -> tuple[str, str]:
    """Return why a folder cannot be written to and how to mend it, after the system has refused."""
    hint = "free disk space or make the folder writable (GATEWAY_HOME moves it)"
    return in_the_way(folder) or (error.strerror or str(error), hint)


def in_the_way(folder: Path) -> tuple[str, str] | None:
    """Return what stands where a folder or one above it is to be, and how to mend it: a link to nothing, or a file."""
    for path in (folder, *folder.parents):
        if path.is_dir():
            return None
        if path.exists():
            hint = "move it away, or set GATEWAY_HOME"
            return f"{path} is {files.kind_of(path.stat().st_mode)}, not a folder", hint
        if path.is_symlink():
            return _link_to_nothing(path)
    return None


def _link_to_nothing(link: Path) -> tuple[str, str]:
    path = link
    for _ in range(MOST_LINKS):
        target = path.parent / path.readlink()
        path = target.parent.resolve() / target.name
        if not path.is_symlink():
            hint = f"make the folder {path}, or delete the link"
            return f"{link} is a link to {path}, which is not there", hint
    hint = "delete the link"
    return f"{link} is a link that leads to itself", hint
