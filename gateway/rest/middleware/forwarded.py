"""
Work out how a client reached the gateway through proxies: its address, scheme and host, and the prefix of the path.

Writes them into the environ where WSGI has them (REMOTE_ADDR, wsgi.url_scheme, HTTP_HOST, SCRIPT_NAME, PATH_INFO), so
that nothing else knows of proxies. Fields of a proxy count only if the peer of the connection is a trusted one.
"""

import ipaddress
import re
from collections.abc import Container
from functools import lru_cache
from typing import Any, Final, Self, TypeAlias

from flask import request

from gateway.registry.paths import RESERVED_ENDS, reserved_tree
from gateway.settings.settings import Settings
from gateway.settings.value_types import UNIX_PEER
from gateway.system.url_prefix import decoded_prefix, encoded_prefix, parse_prefix

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Proxies that X-Forwarded-For may name; further ones are not looked at.
MAX_PROXIES: Final = 32
_HOST: Final = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_SCHEMES: Final = frozenset(("http", "https"))


class Forwarded:
    """Rewrite environs for one gateway; `root_path` is the prefix where no trusted proxy names one."""

    __slots__ = ("_has_proxies", "_is_unix_trusted", "_networks", "_root")

    def __init__(self, root_path: str, trusted: tuple[str, ...]) -> None:
        self._root = decoded_prefix(root_path)
        self._has_proxies = bool(trusted)
        self._is_unix_trusted = UNIX_PEER in trusted
        self._networks = tuple(ipaddress.ip_network(one) for one in trusted if one != UNIX_PEER)

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Return None where the settings name neither a prefix nor a proxy: then no request is touched."""
        if settings.root_path or settings.trusted_proxies:
            return cls(settings.root_path, settings.trusted_proxies)
        return None

    def rewrite(self, environ: dict[str, Any], routes: Container[str]) -> None:
        """Rewrite the environ of one request; `routes` are the paths of all routes, which no prefix hides."""
        prefix = self._root
        if self._has_proxies and self._trusts(environ["REMOTE_ADDR"]):
            prefix = self._believe(environ, prefix)
        if not prefix and not self._root:
            return
        environ["SCRIPT_NAME"] = prefix
        path = environ["PATH_INFO"]
        for one in (prefix, self._root):
            if one and path.startswith(one):
                inner = _without(one, path, routes)
                if inner != path:
                    environ["PATH_INFO"] = inner
                    return

    def _believe(self, environ: dict[str, Any], prefix: str) -> str:
        """Take over what a trusted proxy says; return the prefix. Values that are not well formed count as absent."""
        if "HTTP_X_FORWARDED_FOR" in environ:
            environ["REMOTE_ADDR"] = self._client(environ["REMOTE_ADDR"], environ["HTTP_X_FORWARDED_FOR"])
        if (scheme := _last(environ, "HTTP_X_FORWARDED_PROTO").lower()) in _SCHEMES:
            environ["wsgi.url_scheme"] = scheme
        if _HOST.fullmatch(host := _last(environ, "HTTP_X_FORWARDED_HOST")):
            environ["HTTP_HOST"] = host
        named = _last(environ, "HTTP_X_FORWARDED_PREFIX")
        return prefix if not named else _prefix_or(named, prefix)

    def _client(self, peer: str, forwarded: str) -> str:
        """Return the address that the outermost trusted proxy saw: all before it may be forged."""
        client = peer
        for text in reversed(forwarded.rsplit(",", MAX_PROXIES)[-MAX_PROXIES:]):
            address = _address(text.strip())
            if address is None:
                return client
            client = str(address)
            if not self._trusts(client):
                return client
        return client

    def _trusts(self, peer: str) -> bool:
        """Say whether an address is that of a trusted proxy; a peer without address came through a Unix socket."""
        address = _address(peer)
        return self._is_unix_trusted if address is None else _is_within(address, self._networks)


def public_origin() -> str:
    """
    Return scheme and host as the client of the current request wrote them; the listener's where it wrote none.

    Werkzeug knows no host with an underscore, as containers have it.
    """
    environ = request.environ
    listener = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    hosts = (request.host, environ.get("HTTP_HOST", ""), listener)
    return f"{request.scheme}://{next(filter(_HOST.fullmatch, hosts), 'localhost')}"


def public_path(path: str) -> str:
    """Return a path of this gateway as the client of the current request has to write it."""
    return encoded_prefix(request.environ.get("SCRIPT_NAME", "")) + path


def _without(prefix: str, path: str, routes: Container[str]) -> str:
    """Return a path without the prefix that a proxy left on it; unchanged if it has none, or names a route itself."""
    if path[len(prefix) : len(prefix) + 1] not in ("", "/") or _names_route(path, routes):
        return path
    # A proxy that cuts off /v2 asks for /v2/models as well: whether it did cannot be told from the path.
    return path if _is_ours(prefix) else path[len(prefix) :] or "/"


@lru_cache(maxsize=64)
def _is_ours(prefix: str) -> bool:
    """Say whether paths of the gateway itself begin with a prefix."""
    return bool(reserved_tree(prefix))


def _names_route(path: str, routes: Container[str]) -> bool:
    plain = path.removesuffix("/")
    return plain in routes or any(plain.endswith(end) and plain.removesuffix(end) in routes for end in RESERVED_ENDS)


def _last(environ: dict[str, Any], name: str) -> str:
    """Return the last of several values: the one that the trusted proxy itself wrote."""
    value: str = environ.get(name, "")
    return value.rpartition(",")[2].strip() if value else ""


@lru_cache(maxsize=64)
def _prefix_or(text: str, other: str) -> str:
    try:
        return decoded_prefix(parse_prefix(text))
    except ValueError:
        return other


@lru_cache(maxsize=1024)  # keys are chosen by clients: 1 MB at most
def _address(text: str) -> Address | None:
    """Return the address in a text, without port, brackets and zone; None if there is none (`unknown`, `_hidden`)."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


@lru_cache(maxsize=1024)  # keys are chosen by clients: 1 MB at most
def _is_within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
