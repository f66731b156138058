"""
Locate, verify and keep the bytes of artifacts; never opens them as models.

The cache is content-addressed: `<cache>/artifacts/<sha256>/<file name>`, so a worker that starts after the original
was overwritten or deleted still serves the committed generation.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import ArtifactError
from gateway.manifest import StoredArtifact

#: Read size: 1 MiB keeps memory flat; hashlib releases the GIL above 2 KiB.
CHUNK_BYTES = 1024 * 1024


def split_entry(text: str) -> tuple[str, str | None]:
    """Split `file.py:name` into file and name; other artifacts have no name."""
    head, colon, entry = text.rpartition(":")
    if colon and head.endswith(".py"):
        return head, entry
    return text, None


def locate(base: Path, text: str) -> Path:
    """
    Return the absolute path of an artifact named relative to `base`.

    Raises ArtifactError "artifact-missing" with near names of the same folder.
    """
    name, _ = split_entry(text)
    try:
        path = (base / name).resolve()
        if path.exists():
            return path
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, a loop of links, a NUL
        raise ArtifactError(
            f"artifact {name[:200]!r} is no usable path: {error}", code="artifact-missing", hint="name a file or folder"
        ) from error
    raise ArtifactError(
        f"artifact '{name}' does not exist (looked for {path})", code="artifact-missing", hint=_near(path)
    )


def _near(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist; paths are relative to registry.yaml"
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))[:8]
    return f"{folder} holds: {', '.join(names)}" if names else f"{folder} is empty"


def files_of(path: Path) -> Iterator[Path]:
    """Yield the files of an artifact in a fixed order; a folder is walked without following links out of it."""
    if path.is_file():
        yield path
        return
    for entry in sorted(path.rglob("*")):
        if entry.is_file() and "__pycache__" not in entry.parts:
            yield entry


def digest(path: Path) -> tuple[str, int]:
    """
    Return sha256 and size in bytes of a file, or of a folder as a tree.

    A folder's hash covers relative names and contents, so a rename inside it is a change.
    """
    try:
        if path.is_file():
            return _digest_file(path)
        tree = hashlib.sha256()
        total = 0
        for entry in files_of(path):
            file_hash, size = _digest_file(entry)
            tree.update(f"{entry.relative_to(path).as_posix()}\0{file_hash}\n".encode())
            total += size
        return tree.hexdigest(), total
    except OSError as error:
        raise ArtifactError(
            f"artifact '{path}' cannot be read: {error.strerror}",
            code="artifact-unreadable",
            hint="make it readable for the user that runs the gateway",
        ) from error


def _digest_file(path: Path) -> tuple[str, int]:
    sha = hashlib.sha256()
    size = 0
    with path.open("rb") as stream:
        while block := stream.read(CHUNK_BYTES):
            sha.update(block)
            size += len(block)
    return sha.hexdigest(), size


def verify(path: Path, sha256: str, pin: str | None) -> None:
    """Raise ArtifactError "wrong-sha256" where the registry pins other bytes."""
    if pin is not None and pin.lower() != sha256:
        raise ArtifactError(
            f"artifact '{path.name}' has sha256 {sha256}, the registry pins {pin.lower()}",
            code="wrong-sha256",
            hint="restore the pinned file, or check the new one and set sha256 to its hash",
        )


def keep(cache_dir: Path, path: Path, sha256: str) -> StoredArtifact:
    """
    Copy verified bytes into the content-addressed cache and return where they lie.

    Copies, never links: a file that is overwritten in place would change the kept one too. The copy is hashed again,
    because the original may have been replaced between the first hash and the copy.
    """
    folder = cache_dir / "artifacts" / sha256
    kept = folder / path.name
    size = sum(entry.stat().st_size for entry in files_of(kept)) if kept.exists() else 0
    if not kept.exists():
        size = _copy_in(cache_dir, path, folder, sha256)
    return StoredArtifact(path=str(kept), sha256=sha256, size_bytes=size, origin=str(path))


def _copy_in(cache_dir: Path, path: Path, folder: Path, sha256: str) -> int:
    drafts = cache_dir / "artifacts"
    try:
        drafts.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=drafts, prefix=".draft-"))
    except OSError as error:
        raise _cannot_keep(drafts, error) from error
    try:
        copy = draft / path.name
        if path.is_dir():
            shutil.copytree(path, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(path, copy)
        found, size = digest(copy)
        if found != sha256:
            raise ArtifactError(
                f"artifact '{path}' changed while it was copied",
                code="artifact-changing",
                hint="write artifacts to a new name and rename them into place",
            )
        _move_in(copy, folder)
    except OSError as error:
        raise _cannot_keep(drafts, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return size


def _move_in(copy: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError, OSError):
        # Another process may have kept the same bytes meanwhile: equal content, so either copy serves.
        os.rename(copy, folder / copy.name)  # noqa: PTH104 - Path.rename has the same effect, but hides errno on 3.11
    if not (folder / copy.name).exists():
        raise OSError(None, f"cannot move into {folder}")


def _cannot_keep(folder: Path, error: OSError) -> ArtifactError:
    return ArtifactError(
        f"cannot keep the artifact in {folder}: {error.strerror or error}",
        code="cache-unwritable",
        hint="free disk space or make the folder writable (GATEWAY_HOME moves it)",
    )
