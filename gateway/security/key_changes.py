"""
Changes of the file of keys: create, rotate, revoke; each is one replacement of the file, under a lock.

`by` is the user of the system who changes it: the audit log of a running gateway names that user.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from gateway.errors import GatewayError
from gateway.security import api_key, key_file
from gateway.security.key_file import Change, Key, KeyFile, Secret
from gateway.system import atomic, files, locks, obstacles
from gateway.system.suggest import did_you_mean

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Issued:
    """
    Hold a key with its text, which nothing but this object knows.

    `ended` is a secret that counted until now and was to count for longer.
    """

    key: Key
    text: str
    ended: Secret | None = None


def create(
    path: Path,
    scopes: Sequence[str],
    now: datetime,
    *,
    name: str = "",
    not_before: datetime | None = None,
    expires: datetime | None = None,
    limits: Mapping[str, Any] | None = None,
    by: str = "",
    keep: Callable[[str], None] | None = None,
) -> Issued:
    """
    Add a key, and the file with it where there is none yet.

    `keep` gets the text before anything changes: a key that nobody could keep is not made.
    """

    def added(content: KeyFile) -> tuple[KeyFile, Issued]:
        taken = {key.id for key in content.keys}
        id = next(one for one in iter(api_key.new_id, "") if one not in taken)
        text = _new(id, keep)
        own = None if limits is None else dict(limits)
        key = Key(
            id,
            tuple(scopes),
            (_secret(text, now),),
            name,
            now,
            not_before,
            expires,
            limits=own,
            changed=_change("create", by),
        )
        return msgspec.structs.replace(content, keys=(*content.keys, key)), Issued(key, text)

    return _changed(path, added)


def rotate(
    path: Path, id: str, now: datetime, until: datetime, *, by: str = "", keep: Callable[[str], None] | None = None
) -> Issued:
    """
    Give a key a new secret; the one before counts until `until`, an older one no more.

    Raises GatewayError for an id that is not there, or is revoked.
    """

    def rotated(content: KeyFile) -> tuple[KeyFile, Issued]:
        key = _named(content, id)
        if key.revoked is not None:
            raise GatewayError(
                f"the key {id} is revoked", code="key-revoked", hint="`gateway key create` makes another one"
            )
        text = _new(id, keep)
        last = key.secrets[-1]
        ends = until if last.expires is None else min(until, last.expires)
        kept = () if ends <= now else (msgspec.structs.replace(last, expires=ends),)
        ended = next((one for one in key.secrets[:-1] if one.expires is None or one.expires > now), None)
        key = msgspec.structs.replace(key, secrets=(*kept, _secret(text, now)), changed=_change("rotate", by))
        return _with(content, key), Issued(key, text, ended)

    return _changed(path, rotated)


def revoke(path: Path, id: str, now: datetime, *, by: str = "") -> Key:
    """Let a key count no more; its line stays, so that lists and logs say whose it was. Raises GatewayError."""

    def revoked(content: KeyFile) -> tuple[KeyFile, Key]:
        key = _named(content, id)
        if key.revoked is None:
            key = msgspec.structs.replace(key, revoked=now, changed=_change("revoke", by))
        return _with(content, key), key

    return _changed(path, revoked)


def _changed(path: Path, change: Callable[[KeyFile], tuple[KeyFile, T]]) -> T:
    """Read, change and replace the file, where a link leads to it too; two changes at a time take turns."""
    path = files.resolved(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locks.locked(path.with_name(f".{path.name}.lock")):
            atomic.forget_drafts(path)  # of commands that were killed
            content, told = change(key_file.read(path) or KeyFile())
            key_file.write(path, content)
    except OSError as error:
        why, hint = obstacles.told(path.parent, error)
        raise GatewayError(f"the file of keys {path} cannot be written: {why}", code="keys-file", hint=hint) from error
    return told


def _named(content: KeyFile, id: str) -> Key:
    known = {key.id: key for key in content.keys}
    if id not in known:
        hint = did_you_mean(id, known) or "`gateway key list` shows every id"
        raise GatewayError(f"there is no key {id[:40]!r}", code="unknown-key", hint=hint)
    return known[id]


def _with(content: KeyFile, key: Key) -> KeyFile:
    keys = tuple(key if one.id == key.id else one for one in content.keys)
    return msgspec.structs.replace(content, keys=keys)


def _new(id: str, keep: Callable[[str], None] | None) -> str:
    text = api_key.new_text(id)
    if keep is not None:
        keep(text)
    return text


def _change(command: str, by: str) -> Change | None:
    """Return what tells of a command; its time is exact, so that no two of them are the same."""
    return Change(datetime.now(UTC), by, f"gateway key {command}") if by else None


def _secret(text: str, now: datetime) -> Secret:
    return Secret(api_key.parse(text).digest.hex(), now)
