"""
Verify tokens of an identity provider (JWT, as OpenID Connect makes them), with PyJWT: the extra `jwt`.

The algorithm is one that the operator pinned, and the key decides which of them; nothing that a token says of itself
chooses more than a key. What was verified is remembered by its digest until it expires, a minute at most.
"""

import hashlib
import re
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from gateway.errors import NotReadyError, UnauthorisedError
from gateway.security.key_set import KeySet
from gateway.security.keyring import Keyring
from gateway.security.limits import CallerLimits
from gateway.security.principal import Principal
from gateway.security.token_settings import TokenSettings, parse

#: Seconds by which clocks may differ.
LEEWAY_S: Final = 30
#: A principal that the issuer locks out is asked for again after this long at the latest: its token still counts then.
_REMEMBERED_S: Final = 60.0
_MOST_REMEMBERED: Final = 4096
_MOST_SUBJECT: Final = 200
#: How a name ends that was changed; a subject that ends like that is changed too, or it would be another one's name.
_CHANGED: Final = re.compile("~[0-9a-f]{16}$")
_REQUIRED: Final = ("exp", "iss", "aud", "sub")
_HINT: Final = "get a new token from the issuer that this gateway trusts"
#: Error of PyJWT -> what is wrong with the token.
_WRONG: Final = {
    "ExpiredSignatureError": "is expired",
    "ImmatureSignatureError": "does not count yet",
    "InvalidAudienceError": "is for another audience",
    "InvalidIssuerError": "is of another issuer",
    "InvalidSignatureError": "has a wrong signature",
}


class TokenVerifier:
    """Return the principals of tokens, as the section `jwt` of the file of keys says."""

    def __init__(self, keyring: Keyring, state_dir: Path, run_dir: Path) -> None:
        self._keyring = keyring
        self._fetched, self._wanted = fetched_in(state_dir), wanted_in(run_dir)
        self._section: dict[str, Any] = {}
        self._settings: TokenSettings | None = None
        self._keys: KeySet | None = None
        self._known: dict[bytes, tuple[Principal, float]] = {}
        self._version = 0

    @property
    def is_on(self) -> bool:
        """Say whether the file of keys names an issuer."""
        return bool(self._keyring.content.jwt)

    def principal_of(self, text: str) -> Principal:
        """Return the principal of a token; raises UnauthorisedError, NotReadyError where none can be verified."""
        settings, keys = self._current()
        keys.look()
        if keys.version != self._version:
            self._version = keys.version
            self._known.clear()
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
        known = self._known.get(digest)
        now = time.time()
        if known is not None and now < known[1]:
            return known[0]
        claims = self._verified(text, settings, keys)
        principal = _principal(claims, settings)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[digest] = principal, min(int(claims["exp"]) + LEEWAY_S, now + _REMEMBERED_S)
        return principal

    def _current(self) -> tuple[TokenSettings, KeySet]:
        """Return settings and keys of the section of this moment."""
        section = self._keyring.content.jwt
        if self._settings is None or self._keys is None or section is not self._section:
            if find_spec("jwt") is None or find_spec("cryptography") is None:
                raise NotReadyError(
                    "tokens cannot be verified here: PyJWT is not installed",
                    code="missing-extra",
                    hint="pip install 'multi-model-gateway[jwt]'",
                )
            self._settings = parse(section)
            path = self._fetched if self._settings.is_fetched else self._keyring.path.parent / self._settings.address
            self._keys = KeySet(path, self._wanted, self._settings)
            self._section = section
            self._known.clear()
        return self._settings, self._keys

    def _verified(self, text: str, settings: TokenSettings, keys: KeySet) -> dict[str, Any]:
        jwt = import_module("jwt")
        try:
            head = jwt.get_unverified_header(text)
            kid, algorithm = head.get("kid"), head.get("alg")
            if algorithm not in settings.algorithms:
                raise UnauthorisedError("the token is signed in a way that this gateway does not take", hint=_HINT)
            key = keys.find(kid, algorithm)
            if key is None:
                raise self._unknown(kid, settings, keys)
            claims: dict[str, Any] = jwt.decode(
                text,
                key.key,
                algorithms=[algorithm],
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=LEEWAY_S,
                options={"require": list(_REQUIRED)},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError) as error:
            wrong = _WRONG.get(type(error).__name__, "is not valid")
            raise UnauthorisedError(f"the token {wrong}", hint=_HINT) from None
        return claims

    @staticmethod
    def _unknown(kid: Any, settings: TokenSettings, keys: KeySet) -> UnauthorisedError | NotReadyError:
        if keys.is_empty:
            keys.ask()
            return NotReadyError(
                "tokens cannot be verified yet: the key set of the issuer is not here",
                code="no-key-set",
                hint="`keys` of /health, and the log, say why it could not be fetched; gateway doctor says so too",
            )
        if settings.is_fetched and not keys.is_known(kid):
            keys.ask()
        return UnauthorisedError("the token names no key that this gateway knows", hint=_HINT)


def fetched_in(state_dir: Path) -> Path:
    """Return where the arbiter keeps the last key set that it fetched."""
    return state_dir / "key_set.json"


def wanted_in(run_dir: Path) -> Path:
    """Return the mark of workers that met a token of an unknown key."""
    return run_dir / "key_set.wanted"


def _principal(claims: dict[str, Any], settings: TokenSettings) -> Principal:
    limits = None if settings.limits is None else CallerLimits.parse(settings.limits)
    scopes = settings.scopes_of(claims.get(settings.scope_claim))
    return Principal(f"jwt:{_subject(claims['sub'])}", "jwt", scopes, limits=limits)


def _subject(text: str) -> str:
    """Return the name of a subject for logs and limits; one that is changed for them stays apart from all others."""
    if not text:
        raise UnauthorisedError("the token has an empty subject (`sub`)", hint=_HINT)
    shown = ascii(text)[1:-1] if not text.isprintable() else text
    if shown == text and len(text) <= _MOST_SUBJECT and not _CHANGED.search(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{shown[:_MOST_SUBJECT]}~{digest[:16]}"
