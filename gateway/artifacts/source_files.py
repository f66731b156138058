"""Locate, list and verify the bytes of artifacts: regular files, or folders of them; never opens them as models."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.errors import ArtifactError
from gateway.system import files

#: A sparse file may say that it is as long as it likes; hashing this much takes minutes.
MOST_BYTES: Final = 64 * 2**30
#: Files and folders inside of one artifact.
MOST_ENTRIES: Final = 100_000
_REPLACED_HINT: Final = "restore the pinned file, or check the new one and set sha256 to its hash"
_MOVED_HINT: Final = (
    "name the pinned version, or check the new one and set sha256 to its hash; without sha256 its copy is pinned by "
    "its digest"
)


def split_entry(text: str) -> tuple[str, str | None]:
    """Split `file.py:name` into file and name; other artifacts have no name."""
    head, colon, entry = text.rpartition(".py:")
    return (f"{head}.py", entry) if colon else (text, None)


def locate(base: Path, text: str) -> Path:
    """
    Return the absolute path of an artifact named relative to `base`.

    Raises ArtifactError "artifact-missing" with near names of the same folder, "not-a-file" for pipes and devices.
    """
    name, _ = split_entry(text)
    try:
        path = (base / name).resolve()
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            return path
        raise _odd(path, path, mode)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, a loop of links, a NUL
        why = getattr(error, "strerror", None) or str(error)
        raise ArtifactError(
            f"artifact '{files.shortened(name)}' cannot be reached: {why}",
            code="artifact-missing",
            hint="correct the path, or the permissions of the folders on it",
        ) from error
    raise ArtifactError(
        f"artifact '{name}' does not exist (looked for {path})", code="artifact-missing", hint=_near(path)
    )


def _near(path: Path) -> str:
    folder = path.parent
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))[:8]
    except OSError:
        return f"the folder {folder} does not exist; paths are relative to registry.yaml"
    return f"{folder} holds: {', '.join(names)}" if names else f"{folder} is empty"


def files_of(path: Path) -> Iterator[Path]:
    """Yield the files of an artifact in a fixed order; raises ArtifactError as `entries_of`."""
    if not path.is_dir():
        yield path
        return
    yield from (entry for entry in entries_of(path) if not entry.is_dir())


def entries_of(folder: Path) -> list[Path]:
    """
    Return the files and folders below a folder in a fixed order, folders before their content; without byte code.

    Raises ArtifactError for entries that cannot be stored: pipes, devices, broken links, links to folders, names that
    are no UTF-8, too many.
    """
    found: list[Path] = []
    for root, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for path in (Path(root, name) for name in (*folders, *names)):
            mode = path.stat().st_mode if path.exists() else 0
            if not stat.S_ISREG(mode) and (not stat.S_ISDIR(mode) or path.is_symlink()):
                raise _odd(folder, path, mode)
            refuse_odd_name(path, folder)
            found.append(path)
        if len(found) > MOST_ENTRIES:
            raise ArtifactError(
                f"artifact '{folder.name}' holds more than {MOST_ENTRIES:,} files",
                code="too-many-files",
                hint="name the folder of the model alone",
            )
    return sorted(found)


def extra_files(folder: Path, name: str) -> Iterator[Path]:
    """Yield the file of this name that MLflow logged with a model (`log_model(extra_files=[...])`), if there is one."""
    path = folder / "extra_files" / name
    if files.is_file(folder / "MLmodel") and files.is_file(path):
        yield path


def refuse_odd_name(path: Path, folder: Path | None = None) -> None:
    """Raise ArtifactError for a file, of a folder, whose name is no UTF-8: what keeps and lists it is JSON."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        what = f"artifact '{path.name}'" if folder is None else f"'{path.relative_to(folder)}' in '{folder.name}'"
        raise ArtifactError(
            f"{what} has a name that is no UTF-8",
            code="artifact-unreadable",
            hint="rename it in letters of UTF-8",
        ) from None


def _raise(error: OSError) -> None:
    raise error


def _odd(artifact: Path, path: Path, mode: int) -> ArtifactError:
    kind = "a link that leads nowhere" if not mode else files.kind_of(mode)
    if stat.S_ISDIR(mode):
        kind = "a link to a folder"
    inside = f", where {path.relative_to(artifact)}" if path != artifact else ""
    return ArtifactError(
        f"artifact '{artifact.name}'{inside} is {kind}, not a file",
        code="not-a-file",
        hint="put the file or folder itself in this place",
    )


def size_of(path: Path) -> int:
    """Return the size of an artifact in bytes; raises ArtifactError."""
    try:
        return sum(entry.stat().st_size for entry in files_of(path))
    except OSError as error:
        raise unreadable(path, error) from error


def digest(path: Path) -> tuple[str, int]:
    """
    Return sha256 and size in bytes of a file, or of a folder as a tree.

    A folder's hash covers relative names and contents, so a rename inside it is a change. Raises ArtifactError.
    """
    try:
        if not path.is_dir():
            return _digest_file(path)
        tree = hashlib.sha256()
        total = 0
        for entry in files_of(path):
            file_hash, size = _digest_file(entry)
            tree.update(line_of(entry.relative_to(path), file_hash))
            total += size
        return tree.hexdigest(), total
    except OSError as error:
        raise unreadable(path, error) from error


def line_of(inside: Path, sha256: str) -> bytes:
    """Return what a file adds to the hash of its folder."""
    # Names of files are bytes: they need not be text in UTF-8.
    return f"{inside.as_posix()}\0{sha256}\n".encode("utf-8", "surrogateescape")


def unreadable(path: Path, error: OSError) -> ArtifactError:
    """Return the error for a file or folder that the system does not let be read."""
    is_odd = isinstance(error, files.NotRegularError | files.TooLongError)
    return ArtifactError(
        f"artifact '{path}' cannot be read: {error.strerror}",
        code="artifact-unreadable",
        hint="put the whole file in its place" if is_odd else "make it readable for the user that runs the gateway",
    )


def _digest_file(path: Path) -> tuple[str, int]:
    sha = hashlib.sha256()
    size = 0
    for block in files.blocks(path, MOST_BYTES):
        sha.update(block)
        size += len(block)
    return sha.hexdigest(), size


def verify(path: Path, sha256: str, pin: str | None, *, is_reference: bool = False) -> None:
    """Raise ArtifactError "wrong-sha256" where the registry pins other bytes; a reference may name others by now."""
    if pin is not None and pin.lower() != sha256:
        raise ArtifactError(
            f"artifact '{path.name}' has sha256 {sha256}, the registry pins {pin.lower()}",
            code="wrong-sha256",
            hint=_MOVED_HINT if is_reference else _REPLACED_HINT,
        )
