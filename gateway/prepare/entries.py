"""
Prepare all registry entries, each in a child process with limits, and cache the manifests by key.

The parent never imports a framework: it hashes, reads the cache, starts children and reads their reports.
"""

import itertools
import logging
import os
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Protocol, TypeAlias

from gateway.artifacts import manifest
from gateway.artifacts.code_listing import locate_code
from gateway.artifacts.digests import Digests
from gateway.artifacts.manifest import CompiledModel, Manifest
from gateway.artifacts.spare import Spare
from gateway.artifacts.store import DEFAULT_BYTES, Store
from gateway.errors import GatewayError, Problem
from gateway.prepare import code_files
from gateway.prepare.attachments import attach
from gateway.prepare.cache_key import make_entry
from gateway.prepare.child_supervisor import PrepareLimits, run_child
from gateway.prepare.entry import Entry
from gateway.registry.contract import broken_contract
from gateway.registry.spec import RegistrySpec, RouteSpec, encoded

log = logging.getLogger("gateway.prepare")

#: File in the cache that holds the hashes of artifacts.
DIGESTS = "digests.json"
Progress: TypeAlias = Callable[[int, int], object]

#: Problems of the entry itself: another try without a change would only cost the time limit again.
LASTING = frozenset({"prepare-timeout", "prepare-memory", "prepare-crashed"})


class Served(Protocol):
    """Hold what is served now: a registry and the manifest of each of its routes."""

    @property
    def registry(self) -> RegistrySpec:
        """Return the registry."""
        ...

    @property
    def manifests(self) -> Mapping[str, Manifest]:
        """Return the manifests by the names of their routes."""
        ...


def prepare_registry(
    registry: RegistrySpec,
    cache_dir: Path,
    limits: PrepareLimits,
    *,
    retry: bool = False,
    before: Served | None = None,
    progress: Progress = lambda done, total: None,
) -> dict[str, Manifest]:
    """
    Return a manifest for every route, from the cache if its key is known; two children run at a time.

    `retry` prepares entries again whose failure is cached. Routes that `before` serves unchanged are not compiled again
    to check registry against artifact. Any thread calls `progress` with the number of prepared routes and of all
    routes.
    """
    finished = itertools.count(1)
    digests = Digests(cache_dir / DIGESTS)
    store = Store(cache_dir, limits.cache_bytes, registry.server.artifact_roots, partial(_environments, cache_dir))
    served = set() if before is None or before.registry.server != registry.server else _served(before)

    turns = KeyTurns()

    def one(spec: RouteSpec) -> Manifest:
        try:
            prepared = prepare_route(spec, cache_dir, limits, digests, retry=retry, turns=turns, store=store)
            found = attach(spec, prepared, store, digests)
        except Exception as error:
            # Whatever it is, it is of this route: all others are prepared and served.
            log.exception("preparing raised", extra={"route": spec.path})
            progress(next(finished), len(registry.routes))
            return Manifest(key=f"none-{spec.name}", loader=spec.loader, problem=_raised(spec, error))
        progress(next(finished), len(registry.routes))
        if (found.key, encoded(spec)) in served:
            return found
        # Not cached: the cache is about the artifact, and a template may change without preparing again.
        return replace(found, problem=broken_contract(spec, registry.server, found))

    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        found = dict(zip((spec.name for spec in registry.routes), pool.map(one, registry.routes), strict=True))
    digests.save()
    return found


def _raised(spec: RouteSpec, error: Exception) -> Problem:
    return Problem(
        code="prepare-raised",
        message=f"preparing raised {type(error).__name__}: {error}",
        hint=f"run: gateway describe {shlex.join(spec.sources)}",
    )


def _environments(cache_dir: Path) -> Sequence[Spare]:
    """Return the environments in the cache that may go; what knows them is imported only where room is needed."""
    found: Sequence[Spare] = import_module("gateway.environments.kept").spare(cache_dir, cache_dir.parent / "state")
    return found


def _served(before: Served) -> set[tuple[str, bytes]]:
    manifests = ((spec, before.manifests[spec.name]) for spec in before.registry.routes)
    return {(found.key, encoded(spec)) for spec, found in manifests if found.problem is None}


