"""
The public keys that tokens are verified with, as a worker knows them: a file, which the arbiter keeps up to date.

A worker opens no connection for a request. A token of an unknown key only leaves a mark, at most once a second, and the
arbiter decides whether to ask the issuer.
"""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.security.token_settings import TokenSettings
from gateway.system.file_change import FileChange

LOOK_S: Final = 0.5
_MARK_S: Final = 1.0
_LEAST_RSA_BITS: Final = 2048
#: Type of a key -> beginnings of the algorithms that it can verify.
_ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("EdDSA",)}
#: Members of a key that are public; a set that also holds private ones is read without them.
_PUBLIC: Final = frozenset(("kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"))


class StoredKeySet(msgspec.Struct, frozen=True):
    """Hold a key set as the arbiter keeps it, with the address that was asked for it (`TokenSettings.address`)."""

    url: str
    keys: list[dict[str, Any]]


class VerifyingKey(msgspec.Struct, frozen=True):
    """Hold one public key, and the algorithms that a token may name with it."""

    key: Any
    algorithms: tuple[str, ...]


class KeySet:
    """Look keys up by the id that a token names; looks at the file at most each half second."""

    def __init__(self, path: Path, wanted: Path, settings: TokenSettings) -> None:
        self._path, self._wanted, self._settings = path, wanted, settings
        self._change = FileChange(path)
        self._looked_at = time.monotonic()
        self._marked_at = 0.0
        #: Changes with the keys, so that what was verified before is verified again.
        self.version = 0
        self._keys = self._read()

    def look(self) -> None:
        """Read the file again if it is time (without a key it always is), and it is another one."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_S or not self._keys:
            self._looked_at = now
            if self._change.has_changed():
                self._keys = self._read() or self._keys
                self.version += 1

    def find(self, kid: str | None, algorithm: str) -> VerifyingKey | None:
        """
        Return the key of an id that suits an algorithm: keys of different types may share an id (RFC 7517, 4.5).

        A token without an id has the only key that suits, if there is one.
        """
        if kid is not None:
            return next((key for key in self._keys.get(kid, ()) if algorithm in key.algorithms), None)
        suiting = [key for keys in self._keys.values() for key in keys if algorithm in key.algorithms]
        return suiting[0] if len(suiting) == 1 else None

    def is_known(self, kid: str | None) -> bool:
        """Say whether there is a key of this id."""
        return kid is None or kid in self._keys

    @property
    def is_empty(self) -> bool:
        """Say whether no key is there (yet)."""
        return not self._keys

    def ask(self) -> None:
        """Leave the mark that says: a token names a key that is not in the set."""
        now = time.monotonic()
        if now - self._marked_at >= _MARK_S:
            self._marked_at = now
            with suppress(OSError):
                self._wanted.touch(mode=0o600)

    def _read(self) -> Mapping[str, list[VerifyingKey]]:
        try:
            found = json.loads(self._path.read_bytes())
            if self._settings.is_fetched and found["url"] != self._settings.address:
                return {}
            keys: dict[str, list[VerifyingKey]] = {}
            for kid, key in _usable(found["keys"], self._settings.algorithms):
                keys.setdefault(kid, []).insert(0, key)  # of two that suit, the last one counts
            return keys
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}


def _usable(keys: Iterable[Any], allowed: Iterable[str]) -> Iterable[tuple[str, VerifyingKey]]:
    """Yield the keys that may verify signatures, by id; others (of encryption, secrets, weak ones) are left out."""
    jwt = import_module("jwt")
    for number, jwk in enumerate(keys):
        if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
            continue
        public = {name: value for name, value in jwk.items() if name in _PUBLIC}
        begins = _ALGORITHMS.get(str(public.get("kty")), ())
        suiting = tuple(name for name in allowed if name.startswith(begins) and begins and jwk.get("alg", name) == name)
        try:
            key = jwt.PyJWK(public).key
        except Exception:  # noqa: S112 - what PyJWT raises about JSON of others is not bounded; the other keys count
            continue
        if suiting and not (begins[0] == "RS" and key.key_size < _LEAST_RSA_BITS):
            yield str(jwk.get("kid", f"\0{number}")), VerifyingKey(key, suiting)
