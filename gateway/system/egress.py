"""
Where connections of the gateway may lead: the entries of `server.egress_allow`.

An entry is a host (`triton`, `*.models.internal`), an address, a network (`10.0.0.0/8`), each with a port or for all of
them, or the path of a Unix socket or of its folder. Compared is what a connection is about to be opened to, so that a
name which leads elsewhere a moment later gains nothing.
"""

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.system.server_address import Address, plain_ip, refusal_of

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_ENTRY: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\](?:/\d+)?|[^:\[\]]+|[0-9A-Fa-f:.]+(?:/\d+)?)(?::(?P<port>\d{1,5}))?"
)
_HOST: Final = re.compile(r"(\*\.)?[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*")
_MOST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold one entry: `host`, `network` or `path`, and the port, 0 for all."""

    host: str = ""
    network: Network | None = None
    path: str = ""
    port: int = 0


def rule_of(text: str) -> Rule:
    """Return the meaning of an entry; raises ValueError with the reason where it has none."""
    if text.startswith("/"):
        return Rule(path=os.path.normpath(text))
    if "://" in text:
        raise ValueError("it is a URL: name the host alone, such as triton:8000")
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise ValueError("it is no host, address or network")
    host, port = found["host"], int(found["port"] or 0)
    if port > _MOST_PORT:
        raise ValueError(f"{port} is no port")
    plain = host.replace("[", "").replace("]", "")
    try:
        return Rule(network=ipaddress.ip_network(plain), port=port)
    except ValueError as error:
        if "/" in host or ":" in host or host.replace(".", "").isdigit():
            raise ValueError(str(error)) from error
    if not _HOST.fullmatch(host):
        raise ValueError("it is no host, address or network")
    return Rule(host=host.lower(), port=port)


class Egress:
    """Decide by entries; without any, every place is allowed that `refusal_of` does not refuse."""

    def __init__(self, entries: Sequence[str] = ()) -> None:
        self._rules = tuple(map(rule_of, entries))

    @property
    def is_bound(self) -> bool:
        """Say whether there are entries."""
        return bool(self._rules)

    def refusal_of_socket(self, path: str) -> str | None:
        """Return why no connection may be opened to a Unix socket."""
        real = os.path.realpath(path)
        places = [os.path.realpath(rule.path) for rule in self._rules if rule.path]
        if not self._rules or any(real == place or real.startswith(f"{place}/") for place in places):
            return None
        return f"{path} is not among `egress_allow`"

    def refusal_of_name(self, host: str, port: int) -> str | None:
        """Return why a host is refused before it is looked up; one that a network may hold is judged afterwards."""
        if not self._rules or self.allows_name(host, port):
            return None
        ip = plain_ip(host)
        if ip is None and any(rule.network is not None and rule.port in {0, port} for rule in self._rules):
            return None
        return None if ip is not None and self._holds(host, port) else f"{host}:{port} is not among `egress_allow`"

    def refusal_of_address(self, host: str, address: str, port: int) -> str | None:
        """Return why no connection may be opened to an address that a host was looked up as."""
        if (refusal := refusal_of(address)) is not None:
            return refusal
        if not self._rules or self.allows_name(host, port) or self._holds(address, port):
            return None
        return f"{host} leads to {address}, which is not among `egress_allow`"

    def allows_name(self, host: str, port: int) -> bool:
        """Say whether an entry names this host."""
        name = host.lower().rstrip(".")
        return any(
            rule.host and rule.port in {0, port} and (name == rule.host or _is_below(name, rule.host))
            for rule in self._rules
        )

    def names(self, address: str, port: int) -> bool:
        """Say whether an entry is this very address."""
        ip = plain_ip(address)
        return any(
            rule.network is not None
            and rule.network.num_addresses == 1
            and rule.network.network_address == ip
            and rule.port in {0, port}
            for rule in self._rules
        )

    def _holds(self, address: str, port: int) -> bool:
        ip = plain_ip(address)
        return ip is not None and any(
            rule.network is not None and ip in rule.network and rule.port in {0, port} for rule in self._rules
        )


def _is_below(name: str, pattern: str) -> bool:
    return pattern.startswith("*.") and name.endswith(pattern[1:])


def refusal_of_server(address: Address, egress: Egress) -> str | None:
    """Return why a model server may not be asked, as far as its written address tells."""
    if address.unix:
        return egress.refusal_of_socket(address.unix)
    return egress.refusal_of_name(address.host, address.port)
