"""
Compute the cache key of a registry entry, and keep its verified bytes.

The key covers everything that affects the result: bytes, golden rows, keys of the route, packages, our own code.
"""

import hashlib
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from gateway import __version__
from gateway.artifacts import bundle_folders, code_folders, code_listing, golden_rows, manifest, source_files
from gateway.artifacts.code_listing import locate_code
from gateway.artifacts.digests import Digests
from gateway.artifacts.manifest import Manifest, StoredArtifact
from gateway.artifacts.remote import ChildSpec
from gateway.artifacts.resolution import must_be_unaltered, must_serve
from gateway.artifacts.store import Store
from gateway.compilers import compiler_versions
from gateway.errors import GatewayError
from gateway.explainers import explainer_versions
from gateway.loaders import package_versions
from gateway.prepare import code_files
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entry import Entry
from gateway.registry.attached_files import GOLDEN
from gateway.registry.spec import RouteSpec
from gateway.system import files
from gateway.system.gateway_code import PREPARING, source_digest

#: Keys of a route that affect the result of preparing; all others may change without preparing again.
LOAD_KEYS = (
    "loader",
    "inputs",
    "outputs",
    "sha256",
    "allow_pickle",
    "allow_types",
    "accept_version",
    "tolerance",
    "compile",
    "trial",
    "steps",
)


def make_entry(spec: RouteSpec, cache_dir: Path, digests: Digests, store: Store, limits: PrepareLimits) -> Entry:
    """Locate, hash, verify and store the artifact, code together with the files that it reads; raises ArtifactError."""
    if spec.reference:
        must_serve(spec.reference, spec.resolved)
    for named in _of_executor(spec):
        store.must_lie_inside(named)
    if spec.is_elsewhere:
        # By name: nothing that asks servers is imported where no route needs it.
        stored = import_module("gateway.prepare.upstream").keep_metadata(spec, cache_dir, store)
        return _entry(spec, stored, _golden(golden_path(spec, []), store), cache_dir, digests)
    if spec.executor.kind == "process":
        return _process_entry(spec, cache_dir, digests, store, limits)
    if code_files.has_code_files(spec):
        return _code_entry(spec, cache_dir, digests, store, limits)
    paths = [source_files.locate(Path(spec.base), source) for source in spec.places]
    hashes = []
    for path, pin in zip(paths, spec.pins, strict=True):
        store.admit(path)
        hashes.append(digests.digest(path))
        source_files.verify(path, hashes[-1], pin, is_reference=bool(spec.reference))
    if spec.resolved is not None:
        must_be_unaltered(spec.resolved, hashes[0])
    rows = _golden(golden_path(spec, paths), store)
    stored = store.keep(paths[0], hashes[0]) if len(paths) == 1 else bundle_folders.keep(store, paths, hashes)
    if spec.reference:
        stored = replace(stored, origin=spec.reference)
    child = None
    if spec.executor.kind == "h2o_server":
        child = import_module("gateway.prepare.h2o_server_entry").child_of(spec, stored, cache_dir)
    return _entry(spec, stored, rows, cache_dir, digests, child=child or _bridge(spec, cache_dir))


def _bridge(spec: RouteSpec, cache_dir: Path) -> ChildSpec | None:
    """Return how the bridge to the cluster is started that serves a route; None where none does."""
    if spec.executor.kind != "ray":
        return None
    found: ChildSpec = import_module("gateway.prepare.ray_entry").child_of(spec, cache_dir)
    return found


def _of_executor(spec: RouteSpec) -> list[Path]:
    """Return the files and folders that `executor` of a route names."""
    keys = spec.executor
    python = keys.python if keys.python and "/" in keys.python else None
    shared = keys.artifacts if keys.artifacts and "://" not in keys.artifacts else None
    named = (keys.headers_from, keys.ca, keys.jar, keys.requirements, keys.environment, keys.token, python, shared)
    return [Path(spec.base) / text for text in named if text]


def _golden(rows: Path | None, store: Store) -> Path | None:
    """Return golden rows that may be read; raises ArtifactError for others."""
    if rows is not None:
        store.must_lie_inside(rows)
        golden_rows.refuse_long(rows)
    return rows


def _code_entry(spec: RouteSpec, cache_dir: Path, digests: Digests, store: Store, limits: PrepareLimits) -> Entry:
    """Keep code with what its route lists and what a run of it opens; the pin is verified before it runs."""
    place, code = locate_code(Path(spec.base), spec.sources[0])
    listed = {path: digests.digest(path) for path in code_listing.listed(Path(spec.base), place, spec.files)}
    listed.pop(code, None)
    for path in (code, *listed):
        store.admit(path)
    sha256 = digests.digest(code)
    source_files.verify(place, code_folders.pin_of(code, sha256, listed), spec.pins[0])
    rows = _golden(golden_path(spec, [place]), store)
    found = code_files.find(
        spec, code, sha256, cache_dir=cache_dir, limits=limits, digests=digests, golden=str(rows or "")
    )
    listed = {path: digest for path, digest in listed.items() if str(path) not in found.written}
    files = {**{Path(name): digest for name, digest in found.files.items()}, **listed}
    root = code_folders.root_of(Path(spec.base), code)
    stored = code_folders.keep(store, root, code, sha256, files)
    if found.working_folder:
        stored = code_folders.working_in(stored, root, Path(found.working_folder), writes=found.writes_there)
    return _entry(spec, stored, rows, cache_dir, digests, child=_bridge(spec, cache_dir))


