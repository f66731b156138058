"""
Keep several files that make one model together: one folder of the cache, in which they lie in their order.

Each lies in a folder of its own, named by its place, under its own name: `0/vectorizer.pkl`, `1/model.pkl`. The whole
is named by a hash over places, names and contents, so that another file, order or name is another version.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from gateway.artifacts.copies import Copy
from gateway.artifacts.manifest import StoredArtifact, StoredPart
from gateway.artifacts.store import Store


def keep(store: Store, origins: Sequence[Path], digests: Sequence[str]) -> StoredArtifact:
    """Copy verified files into one folder of the cache; raises ArtifactError where one changed since it was hashed."""
    copies = copies_of(origins, digests)
    name = name_of(copies)
    folder, size = store.keep_together(name, copies)
    parts = tuple(StoredPart(origin=str(one.source), sha256=one.sha256) for one in copies)
    return StoredArtifact(path=str(folder), sha256=name, size_bytes=size, origin=str(origins[-1]), parts=parts)


def copies_of(origins: Sequence[Path], digests: Sequence[str]) -> list[Copy]:
    """Return where each file lies in the folder of all."""
    return [
        Copy(source=origin, inside=f"{place}/{origin.name}", sha256=sha256)
        for place, (origin, sha256) in enumerate(zip(origins, digests, strict=True))
    ]


def name_of(copies: Sequence[Copy]) -> str:
    """Return the hash that names the folder: 64 hex digits."""
    lines = "".join(f"{one.inside}\0{one.sha256}\n" for one in copies)
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


def parts_in(folder: Path) -> list[Path]:
    """Return the files of a folder that `keep` made, in their order."""
    places = sorted((place for place in folder.iterdir() if place.name.isdigit()), key=lambda place: int(place.name))
    return [next(place.iterdir()) for place in places]
