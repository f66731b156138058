"""
Check a committed generation again with the current code: an upgrade may refuse what an older version accepted.

A manifest holds for the code and the packages that made it, which are part of its key. Others are prepared again from
the stored bytes; a route that then fails for correctness or safety does not serve, committed or not.
"""

import itertools
import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from gateway.artifacts.digests import Digests
from gateway.artifacts.manifest import Manifest
from gateway.errors import GatewayError
from gateway.generations import snapshot
from gateway.generations.fallback import has_bytes
from gateway.generations.snapshot import Snapshot
from gateway.prepare.cache_key import entry_of
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import DIGESTS, KeyTurns, Progress, prepare_entry
from gateway.registry.spec import RouteSpec

log = logging.getLogger("gateway.rejudge")


def is_current(found: Snapshot, cache_dir: Path) -> bool:
    """Say whether every model that a generation serves was judged by the code and packages of this process."""
    digests = Digests(cache_dir / DIGESTS)
    return all(_is_current(spec, found.manifests[spec.name], digests) for spec in found.registry.routes)


def rechecked(
    found: Snapshot, cache_dir: Path, limits: PrepareLimits, progress: Progress = lambda done, total: None
) -> Snapshot:
    """
    Return the generation with manifests of the current code; the same object if it has them already.

    A model that cannot be checked for external reasons (the time limit, a package that was removed) keeps its manifest.
    A model that fails for correctness or safety is FAILED in the new generation.
    """
    digests = Digests(cache_dir / DIGESTS)
    turns = KeyTurns()
    done = itertools.count(1)
    stale = [spec for spec in found.registry.routes if not _is_current(spec, found.manifests[spec.name], digests)]

    def one(spec: RouteSpec) -> Manifest:
        old = found.manifests[spec.name]
        entry = entry_of(spec, old, cache_dir, digests)
        if entry is None or not has_bytes(old):
            return old
        new = turns.found(entry.key, partial(prepare_entry, entry, cache_dir, limits, digests))
        progress(next(done), len(stale))
        is_taken = new.problem is None or new.problem.is_about_right_or_safe
        return replace(new, attachments=old.attachments) if is_taken else old

    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        made = dict(zip((spec.name for spec in stale), pool.map(one, stale), strict=True))
    if all(found.manifests[name] is new for name, new in made.items()):
        return found
    checked = snapshot.make(found.registry, {**found.manifests, **made}, source=found.source)
    return replace(checked, fallbacks=found.fallbacks)


def stopped_routes(before: Snapshot, after: Snapshot) -> Mapping[str, Manifest]:
    """Return path -> manifest of the routes that served before and do not afterwards."""
    return {
        spec.path: after.manifests[spec.name]
        for spec in before.registry.routes
        if before.manifests[spec.name].problem is None and after.manifests[spec.name].problem is not None
    }


def recheck_committed(
    state_dir: Path, before: Snapshot, cache_dir: Path, limits: PrepareLimits, progress: Progress
) -> Snapshot:
    """Check the committed generation with the current code, commit and return the result, which a start serves."""
    checked = rechecked(before, cache_dir, limits, progress)
    for path, found in stopped_routes(before, checked).items():
        if found.problem is not None:
            extra = {"route": path, "code": found.problem.code, "reason": found.problem.message}
            log.error("a committed route stops", extra=extra | {"fix": found.problem.hint})
    if checked is not before:
        snapshot.commit(state_dir, checked)
    return checked


def still_right(earlier: Snapshot, cache_dir: Path, limits: PrepareLimits) -> Snapshot:
    """Return an earlier generation as it may serve now; raises GatewayError where a route of it would stop."""
    checked = rechecked(earlier, cache_dir, limits)
    stopped = stopped_routes(earlier, checked)
    if stopped:
        reasons = [f"{path}: {found.problem.message}" for path, found in stopped.items() if found.problem is not None]
        raise GatewayError(
            f"generation {earlier.id} cannot be served as it was: {'; '.join(reasons)}",
            code="generation-stopped",
            hint="roll back to another one (gateway history lists them), or mend what is named and: gateway reload",
        )
    return checked


def _is_current(spec: RouteSpec, found: Manifest, digests: Digests) -> bool:
    entry = entry_of(spec, found, Path(), digests) if found.problem is None else None
    return entry is None or entry.key == found.key
