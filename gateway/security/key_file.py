"""
The file of keys: ids, scopes and the sha256 of secrets, never a secret. Only its owner may read it.

Written by `gateway key`; people may edit it. Replaced as a whole, so that readers see one state or the other.
"""

import os
import re
import stat
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.errors import GatewayError
from gateway.security import key_lines, key_yaml, plain_fault, token_settings
from gateway.security.api_key import ID
from gateway.security.limits import CallerLimits
from gateway.security.scopes import EXPECTED, is_scope
from gateway.system import atomic, files

#: Some 10,000 keys.
MOST_BYTES: Final = 8 * 1024 * 1024
#: Secrets of one key that count at a time: the one in use, and the one that replaces it.
MOST_SECRETS: Final = 2
#: Permissions of others, which the file must not have.
_OTHERS: Final = 0o077
_SHA256: Final = re.compile("[0-9a-f]{64}")
_TIME: Final = "such as 2027-01-31T00:00:00Z"
#: Keys that this process knows by their lines: more than a file can hold.
_MOST_KNOWN: Final = 65_536


class Secret(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Hold what is known of a secret: the sha256 of its text, and until when it counts."""

    sha256: str
    created: datetime | None = None
    expires: datetime | None = None


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name the command that changed a key last, and the user of the system who gave it."""

    at: datetime
    by: str
    command: str


class Key(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Describe one key. `limits`, also empty ones, take the place of those of every route."""

    id: str
    scopes: tuple[str, ...]
    secrets: tuple[Secret, ...]
    name: str = ""
    created: datetime | None = None
    not_before: datetime | None = None
    expires: datetime | None = None
    revoked: datetime | None = None
    limits: dict[str, Any] | None = None
    changed: Change | None = None


class KeyFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hold the content of the file. `jwt` says whose tokens count; it is read by what verifies them."""

    keys: tuple[Key, ...] = ()
    jwt: dict[str, Any] = {}


def state_of(key: Key, now: datetime) -> str:
    """Return `active`, `expired`, `revoked`, or `early` for a key that does not count yet."""
    if key.revoked is not None:
        return "revoked"
    if key.expires is not None and now >= key.expires:
        return "expired"
    return "early" if key.not_before is not None and now < key.not_before else "active"


def read(path: Path) -> KeyFile | None:
    """
    Return the keys of a file, None where there is no file.

    Raises GatewayError `keys-file` with every fault: a file that others may read or write, one of another user, and
    what is not as it should be.
    """
    try:
        with files.open_regular(path) as stream:
            _must_be_private(path, os.fstat(stream.fileno()))
            content = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        if path.is_symlink():  # of a volume that is not there (yet): to serve everybody until it is would be wrong
            raise _fault(path, "is a link that leads nowhere", "restore what it leads to, or delete the link") from None
        return None
    except OSError as error:
        if (found := files.stat_of(path)) is not None and found.st_uid != os.geteuid():
            _must_be_private(path, found)  # raises: to own it helps where a mode would not
        raise _fault(path, f"cannot be read: {error.strerror}", "make it a file that this user may read") from error
    if len(content) > MOST_BYTES:
        raise _fault(path, f"has more than {MOST_BYTES:,} bytes", "take keys out that nobody uses")
    return parse(path, content)


def parse(path: Path, content: bytes) -> KeyFile:
    """Return the keys of a text; raises GatewayError `keys-file` with every fault."""
    if (written := _written(content)) is not None:
        return written
    try:
        found = key_yaml.load(content)
    except key_yaml.Unreadable as error:
        raise _fault(path, error.what, error.hint) from None
    if found is None:
        # An editor empties a file before it writes it: nobody meant to lock every caller out.
        raise _fault(path, "is empty", "restore it; `keys: []` alone says that there is no key, and serves nobody")
    if not isinstance(found, dict) or not isinstance(found.get("keys", []), list | None):
        raise _fault(path, "holds no list of keys", "write `keys:` and below it `- id: …`, as docs/keys.md shows")
    if unknown := [str(name) for name in found if name not in KeyFile.__struct_fields__]:
        raise _fault(
            path, f"has the unknown key {unknown[0][:40]!r}", "it takes keys and jwt: delete it, or correct it"
        )
    entries = found.get("keys") or []
    keys = [_key(entry) for entry in entries]
    faults = [f"keys[{at}]{_whose(entries[at])}{one}" for at, one in enumerate(keys) if isinstance(one, str)]
    whole = [one for one in keys if isinstance(one, Key)]
    faults += _repeated(whole)
    jwt = found.get("jwt") or {}
    faults += _faults_of_jwt(jwt)
    if faults:
        raise _fault(
            path, "is not as it should be:\n  " + "\n  ".join(faults), "mend what is named, or restore the file"
        )
    return KeyFile(tuple(whole), jwt)


def write(path: Path, content: KeyFile) -> None:
    """Replace the file, readable by its owner only; raises OSError."""
    with atomic.replacing(path, durable=True) as draft:
        draft.touch(mode=0o600, exist_ok=False)
        keys, jwt = msgspec.to_builtins((content.keys, content.jwt))
        draft.write_text(key_lines.text_of(keys, jwt), encoding="utf-8")


def _whose(entry: Any) -> str:
    """Return the id of an entry that is not as it should be, where it has one."""
    id = entry.get("id") if isinstance(entry, dict) else None
    return f" ({id})" if isinstance(id, str) and ID.fullmatch(id) else ""


def _key(entry: Any) -> Key | str:
    """Return a key, or what is wrong with it."""
    try:
        key = msgspec.convert(entry, Key, strict=True)
    except msgspec.ValidationError as error:
        return f": {plain_fault.told(error, Key.__struct_fields__)}" + (
            f"; expected {_TIME}" if "datetime" in str(error) else ""
        )
    if not ID.fullmatch(key.id):
        return ".id: expected the id that `gateway key create` gave: 8 characters of a-z and 2-7"
    if wrong := [scope for scope in key.scopes if not is_scope(scope)]:
        return f".scopes: {wrong[0][:80]!r} is no scope; expected {EXPECTED}"
    if not 1 <= len(key.secrets) <= MOST_SECRETS:
        return f".secrets: expected 1 or {MOST_SECRETS}"
    if not all(_SHA256.fullmatch(secret.sha256) for secret in key.secrets):
        return ".secrets: sha256 is not 64 hexadecimal digits"
    try:
        CallerLimits.parse(key.limits or {})
    except ValueError as error:
        return f".limits: {error}"
    changed = None if key.changed is None else key.changed.at
    times = (key.created, key.not_before, key.expires, key.revoked, changed, *(one.expires for one in key.secrets))
    if any(time is not None and time.tzinfo is None for time in times):
        return f": a time has no zone; expected {_TIME}"
    return key


def _faults_of_jwt(section: Any) -> list[str]:
    if not isinstance(section, dict):
        return ["jwt: expected a mapping"]
    try:
        if section:
            token_settings.parse(section)
    except ValueError as error:
        return [f"jwt: {error}"]
    return []


def _repeated(keys: Sequence[Key]) -> list[str]:
    seen: set[str] = set()
    return [f"the id {key.id} stands there twice" for key in keys if key.id in seen or seen.add(key.id)]  # type: ignore[func-returns-value]


@lru_cache(maxsize=_MOST_KNOWN)
def _written_key(block: str) -> Key | None:
    """Return the key of lines that a command wrote; the same lines are the same object."""
    values = key_lines.values_of(block)
    key = None if values is None else _key(values)
    return key if isinstance(key, Key) else None


def _written(content: bytes) -> KeyFile | None:
    """Return the keys of a file that no hand has edited; None of one that has to be read, and judged, as YAML."""
    blocks = key_lines.blocks(content)
    if blocks is None:
        return None
    keys, jwt = [_written_key(block) for block in blocks.keys], key_lines.jwt_of(blocks.jwt)
    whole = [key for key in keys if key is not None]
    if len(whole) < len(keys) or jwt is None or _repeated(whole) or _faults_of_jwt(jwt):
        return None
    return KeyFile(tuple(whole), jwt)


def _must_be_private(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise _fault(
            path, f"belongs to user {found.st_uid}, and this is user {os.geteuid()}", f"chown {os.geteuid()} {path}"
        )
    if found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise _fault(path, f"has mode {mode:04o}: others may read or write it", f"chmod 600 {path}")


def _fault(path: Path, what: str, hint: str) -> GatewayError:
    return GatewayError(f"the file of keys {path} {what}", code="keys-file", hint=hint)