class KeyTurns:
    """Let routes with the same manifest key take turns: the first prepares, the others use its result."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._found: dict[str, Manifest] = {}

    def found(self, key: str, find: Callable[[], Manifest]) -> Manifest:
        """Return the result of `find` for this key, calling it once."""
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            if key not in self._found:
                self._found[key] = find()
            return self._found[key]


def prepare_route(
    spec: RouteSpec,
    cache_dir: Path,
    limits: PrepareLimits,
    digests: Digests,
    *,
    retry: bool = False,
    turns: KeyTurns | None = None,
    store: Store | None = None,
) -> Manifest:
    """Return the manifest of one route; faults of artifact and environment become its `problem`, never an exception."""
    try:
        store = store or Store(cache_dir, limits.cache_bytes)
        entry = make_entry(spec, cache_dir, digests, store, limits)
    except GatewayError as error:
        return Manifest(key=f"none-{spec.name}", loader=spec.loader, problem=error.as_problem())
    turns = turns or KeyTurns()
    return turns.found(entry.key, lambda: prepare_entry(entry, cache_dir, limits, digests, retry=retry))


def prepare_entry(
    entry: Entry, cache_dir: Path, limits: PrepareLimits, digests: Digests, *, retry: bool = False
) -> Manifest:
    """Return the cached manifest of an entry, or the one that a child makes."""
    spec = entry.spec
    path = cache_dir / "manifests" / f"{entry.key}.json"
    known = manifest.read(path)
    if known is not None and _still_holds(known, digests, retry=retry):
        return known
    log.info("preparing", extra={"route": spec.path, "loader": spec.loader})
    started = time.perf_counter()
    found = _placed(entry, run_child(entry, limits))
    log.info(
        "prepared",
        extra={"route": spec.path, "state": found.state, "duration_ms": round(1e3 * (time.perf_counter() - started))},
    )
    for text in found.warnings:
        log.warning("model warning", extra={"route": spec.path, "warning": text})
    try:
        manifest.write(path, found)
    except OSError as error:
        log.warning("cannot remember the manifest", extra={"path": str(path), "reason": str(error)})
    return found


def _placed(entry: Entry, found: Manifest) -> Manifest:
    """Return the manifest, with the archive that nodes load where a cluster serves the model."""
    if entry.spec.executor.kind != "ray" or found.problem is not None:
        return found
    try:
        placed: Manifest = import_module("gateway.prepare.ray_archive").placed(entry, found)
    except GatewayError as error:
        return replace(found, problem=error.as_problem())
    return placed


def _still_holds(known: Manifest, digests: Digests, *, retry: bool) -> bool:
    if known.artifact is None or not Path(known.artifact.path).exists():
        return False
    if known.remote is not None and known.remote.archive is not None and not known.remote.archive.is_there:
        return False
    if known.compiled is not None and not _is_whole(known.compiled, digests):
        return False
    explaining = known.explanation.problem if known.explanation else ""
    codes = {known.compile_problem, explaining, known.problem.code if known.problem else ""} - {""}
    return not codes or (codes <= LASTING and not retry)


def _is_whole(compiled: CompiledModel, digests: Digests) -> bool:
    """Say whether the file of a compiled model is what was proven."""
    try:
        return digests.digest(Path(compiled.path)) == compiled.sha256
    except GatewayError:
        return False


def is_known(registry: RegistrySpec, cache_dir: Path, cache_bytes: int = DEFAULT_BYTES) -> bool:
    """Return whether every manifest is in the cache, so that preparing would start no child."""
    digests, store = Digests(cache_dir / DIGESTS), Store(cache_dir, cache_bytes, registry.server.artifact_roots)
    for spec in registry.routes:
        try:
            if spec.executor.kind == "process" and not import_module("gateway.prepare.process_entry").is_built(
                spec, cache_dir
            ):
                return False
            if code_files.has_code_files(spec):
                _, origin = locate_code(Path(spec.base), spec.sources[0])
                if code_files.remembered(spec, origin, cache_dir, digests) is None:
                    return False
            entry = make_entry(spec, cache_dir, digests, store, PrepareLimits())
        except GatewayError:
            continue
        known = manifest.read(cache_dir / "manifests" / f"{entry.key}.json")
        if known is None or not _still_holds(known, digests, retry=False):
            return False
    return True


def problems(manifests: dict[str, Manifest]) -> Iterable[tuple[str, Problem]]:
    """Yield route name and problem of every entry that failed."""
    return ((name, found.problem) for name, found in manifests.items() if found.problem is not None)
