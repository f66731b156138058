"""Audit lines for changes of what a gateway serves and whom: from its history, its file of keys, its quarantines."""

from collections.abc import Iterator

from gateway.generations.history import Event
from gateway.security import audit
from gateway.security.key_file import Key, KeyFile

#: Routes that a line names of each kind.
_MOST_NAMED = 20


def tell_event(event: Event) -> None:
    """Record an attempt to change the committed generation; one that changed nothing is none."""
    if event.result == "unchanged":
        return
    named = {kind: _shown(getattr(event, kind)) for kind in ("added", "changed", "removed") if getattr(event, kind)}
    audit.changed(
        who=event.source or "unknown",
        what="registry",
        result=event.result,
        generation=event.generation,
        faults=event.faults,
        **named,
    )


def tell_keys(before: KeyFile, now: KeyFile) -> None:
    """Record which keys were created, rotated, revoked, deleted or given other rights."""
    for what, id in _key_changes({key.id: key for key in before.keys}, {key.id: key for key in now.keys}):
        audit.changed(who="the file of keys", what=f"key {what}", result="counts", key=id)


def tell_quarantine(route: str, *, is_closed: bool) -> None:
    """Record that a route was closed for its model, or opened again."""
    audit.changed(who="gateway", what="quarantine", result="closed" if is_closed else "opened", route=route)


def _key_changes(before: dict[str, Key], now: dict[str, Key]) -> Iterator[tuple[str, str]]:
    yield from (("deleted", id) for id in before.keys() - now.keys())
    for id, key in now.items():
        known = before.get(id)
        if known is None:
            yield "created", id
        elif key != known:
            is_revoked = key.revoked is not None and known.revoked is None
            is_rotated = [one.sha256 for one in key.secrets] != [one.sha256 for one in known.secrets]
            yield ("revoked" if is_revoked else "rotated" if is_rotated else "edited"), id


def _shown(names: tuple[str, ...]) -> list[str]:
    more = [f"and {len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
    return [*names[:_MOST_NAMED], *more]
