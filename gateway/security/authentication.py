"""Authentication: the principal of a credential, whichever kind it is."""

from typing import Protocol

from gateway.errors import UnauthorisedError
from gateway.security.api_key import PREFIX
from gateway.security.keyring import Keyring
from gateway.security.principal import Principal


class TokenVerifier(Protocol):
    """Verify the tokens of an identity provider; `is_on` says whether one is configured."""

    @property
    def is_on(self) -> bool:
        """Say whether tokens count."""
        ...

    def principal_of(self, text: str) -> Principal:
        """Return the principal of a token; raises UnauthorisedError."""
        ...


class Authenticator:
    """Ask whoever knows a credential: the keyring for API keys, the verifier for all others."""

    __slots__ = ("_always", "keyring", "tokens")

    def __init__(self, keyring: Keyring, tokens: TokenVerifier | None = None, *, always: bool = False) -> None:
        self.keyring = keyring
        self.tokens = tokens
        self._always = always

    @property
    def is_required(self) -> bool:
        """Say whether requests need a credential. Cheap: asked once a request."""
        return self._always or self.keyring.is_configured

    def principal_of(self, credential: str) -> Principal:
        """Return the principal of a key or a token; raises UnauthorisedError."""
        if not credential.startswith(PREFIX):
            if self.tokens is not None and self.tokens.is_on:
                return self.tokens.principal_of(credential)
            raise _no_key(credential)
        return self.keyring.principal_of(credential)


def _no_key(credential: str) -> UnauthorisedError:
    """Return the refusal of a text that is no key; two slips of the pen are told by name."""
    hint = f"keys of a gateway begin with {PREFIX}"
    if credential.startswith(("$", "%", "{")):
        hint = "it is the name of a variable: put the header field into double quotes, so that the shell fills it in"
    elif credential.lower().startswith("bearer"):
        hint = "send the key alone as `X-API-Key`; Bearer belongs to Authorization"
    return UnauthorisedError("what was sent is no key of this gateway", hint=hint)
