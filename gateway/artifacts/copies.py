"""Copy regular files into folders of the cache, and check that they are still those that were hashed."""

import contextlib
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.artifacts import source_files
from gateway.errors import ArtifactError
from gateway.system import files, obstacles


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Say where a file or folder is to lie inside of a folder, and which bytes it has."""

    source: Path
    inside: str
    sha256: str


def copy_together(folder: Path, copies: Sequence[Copy]) -> None:
    """
    Make `folder` of copies, whole or not at all.

    Raises ArtifactError where one is another by now, or the disk refuses.
    """
    draft = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
        for one in copies:
            inside = draft / one.inside
            inside.parent.mkdir(parents=True, exist_ok=True)
            copy(one.source, inside)
            if source_files.digest(inside)[0] != one.sha256:
                raise changed(one.source)
        with contextlib.suppress(OSError):
            draft.rename(folder)  # fails where another process was faster: equal content
        if not folder.exists():
            raise OSError(None, f"cannot move into {folder}")
    except FileNotFoundError as error:
        raise changed(Path(error.filename or folder)) from error
    except OSError as error:
        raise cannot_keep(folder.parent, error) from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def changed(path: Path) -> ArtifactError:
    """Return the error for a file that is being written."""
    return ArtifactError(
        f"artifact '{path}' changed while it was copied",
        code="artifact-changing",
        hint="write artifacts to a new name and rename them into place",
    )


def copy(path: Path, target: Path) -> None:
    """Copy regular files only, each as long as it was when it was opened."""
    found = path.stat()
    if stat.S_ISREG(found.st_mode):
        with target.open("xb") as stream:
            for block in files.blocks(path):
                stream.write(block)
        target.chmod(stat.S_IMODE(found.st_mode) & 0o700 | 0o600)
        return
    target.mkdir()
    for entry in source_files.entries_of(path):
        inside = target / entry.relative_to(path)
        inside.mkdir() if entry.is_dir() else copy(entry, inside)


def cannot_keep(folder: Path, error: OSError) -> ArtifactError:
    """Return the error for a cache that cannot be written to."""
    why, hint = obstacles.told(folder, error)
    return ArtifactError(f"cannot keep the artifact in {folder}: {why}", code="cache-unwritable", hint=hint)
