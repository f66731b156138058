"""
One file with all that a node of a cluster needs to load a model: the artifact, its compiled form, golden rows, options.

Its name is its hash, so that a node that has it needs nobody, and one that fetches it knows that it is right. Paths in
it are relative, and its bytes depend on nothing but its content.
"""

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.artifacts import source_files
from gateway.artifacts.manifest import Manifest
from gateway.artifacts.remote import ModelArchive
from gateway.artifacts.remote_tensors import RemoteTensors
from gateway.artifacts.store import Store
from gateway.environments.environment import digest
from gateway.errors import LoadError
from gateway.prepare.entry import Entry
from gateway.prepare.remote import UNEXPLAINED
from gateway.registry.executor_keys import LOCAL
from gateway.registry.spec import RouteSpec
from gateway.system.gateway_code import PREPARING, source_digest

DEFINITION: Final = "definition.json"
GOLDEN: Final = "golden.json"
#: Keys of a route that decide how its model is loaded and tested; all others may change without a new application.
_LOADING: Final = ("allow_pickle", "inputs", "outputs", "resolved", "sha256", "steps", "tolerance")
#: Code of the gateway that nodes must have, too.
CODE: Final = (*PREPARING, "child", "ray_bridge")
_encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Tell a node how to load the model of an archive; `code` is the digest of the gateway that prepared it."""

    code: str
    spec: RouteSpec
    manifest: Manifest
    tensors: RemoteTensors
    has_golden_rows: bool


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_decode: Final = msgspec.json.Decoder(Definition).decode


def read(folder: Path) -> Definition:
    """Return the definition in an unpacked archive, with the paths of this machine; raises ValueError."""
    found = _decode((folder / DEFINITION).read_bytes())
    return replace(found, manifest=_moved(found.manifest, lambda path: str(folder / path)))


def placed(entry: Entry, found: Manifest) -> Manifest:
    """Return the manifest of a model that a cluster serves, its archive being written; raises LoadError."""
    if found.remote is None or entry.child is None:
        return found
    archive = _archive(entry, found)
    app = f"{entry.spec.name}-{digest([archive.sha256, archive.place, entry.cache_dir])}"
    remote = replace(found.remote, model=app, child=entry.child, archive=archive)
    return replace(found, remote=remote, explanation=UNEXPLAINED, inline=False)


def _archive(entry: Entry, found: Manifest) -> ModelArchive:
    cache_dir = Path(entry.cache_dir)
    with tempfile.TemporaryDirectory(dir=_folder(cache_dir), prefix=".draft-") as draft:
        path = Path(draft) / "model.tar"
        _write(path, entry, found)
        sha256, _ = source_files.digest(path)
        stored = Store(cache_dir).keep(path, sha256, f"{sha256}.tar")
    place = entry.spec.executor.artifacts
    archive = ModelArchive(path=stored.path, sha256=sha256, place=str(Path(stored.path).parent))
    if place is None:
        return archive
    if "://" in place:
        return replace(archive, place=place.rstrip("/"), egress=entry.spec.executor.egress)
    told = replace(archive, place=str(Path(entry.spec.base) / place))
    if told.copy is not None:
        _copy(Path(stored.path), told.copy)
    return told


def _folder(cache_dir: Path) -> Path:
    folder = cache_dir / "artifacts"  # old drafts are deleted with old artifacts
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(path: Path, entry: Entry, found: Manifest) -> None:
    cache_dir = Path(entry.cache_dir)
    artifact, tensors = found.artifact, found.remote.tensors if found.remote is not None else None
    if artifact is None or tensors is None:
        raise LoadError("the manifest names no artifact", code="load", hint="run: gateway prepare --retry")
    kept = Path(artifact.path).relative_to(cache_dir).parts[:2]  # artifacts/<sha256>
    definition = Definition(
        code=source_digest(CODE),
        spec=_essential(entry.spec),
        manifest=_moved(found, lambda one: one.removeprefix(f"{cache_dir}{os.sep}")),
        tensors=tensors,
        has_golden_rows=bool(entry.golden) and entry.spec.trial != "off",
    )
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        _add_bytes(tar, DEFINITION, _encode(definition))
        _add_tree(tar, cache_dir, cache_dir.joinpath(*kept))
        if found.compiled is not None:
            _add_tree(tar, cache_dir, Path(found.compiled.path))
        if definition.has_golden_rows:
            _add_bytes(tar, GOLDEN, Path(entry.golden).read_bytes())


def _essential(spec: RouteSpec) -> RouteSpec:
    values: Mapping[str, Any] = {name: getattr(spec, name) for name in _LOADING}
    return RouteSpec(
        path=spec.path, name=spec.name, artifact=spec.artifact, loader=spec.loader, executor=LOCAL, **values
    )


def _moved(found: Manifest, move: Callable[[str], str]) -> Manifest:
    """Return a manifest whose paths in the cache are others, without what a node does not need."""
    artifact, compiled = found.artifact, found.compiled
    if artifact is not None:
        folder = artifact.working_folder
        artifact = replace(artifact, path=move(artifact.path), working_folder=move(folder) if folder else "")
    if compiled is not None:
        compiled = replace(compiled, path=move(compiled.path))
    return replace(found, artifact=artifact, compiled=compiled, explanation=None, remote=None, attachments={})


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _add_tree(tar: tarfile.TarFile, cache_dir: Path, path: Path) -> None:
    """Add a file, or all files below a folder, under their place in the cache."""
    inside = sorted(path.rglob("*")) if path.is_dir() else [path]
    for one in inside:
        if one.is_file():
            info = tarfile.TarInfo(one.relative_to(cache_dir).as_posix())
            info.size = one.stat().st_size
            with one.open("rb") as file:
                tar.addfile(info, file)


def _copy(source: Path, target: Path) -> None:
    """Put the archive where nodes look for it; raises LoadError."""
    if target.exists():
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(source, draft)
        draft.replace(target)
    except OSError as error:
        raise LoadError(
            f"executor.artifacts: the model cannot be written to {target.parent}: {error.strerror or error}",
            code="ray-artifacts",
            hint="name a folder that the gateway may write to and all nodes read, or a URL that you fill yourself",
        ) from error
