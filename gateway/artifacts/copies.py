"""Copy regular files into folders of the cache, and check that they are still those that were hashed."""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.artifacts import source_files
from gateway.artifacts.roots import must_lie_below
from gateway.errors import ArtifactError
from gateway.system import files, obstacles


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Say where a file or folder is to lie inside of a folder, and which bytes it has."""

    source: Path
    inside: str
    sha256: str


def copy_together(folder: Path, copies: Sequence[Copy], roots: Sequence[Path] = ()) -> None:
    """
    Make `folder` of copies, whole or not at all.

    Raises ArtifactError where one is another by now or leads out of the roots, or the disk refuses.
    """
    draft = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
        for one in copies:
            inside = draft / one.inside
            inside.parent.mkdir(parents=True, exist_ok=True)
            if copy(one.source, inside, roots)[0] != one.sha256:
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


def copy(path: Path, target: Path, roots: Sequence[Path] = ()) -> tuple[str, int]:
    """
    Copy regular files, and return sha256 and size of what was written, as `source_files.digest` would.

    Each path is resolved once, has to lie below the roots, and is opened once, without following a link: what was
    checked, hashed and written are the bytes of one descriptor.
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return _copy_file(path, target, roots)
    if not stat.S_ISDIR(mode):
        raise changed(path)
    target.mkdir()
    tree, total = hashlib.sha256(), 0
    for entry in source_files.entries_of(path):
        inside = target / entry.relative_to(path)
        if entry.is_dir():
            inside.mkdir()
            continue
        sha256, size = _copy_file(entry, inside, roots)
        tree.update(source_files.line_of(entry.relative_to(path), sha256))
        total += size
    return tree.hexdigest(), total


def _copy_file(path: Path, target: Path, roots: Sequence[Path]) -> tuple[str, int]:
    real = Path(os.path.realpath(path))
    must_lie_below(real, roots)
    try:
        source = files.open_resolved(real)
    except OSError as error:  # it was there, and no link, a moment ago
        raise changed(path) from error
    sha, size = hashlib.sha256(), 0
    with source, target.open("xb") as stream:
        for block in files.blocks_of(source, path):
            stream.write(block)
            sha.update(block)
            size += len(block)
        mode = os.fstat(source.fileno()).st_mode
    target.chmod(stat.S_IMODE(mode) & 0o700 | 0o600)
    return sha.hexdigest(), size


def cannot_keep(folder: Path, error: OSError) -> ArtifactError:
    """Return the error for a cache that cannot be written to."""
    why, hint = obstacles.told(folder, error)
    return ArtifactError(f"cannot keep the artifact in {folder}: {why}", code="cache-unwritable", hint=hint)


def size_below(path: Path) -> int:
    """Return the bytes that a file or a folder takes on the disk."""
    total = 0
    waiting = [path]
    while waiting:
        one = waiting.pop()
        with contextlib.suppress(OSError):
            found = one.stat() if one == path else one.lstat()
            total += found.st_blocks * 512
            if stat.S_ISDIR(found.st_mode):
                waiting += one.iterdir()
    return total
