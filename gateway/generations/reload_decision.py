"""
Decide what becomes of an attempt to change what is served: refused, unchanged or committed.

Pure: knows specs, manifests and events, and writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from gateway.artifacts.manifest import Manifest
from gateway.generations import history, snapshot
from gateway.generations.difference import difference, needs_roll
from gateway.generations.fallback import fallback_text, keep_working, newly_failing
from gateway.generations.history import Event
from gateway.generations.snapshot import Snapshot
from gateway.registry.attached_files import problems_of
from gateway.registry.spec import RegistrySpec

Mode: TypeAlias = Literal["reload", "watched", "moved", "force", "cold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    Say what becomes of an attempt.

    `refusal` gives the reasons, `faults` their number; both are empty where nothing is refused. `made` is the
    generation to serve, None where refused; `note` says which routes keep their committed version, and which
    attachments are not shown. `is_change` is false where `made` is committed already.
    """

    made: Snapshot | None = None
    refusal: str = ""
    faults: int = 0
    note: str = ""
    is_change: bool = True


def decide(
    before: Snapshot | None, registry: RegistrySpec, manifests: dict[str, Manifest], *, mode: Mode, source: str = ""
) -> Decision:
    """Compare what is committed with what the registry says and preparing found, as boldly as the mode says."""
    kept, fallbacks = manifests, dict[str, str]()
    if before is not None and mode != "force":
        failing = newly_failing(before, registry, manifests)
        if failing and mode in ("reload", "watched", "moved"):
            reasons = [f"{path}: {found.problem.message}" for path, found in failing.items() if found.problem]
            return Decision(refusal="\n".join(reasons), faults=len(reasons))
        registry, kept, fallbacks = keep_working(before, registry, manifests)
    made = replace(snapshot.make(registry, kept, source=source), fallbacks=fallbacks)
    is_same = before is not None and (before.id, before.fallbacks) == (made.id, made.fallbacks)
    hidden = [line for spec in registry.routes for line in problems_of(spec, kept[spec.name])]
    note = "\n".join(filter(None, [fallback_text(fallbacks, manifests), *hidden]))
    return Decision(made=made, note=note, is_change=not is_same)


def previous(events: Sequence[Event], committed: str | None) -> str | None:
    """Return the generation under the committed one: going back twice goes two steps back."""
    stack: list[str] = []
    for event in events:
        if event.result == "rolled-back" and event.generation in stack:
            del stack[stack.index(event.generation) + 1 :]
        elif event.result in history.COMMITS and event.generation not in stack[-1:]:
            stack.append(event.generation)
    earlier = [generation for generation in stack if generation != committed]
    return earlier[-1] if earlier else None


def is_rolled_back(events: Sequence[Event], registry_sha256: str) -> bool:
    """Say whether a rollback still holds: it does until something is committed, or the registry is edited."""
    last = next((event for event in reversed(events) if event.result in history.COMMITS), None)
    return last is not None and last.result == "rolled-back" and last.registry_sha256 == registry_sha256


def event_of(result: str, before: Snapshot | None, made: Snapshot, **more: Any) -> Event:
    """Return the event of a commit: the routes that it adds, changes and removes, and whether workers are replaced."""
    change = difference(before, made)
    return Event(
        result=result,
        generation=made.id,
        added=change.added,
        changed=change.changed,
        removed=change.removed,
        roll=needs_roll(before, made, change),
        **more,
    )
