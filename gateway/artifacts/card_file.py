"""
The model card of a route: a markdown file that the registry names, or the README.md beside the artifact.

The README of a project is no card: one in a folder with a registry is not taken.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.artifacts import source_files
from gateway.errors import ArtifactError
from gateway.system import files

#: An honest card of this size is rendered in a tenth of a second.
MOST_BYTES: Final = 128 * 1024
DEFAULT_NAME: Final = "README.md"
_REGISTRY: Final = "registry.yaml"
_SAVE: Final = "save it as UTF-8"


def card_path(base: Path, named: str | None, sources: Sequence[str]) -> Path | None:
    """
    Return the card of an artifact: the named file, else the README.md of its folder if there is one.

    An artifact that is a folder holds its card itself: what lies beside it is about its siblings as well.
    """
    if named is not None:
        return base / named
    beside = default_path(base, sources)
    return beside if files.is_file(beside) and not _is_of_project(beside.parent, base) else None


def default_path(base: Path, sources: Sequence[str]) -> Path:
    """Return where the card of an artifact lies that names none, whether or not it is there."""
    last = base / source_files.split_entry(sources[-1])[0]
    for inside in source_files.extra_files(last, DEFAULT_NAME):
        return inside
    return (last if _is_folder(last) else last.parent) / DEFAULT_NAME


def _is_folder(path: Path) -> bool:
    found = files.stat_of(path)  # a name may be too long, or hold a NUL
    return found is not None and stat.S_ISDIR(found.st_mode)


def _is_of_project(folder: Path, base: Path) -> bool:
    return files.is_file(folder / _REGISTRY) or os.path.realpath(folder) == os.path.realpath(base)


def check_card(path: Path, roots: Sequence[Path]) -> None:
    """Raise ArtifactError for a card that cannot be shown; links may lead below `roots` and below its own folder."""
    try:
        content = files.read(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"card '{path.name}' does not exist (looked for {files.shortened(str(path))})",
            code="card-missing",
            hint="write it, or correct the path",
        ) from error
    except OSError as error:
        raise ArtifactError(
            f"card '{path.name}' cannot be read: {error.strerror}",
            code="card-unreadable",
            hint=f"put a readable text of at most {MOST_BYTES:,} bytes in its place",
        ) from error
    _must_stay_inside(path, roots)
    _must_be_text(path.name, content)


def _must_be_text(name: str, content: bytes) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        where = f"byte {error.start:,} is 0x{content[error.start]:02x}"
        raise ArtifactError(f"card '{name}' is no text in UTF-8: {where}", code="card-not-text", hint=_SAVE) from error
    if b"\0" in content:
        raise ArtifactError(f"card '{name}' holds a NUL, so it is no text", code="card-not-text", hint=_SAVE)


def _must_stay_inside(path: Path, roots: Sequence[Path]) -> None:
    real = Path(os.path.realpath(path))
    allowed = [Path(os.path.realpath(root)) for root in (path.parent, *roots)]
    if not any(real.is_relative_to(root) for root in allowed):
        raise ArtifactError(
            f"card '{path.name}' is a link that leads out of the folders of registry and artifact",
            code="card-outside",
            hint="put the file itself in this place, or name it directly in registry.yaml",
        )
