"""
Keep code together with the files that it reads: one folder of the cache, in which they lie as they lay beside it.

The folder is named by a hash over all of them, so that another file beside the same code is another version of it.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gateway.artifacts.copies import Copy
from gateway.artifacts.manifest import StoredArtifact, StoredFile
from gateway.artifacts.store import Store


def root_of(base: Path, origin: Path) -> Path:
    """Return the folder whose files belong to the code: the registry's if the code lies below it, else its own."""
    base = base.resolve()
    return base if origin.is_relative_to(base) else origin.parent


def keep(store: Store, root: Path, origin: Path, sha256: str, files: Mapping[Path, str]) -> StoredArtifact:
    """
    Copy code and the files below `root` that it reads into the cache; `files` are path -> sha256, "" for an absent one.

    Files outside of `root` are named, not copied. Raises ArtifactError where one changed since it was hashed.
    """
    stored = tuple(
        StoredFile(path=str(path), sha256=found, is_kept=bool(found) and path.is_relative_to(root))
        for path, found in sorted(files.items())
    )
    if not stored:
        return store.keep(origin, sha256)
    name = _name(root, origin, sha256, stored)
    kept = {origin: sha256} | {Path(one.path): one.sha256 for one in stored if one.is_kept}
    copies = [Copy(source=path, inside=str(path.relative_to(root)), sha256=found) for path, found in kept.items()]
    folder, size = store.keep_together(name, copies)
    path = folder / origin.relative_to(root)
    return StoredArtifact(path=str(path), sha256=name, size_bytes=size, origin=str(origin), files=stored)


def working_in(stored: StoredArtifact, root: Path, folder: Path, *, writes: bool) -> StoredArtifact:
    """
    Return the artifact with the folder that relative names of its code start from: the copy of `folder`.

    Code that also writes by such names stays in the folder itself, where what it wrote is expected.
    """
    copy = _copy_of(folder, root, Path(stored.path), Path(stored.origin))
    is_kept = not writes and copy is not None and copy.is_dir()
    return replace(stored, working_folder=str(copy if is_kept else folder))


def _copy_of(folder: Path, root: Path, path: Path, origin: Path) -> Path | None:
    if not folder.is_relative_to(root):
        return None
    return Path(os.path.normpath(path.parent / os.path.relpath(folder, origin.parent)))


def pin_of(origin: Path, sha256: str, listed: Mapping[Path, str]) -> str:
    """
    Return the hash that `sha256:` of a route pins: that of the file, or, with listed files, one over all of them.

    It covers names relative to the code, and contents, as the hash of a folder does, and is known before the code runs.
    """
    if not listed:
        return sha256
    names = {Path(os.path.relpath(path, origin.parent)): found for path, found in {**listed, origin: sha256}.items()}
    tree = hashlib.sha256()
    for name, found in sorted(names.items()):
        tree.update(f"{name.as_posix()}\0{found}\n".encode(errors="surrogateescape"))
    return tree.hexdigest()


def _name(root: Path, origin: Path, sha256: str, files: tuple[StoredFile, ...]) -> str:
    tree = hashlib.sha256(f"{origin.relative_to(root).as_posix()}\0{sha256}\n".encode())
    for one in files:
        place = Path(one.path).relative_to(root).as_posix() if Path(one.path).is_relative_to(root) else one.path
        tree.update(f"{place}\0{one.sha256}\n".encode(errors="surrogateescape"))
    return tree.hexdigest()
