"""An identity provider for tests: keys, tokens, and a real HTTP server of its key set on loopback."""

import http.server
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://id.example"
AUDIENCE = "gateway"


@dataclass
class SigningKey:
    """Hold a private key with its id and the algorithm that it signs with."""

    kid: str
    algorithm: str
    private: Any

    @property
    def public(self) -> dict[str, Any]:
        """Return the key as a key set has it."""
        kind: Any = {"RS": RSAAlgorithm, "ES": ECAlgorithm, "Ed": OKPAlgorithm}[self.algorithm[:2]]
        jwk = kind.to_jwk(self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "use": "sig"}


def rsa_key(kid: str = "r1", bits: int = 2048) -> SigningKey:
    """Make an RSA key."""
    return SigningKey(kid, "RS256", rsa.generate_private_key(public_exponent=65537, key_size=bits))


def ec_key(kid: str = "e1") -> SigningKey:
    """Make a key of the curve P-256."""
    return SigningKey(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))


def ed_key(kid: str = "d1") -> SigningKey:
    """Make a key of the curve Ed25519."""
    return SigningKey(kid, "EdDSA", ed25519.Ed25519PrivateKey.generate())


def claims(**more: Any) -> dict[str, Any]:
    """Return the claims of a good token; None takes one out."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 600, "scope": "predict:/sum catalog"}
    return {name: value for name, value in {**good, **more}.items() if value is not None}


def token(key: SigningKey, head: dict[str, Any] | None = None, **more: Any) -> str:
    """Sign a token."""
    return jwt.encode(claims(**more), key.private, key.algorithm, {"kid": key.kid, **(head or {})})


@dataclass
class Issuer:
    """
    Serve a key set, and the configuration that says where it is; counts how often each is asked.

    `told` takes the place of members of the configuration; a text that of all of it.
    """

    keys: list[SigningKey]
    asked: int = 0
    discovered: int = 0
    redirect: str = ""
    told: dict[str, Any] | str = field(default_factory=dict)
    _server: Any = field(default=None, repr=False)

    def __enter__(self) -> "Issuer":
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = issuer._body(self.path).encode()
                self.send_response(302 if issuer.redirect else 200)
                if issuer.redirect:
                    self.send_header("Location", issuer.redirect)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def _body(self, path: str) -> str:
        if path != "/realm/.well-known/openid-configuration":
            self.asked += 1
            return json.dumps({"keys": [key.public for key in self.keys]})
        self.discovered += 1
        if isinstance(self.told, str):
            return self.told
        return json.dumps({"issuer": self.name, "jwks_uri": self.url, **self.told})

    @property
    def name(self) -> str:
        """Return what `iss` of its tokens is."""
        return f"http://127.0.0.1:{self._server.server_port}/realm"

    @property
    def url(self) -> str:
        """Return the address of the key set."""
        return f"http://127.0.0.1:{self._server.server_port}/keys"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
