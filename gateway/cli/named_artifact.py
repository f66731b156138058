"""The files that a command names as one artifact: where they are, which loader reads them, what their hash is."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.artifacts import bundle_folders
from gateway.artifacts.manifest import StoredArtifact, StoredPart
from gateway.artifacts.resolution import Resolution
from gateway.artifacts.source_files import digest, locate, refuse_odd_name
from gateway.cli.named_references import resolution_of
from gateway.errors import LoadError
from gateway.loaders import unknown
from gateway.loaders.sniffing import sniff
from gateway.loaders.table import BUNDLE
from gateway.settings.settings import Settings
from gateway.system.owned_folders import temporary_folder
from gateway.system.suggest import listing

#: Kinds of executors whose servers find out how an artifact is loaded.
_NOT_LOADED_HERE: Final = ("process", "h2o_server")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedArtifact:
    """
    Hold the texts of a command line, their paths, the loader of them all, and where it is to read them.

    `resolution` is what a reference into an MLflow store names; the path is then its copy.
    """

    texts: tuple[str, ...]
    paths: tuple[Path, ...]
    loader: str
    stored: StoredArtifact
    resolution: Resolution | None = None

    @property
    def text(self) -> str:
        """Return what the command line says."""
        return " ".join(self.texts)


@contextlib.contextmanager
def named_artifact(
    settings: Settings, texts: Sequence[str], loader: str | None, kind: str = "local"
) -> Iterator[NamedArtifact]:
    """
    Find the files of an artifact; several are linked to in a temporary folder, in which they lie as in the cache.

    A reference into an MLflow store is asked for, and its copy kept in the cache. `kind` is that of the executor: what
    is not loaded here needs no loader of this gateway.
    """
    resolution = resolution_of(settings, texts[0], loader) if len(texts) == 1 else None
    paths = (Path(resolution.path),) if resolution else tuple(locate(Path.cwd(), text) for text in texts)
    for path in paths:
        refuse_odd_name(path)
    names = (paths[0].name,) if resolution else texts
    loaders = [_loader_of(path, name, loader, kind) for path, name in zip(paths, names, strict=True)]
    hashes, sizes = zip(*(digest(path) for path in paths), strict=True)
    if len(paths) == 1:
        where = str(paths[0].absolute())
        stored = StoredArtifact(path=where, sha256=hashes[0], size_bytes=sizes[0], origin=where)
        yield NamedArtifact(texts=tuple(texts), paths=paths, loader=loaders[0], stored=stored, resolution=resolution)
        return
    copies = bundle_folders.copies_of(paths, hashes)
    with temporary_folder() as folder:
        for one in copies:
            link = Path(folder, one.inside)
            link.parent.mkdir()
            link.symlink_to(one.source)
        parts = tuple(StoredPart(origin=str(one.source), sha256=one.sha256) for one in copies)
        name = bundle_folders.name_of(copies)
        stored = StoredArtifact(path=folder, sha256=name, size_bytes=sum(sizes), origin=str(paths[-1]), parts=parts)
        yield NamedArtifact(texts=tuple(texts), paths=paths, loader=loader or BUNDLE, stored=stored)


def _loader_of(path: Path, text: str, loader: str | None, kind: str) -> str:
    if kind in _NOT_LOADED_HERE:
        return loader or kind
    candidates = (loader,) if loader else sniff(path, text)
    if not candidates:
        raise unknown(path, text)
    if len(candidates) > 1:
        hint = f"say --loader with {listing(candidates)}"
        raise LoadError(f"more than one loader fits '{text}'", code="no-loader", hint=hint)
    return str(candidates[0])