def _process_entry(spec: RouteSpec, cache_dir: Path, digests: Digests, store: Store, limits: PrepareLimits) -> Entry:
    """Keep the model and the files that its route lists, and find the environment of its process."""
    # By name: nothing that builds environments is imported where no route needs it.
    kind = import_module("gateway.prepare.process_entry")
    stored = kind.keep_model(spec, store, digests)
    rows = _golden(golden_path(spec, [source_files.locate(Path(spec.base), source) for source in spec.places]), store)
    child, notes = kind.child_of(spec, stored, cache_dir, limits, store)
    if spec.reference:
        stored = replace(stored, origin=spec.reference)
    return _entry(spec, stored, rows, cache_dir, digests, child=child, notes=notes)


def entry_of(spec: RouteSpec, found: Manifest, cache_dir: Path, digests: Digests) -> Entry | None:
    """
    Return the entry of the bytes that a generation keeps, whatever their origins hold now; None without an artifact.

    Its golden rows are the kept ones. Those of a generation that scored some and keeps none count only if the artifact
    beside them is still the stored one.
    """
    if found.artifact is None:
        return None
    kept = found.attachments.get(GOLDEN)
    if kept is not None and kept.path and Path(kept.path).exists():
        rows: Path | None = Path(kept.path)
    else:
        rows = _golden_of(spec, found.artifact, digests) if found.golden is not None else None
    child = found.remote.child if found.remote is not None else None
    return _entry(spec, found.artifact, rows, cache_dir, digests, child=child)


def _entry(
    spec: RouteSpec,
    stored: StoredArtifact,
    rows: Path | None,
    cache_dir: Path,
    digests: Digests,
    *,
    child: ChildSpec | None = None,
    notes: tuple[str, ...] = (),
) -> Entry:
    return Entry(
        spec=spec,
        child=child,
        notes=notes,
        key=_key(spec, stored, digests.digest(rows) if rows else "", child.name if child else ""),
        artifact=stored,
        cache_dir=str(cache_dir),
        golden=str(rows) if rows else "",
    )


def _golden_of(spec: RouteSpec, stored: StoredArtifact, digests: Digests) -> Path | None:
    origins = [Path(source.origin) for source in stored.sources]
    try:
        is_same = all(digests.digest(Path(source.origin)) == source.sha256 for source in stored.sources)
        return golden_path(spec, origins) if is_same else None
    except GatewayError:
        return None


def golden_path(spec: RouteSpec, sources: Sequence[Path]) -> Path | None:
    """Return the golden rows of an artifact: those that the route names, else those beside it, else None."""
    if spec.golden is not None:
        return source_files.locate(Path(spec.base), spec.golden)
    if not sources:
        return None
    if spec.loader == "python" and sources[-1].is_dir():
        inside = sources[-1] / "golden.json"
        return inside if files.stat_of(inside) is not None else None
    for inside in source_files.extra_files(sources[-1], "golden.json"):
        return inside
    beside = sources[-1].parent / "golden.json"
    # The golden.json of a folder with several models can belong to one of them only.
    return beside if files.stat_of(beside) is not None and are_alone(sources) else None


def are_alone(sources: Sequence[Path]) -> bool:
    """Say whether no other file of this kind lies beside an artifact, so that a golden.json there must be its own."""
    suffixes = {source.suffix for source in sources}
    beside = {path for path in sources[-1].parent.iterdir() if path.suffix in suffixes and path.name != "golden.json"}
    return beside <= set(sources)


def _key(spec: RouteSpec, stored: StoredArtifact, golden: str, child: str) -> str:
    values: dict[str, Any] = {name: getattr(spec, name) for name in LOAD_KEYS}
    values["outputs"] = asdict(spec.outputs)
    values["executor"] = spec.executor.preparing
    values["child"] = child
    values |= {
        "artifact": [stored.sha256, Path(stored.path).name, source_files.split_entry(spec.places[-1])[1]],
        "is_reference": spec.resolved is not None,
        "working_folder": stored.working_folder,
        "golden": golden,
        "versions": package_versions(spec.loader) | compiler_versions(spec.loader) | explainer_versions(spec.loader),
        "gateway": [__version__, manifest.MANIFEST_FORMAT, source_digest(PREPARING)],
        "python": [platform.python_version(), platform.machine(), sys.platform],
        # Python code may import modules beside it, so the same file in another folder is another model.
        "origin": stored.origin if spec.loader == "python" else "",
        "name": spec.name if spec.executor.kind in ("upstream", "ray") else "",
    }
    return hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest()[:32]
