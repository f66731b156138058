"""
What one process knows of the keys: the file as it was when it was last whole.

Workers look at the file ten times a second, and read one that has changed beside their requests; no model is loaded
for it. Once there were keys, there are keys: a file that breaks or vanishes later opens nothing, and the last good
state goes on.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from pathlib import Path
from typing import Final

from gateway.errors import GatewayError, Problem, UnauthorisedError
from gateway.security import api_key, key_file
from gateway.security.key_file import MOST_SECRETS, Key, KeyFile
from gateway.security.limits import CallerLimits
from gateway.security.principal import Principal

_NEVER: Final = float("inf")
#: What no secret has: keeps the number of comparisons the same for each key, known or not.
_NO_DIGEST: Final = bytes(32)
_HINT: Final = "ask whoever runs the gateway for a key (`gateway key create`)"


@dataclass(frozen=True, slots=True)
class _Entry:
    """Hold what a request needs of a key; times are those of time.time()."""

    principal: Principal
    digests: tuple[bytes, ...]
    ends: tuple[float, ...]
    not_before: float
    expires: float
    revoked: bool


_UNKNOWN: Final = _Entry(
    Principal("", "key", frozenset()),
    (_NO_DIGEST,) * MOST_SECRETS,
    (_NEVER,) * MOST_SECRETS,
    0.0,
    _NEVER,
    revoked=False,
)
_Seen = tuple[int, ...]


class Keyring:
    """Hold the keys of one file; made before the workers are forked, so that each begins with what was last whole."""

    __slots__ = ("_by_id", "_content", "_glanced", "_is_reading", "_path", "_seen", "fault")

    #: Why the file of this moment does not count; None while it does.
    fault: Problem | None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: KeyFile | None = None
        self._by_id: Mapping[str, _Entry] = {}
        self._seen: _Seen | None = None
        self._glanced: _Seen | None = None
        self._is_reading = False
        self.fault = None
        self.look()

    @property
    def path(self) -> Path:
        """Return where the file is, or would be."""
        return self._path

    @property
    def is_configured(self) -> bool:
        """Say whether there are keys, or were: then nobody without one is served."""
        return self._content is not None or self.fault is not None

    @property
    def content(self) -> KeyFile:
        """Return the last state of the file that was whole."""
        return self._content or KeyFile()

    def look(self) -> bool:
        """Read the file if it is another one than before; return whether it was. Raises nothing: see `fault`."""
        if self._look() == self._seen:
            return False
        self._read()
        return True

    def has_settled(self) -> bool:
        """
        Say whether the file is another one than before, and as it was at the last question.

        One that an editor is writing may be empty for a moment, or lack the line that revokes a key.
        """
        now = self._look()
        before, self._glanced = self._glanced, now
        return now == before != self._seen

    def look_beside(self, spawn: Callable[[Callable[[], None]], object]) -> None:
        """Ask whether it has settled, and let `spawn` read it then: 10,000 keys take a second the first time."""
        if not self._is_reading and self.has_settled():
            self._is_reading = True
            spawn(self._read)

    def _read(self) -> None:
        try:
            self._seen = self._look()
            self._take()
        finally:
            self._is_reading = False

    def _take(self) -> None:
        try:
            content = key_file.read(self._path)
        except GatewayError as error:
            self.fault = error.as_problem()
            return
        if content is not None:
            before = {key.id: key for key in self.content.keys}
            self._by_id = {
                key.id: self._by_id[key.id] if before.get(key.id) is key else _entry(key) for key in content.keys
            }
            self._content, self.fault = content, None
        elif self._content is not None:
            self.fault = _gone(self._path)
        else:
            self.fault = None

    def principal_of(self, text: str) -> Principal:
        """
        Return the principal of the text of a key; raises UnauthorisedError.

        Unknown ids and wrong secrets are told alike and take the same time; only whoever has the secret is told that a
        key is expired or revoked.
        """
        given = api_key.parse(text)
        entry = self._by_id.get(given.id, _UNKNOWN)
        now = time.time()
        found = False
        for digest, ends in zip(entry.digests, entry.ends, strict=True):
            found |= compare_digest(digest, given.digest) and now < ends
        if not found:
            raise UnauthorisedError("the key is not known here", hint=_HINT)
        if entry.revoked:
            raise UnauthorisedError(f"the key {given.id} is revoked", hint=_HINT)
        if not entry.not_before <= now < entry.expires:
            when = "is expired" if now >= entry.expires else "does not count yet"
            raise UnauthorisedError(f"the key {given.id} {when}", hint=_HINT)
        return entry.principal

    def _look(self) -> _Seen:
        try:
            found = self._path.stat()
        except (OSError, ValueError):
            return ()
        return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size


def _entry(key: Key) -> _Entry:
    spare = MOST_SECRETS - len(key.secrets)
    return _Entry(
        principal=Principal(key.id, "key", frozenset(key.scopes), key.name, _limits(key)),
        digests=(*(bytes.fromhex(secret.sha256) for secret in key.secrets), *(_NO_DIGEST,) * spare),
        ends=(*(_time(secret.expires, _NEVER) for secret in key.secrets), *(_NEVER,) * spare),
        not_before=_time(key.not_before, 0.0),
        expires=_time(key.expires, _NEVER),
        revoked=key.revoked is not None,
    )


def _limits(key: Key) -> CallerLimits | None:
    return None if key.limits is None else CallerLimits.parse(key.limits)


def _time(moment: datetime | None, otherwise: float) -> float:
    return otherwise if moment is None else moment.timestamp()


def _gone(path: Path) -> Problem:
    return Problem(
        code="keys-file",
        message=f"the file of keys {path} is gone",
        hint="restore it; to serve without keys, restart the gateway (make restart)",
    )
