"""Failing routes of a change: the failures that refuse it, and the committed versions that continue to serve."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gateway.artifacts.manifest import Manifest
from gateway.generations.snapshot import Snapshot
from gateway.registry.spec import RegistrySpec


def has_bytes(found: Manifest) -> bool:
    """Say whether the artifact of a manifest is still in the cache."""
    return found.artifact is None or Path(found.artifact.path).exists()


def newly_failing(before: Snapshot, registry: RegistrySpec, manifests: Mapping[str, Manifest]) -> dict[str, Manifest]:
    """Return the added or changed routes that fail; a route that failed before for the same reason blocks no change."""
    old_specs = {spec.name: spec for spec in before.registry.routes}
    failing = {}
    for spec in registry.routes:
        found = manifests[spec.name]
        if found.problem is None:
            continue
        old = before.manifests.get(spec.name)
        failed_alike = old is not None and old.problem is not None and old.key == found.key
        if failed_alike and old_specs[spec.name].artifact == spec.artifact:
            continue
        if before.fallbacks.get(spec.name) == found.key:
            continue
        failing[spec.path] = found
    return failing


def keep_working(
    before: Snapshot, registry: RegistrySpec, manifests: dict[str, Manifest]
) -> tuple[RegistrySpec, dict[str, Manifest], dict[str, str]]:
    """
    Replace each route that fails now and served before by its committed version.

    Not for failures of correctness or safety: the committed version may have the same. `before` has been checked by
    the current code.
    """
    old_specs = {spec.name: spec for spec in before.registry.routes}
    fallbacks = {}
    specs, kept = [], dict(manifests)
    for spec in registry.routes:
        old = before.manifests.get(spec.name)
        problem = manifests[spec.name].problem
        is_covered = problem is not None and not problem.is_about_right_or_safe
        if is_covered and old is not None and old.problem is None and has_bytes(old):
            fallbacks[spec.name] = manifests[spec.name].key
            kept[spec.name] = old
            specs.append(replace(old_specs[spec.name], path=spec.path))
        else:
            specs.append(spec)
    return replace(registry, routes=tuple(specs)), kept, fallbacks


def fallback_text(fallbacks: Mapping[str, str], manifests: Mapping[str, Manifest]) -> str:
    lines = []
    for name in fallbacks:
        problem = manifests[name].problem
        lines.append(f"{name}: {problem.message if problem else 'failed'}; its committed version goes on serving")
    return "\n".join(lines)
