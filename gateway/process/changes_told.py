"""Audit lines for changes of what a gateway serves and whom: from its history, its file of keys, its quarantines."""

from collections.abc import Iterator

import msgspec

from gateway.generations.history import Event
from gateway.security import audit
from gateway.security.key_file import Change, Key, KeyFile

#: Who changed a key, where no command left its user in the file.
_BY_HAND = "the file of keys"
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
    """Record which keys were created, rotated, revoked, deleted or given other rights, and who did it."""
    known = {key.id: key for key in before.keys}
    for key in now.keys:
        earlier = known.pop(key.id, None)
        for what in _changes(earlier, key):
            _tell_key(what, key, _change(earlier, key))
    for key in known.values():
        _tell_key("deleted", key, None)
    if before.jwt != now.jwt:
        audit.changed(who=_BY_HAND, what="jwt", result="counts")


def tell_quarantine(route: str, *, is_closed: bool) -> None:
    """Record that a route was closed for its model, or opened again."""
    audit.changed(who="gateway", what="quarantine", result="closed" if is_closed else "opened", route=route)


def _changes(known: Key | None, now: Key) -> Iterator[str]:
    """Yield what became of a key; several commands may have changed it since it was looked at last."""
    is_revoked = now.revoked is not None and (known is None or known.revoked is None)
    if known is None:
        yield "created"
    else:
        is_rotated = [one.sha256 for one in now.secrets] != [one.sha256 for one in known.secrets]
        if is_rotated:
            yield "rotated"
        same = msgspec.structs.replace(
            known,
            changed=now.changed,
            secrets=now.secrets if is_rotated else known.secrets,
            revoked=now.revoked if is_revoked else known.revoked,
        )
        if same != now:
            yield "edited"
    if is_revoked:
        yield "revoked"


def _change(known: Key | None, now: Key) -> Change | None:
    """Return the command that changed a key; None for an edit by hand, which leaves that of an earlier change there."""
    before = None if known is None else known.changed
    is_new = now.changed is not None and (before is None or now.changed.at > before.at)
    return now.changed if is_new else None


def _tell_key(what: str, key: Key, change: Change | None) -> None:
    who, command = (_BY_HAND, "") if change is None else (change.by, change.command)
    audit.changed(who=who, what=f"key {what}", result="counts", key=key.id, called=key.name, command=command)


def _shown(names: tuple[str, ...]) -> list[str]:
    more = [f"and {len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
    return [*names[:_MOST_NAMED], *more]
