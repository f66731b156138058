"""The section `jwt` of keys.yaml: whose tokens count, how they are signed, and what their claims allow."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from gateway.security import plain_fault
from gateway.security.limits import CallerLimits
from gateway.security.scopes import EXPECTED, is_scope

#: Signatures that a public key verifies. With a secret (HS256) whoever verifies a token could make one.
ALGORITHMS: Final = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
)  # fmt: skip
#: Where an issuer says of itself where its key set is (OpenID Connect Discovery 1.0, section 4).
_DISCOVERY: Final = "/.well-known/openid-configuration"
#: What no address holds as it is.
_ODD: Final = re.compile(r"[\x00-\x20\x7f]")
_LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))


class TokenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Say whose tokens count.

    `jwks` is the key set of the issuer, an https address or a file; without it the issuer is asked where it is.
    `scope_claim` names the claim with the scopes of this gateway; where `scopes` is given, it maps the values of that
    claim to them. `limits` are those of each subject.
    """

    issuer: str
    audience: str
    jwks: str | None = None
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    scope_claim: str = "scope"
    scopes: dict[str, tuple[str, ...]] = {}
    limits: dict[str, Any] | None = None

    @property
    def is_discovered(self) -> bool:
        """Say whether the issuer is asked where its key set is."""
        return self.jwks is None

    @property
    def is_fetched(self) -> bool:
        """Say whether the key set is fetched from an address."""
        return self.jwks is None or "://" in self.jwks

    @property
    def address(self) -> str:
        """Return what is asked for the key set: its own address or file, or that of the issuer's configuration."""
        return discovery_address(self.issuer) if self.jwks is None else self.jwks

    def scopes_of(self, claim: Any) -> frozenset[str]:
        """Return the scopes that the value of the claim stands for: texts in a list, or in one text with blanks."""
        values = claim.split(" ") if isinstance(claim, str) else claim if isinstance(claim, list) else ()
        texts = [value for value in values if isinstance(value, str)]
        if self.scopes:
            return frozenset(scope for text in texts for scope in self.scopes.get(text, ()))
        return frozenset(text for text in texts if is_scope(text))


def parse(section: Mapping[str, Any]) -> TokenSettings:
    """Return the settings of a section; raises ValueError with the first thing that is wrong."""
    try:
        settings = msgspec.convert(section, TokenSettings, strict=True)
    except msgspec.ValidationError as error:
        fields = TokenSettings.__struct_fields__
        raise ValueError(f"{plain_fault.told(error, fields)} (it takes {', '.join(fields)})") from None
    if empty := [name for name in ("issuer", "audience", "jwks", "scope_claim") if getattr(settings, name) == ""]:
        raise ValueError(f"{empty[0]} is empty")
    unknown = [name for name in settings.algorithms if name not in ALGORITHMS]
    if unknown or not settings.algorithms:
        named = repr(unknown[0][:20]) if unknown else "an empty list"
        raise ValueError(f"algorithms: {named}; expected public-key signatures: {', '.join(sorted(ALGORITHMS))}")
    if settings.is_fetched and "@" in settings.address.partition("://")[2].partition("/")[0]:
        name = "issuer" if settings.is_discovered else "jwks"
        raise ValueError(
            f"{name}: its address holds a name or a password, which logs and /health would show; leave it out"
        )
    if settings.is_fetched and not is_safe_address(settings.address):
        if settings.is_discovered:
            raise ValueError("jwks is missing, and issuer is no https address (http on loopback only) to ask for it")
        raise ValueError("jwks: expected an https address (http on loopback only) or a file")
    wrong = [scope for scopes in settings.scopes.values() for scope in scopes if not is_scope(scope)]
    if wrong:
        raise ValueError(f"scopes: {wrong[0][:80]!r} is no scope; expected {EXPECTED}")
    CallerLimits.parse(settings.limits or {})
    return settings


def discovery_address(issuer: str) -> str:
    """Return where an issuer tells its configuration."""
    return issuer.removesuffix("/") + _DISCOVERY


def is_safe_address(address: str) -> bool:
    """Say whether a key set may come from an address: https, or http that stays on this machine."""
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc and not _ODD.search(address)
        return is_whole and (parts.scheme == "https" or is_on_loopback(address))
    except ValueError:
        return False


def is_on_loopback(address: str) -> bool:
    """Say whether an address is one of plain http on this machine; raises ValueError for one that is none."""
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK
