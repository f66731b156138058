"""
Addresses of model servers: the path of a Unix socket, or an http or https URL.

Some places are never a model server: link-local addresses, where clouds hand out credentials, and whatever no
connection can mean (unspecified, multicast).
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}
#: The kernel keeps 108 bytes for the path of a Unix socket, the last of them zero.
MOST_PATH_BYTES: Final = 107
#: Metadata services of clouds outside the link-local block: Azure, Alibaba, Oracle; over IPv6 AWS (instances, pods of
#: EKS), Google, Scaleway.
_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            "168.63.129.16", "100.100.100.200", "192.0.0.192",
            "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42",
        ),
    )
)  # fmt: skip
#: Networks whose last 32 bits are an address of version 4: translators, for everybody (RFC 6052) and of one site
#: (RFC 8215), SIIT, and the form of old that is out of use.
_EMBEDDING: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))
_HOST: Final = re.compile(r"[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\]")
_PREFIX: Final = re.compile(r"(/[0-9A-Za-z._~%-]+)*")


@dataclass(frozen=True, slots=True)
class Address:
    """
    Name where a server listens: `unix` is the path of a socket, else `host` and `port` count; `text` as written.

    `allowed` are the entries of `server.egress_allow` that a connection has to fit; none: it may lead anywhere.
    """

    text: str
    unix: str = ""
    host: str = ""
    port: int = 0
    tls: bool = False
    prefix: str = ""
    allowed: tuple[str, ...] = ()

    @property
    def authority(self) -> str:
        """Return the value of the header Host."""
        if self.unix:
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"


def address_of(text: str) -> Address:
    """Return the address that a text means; raises ValueError with the reason where it means none."""
    if text.startswith("/"):
        if len(text.encode()) > MOST_PATH_BYTES:
            raise ValueError(f"the path of a Unix socket has {MOST_PATH_BYTES} bytes at most")
        return Address(text, unix=text)
    parts = urlsplit(text)
    if parts.scheme not in _PORTS:
        raise ValueError("it starts with neither http:// nor https://")
    if "@" in parts.netloc:
        raise ValueError("it holds a password: name it in headers_from")
    if parts.query or parts.fragment:
        raise ValueError("it has a query or a fragment: name the server only, such as http://triton:8000")
    prefix = parts.path.rstrip("/")
    if prefix == "/v2" or "/v2/" in f"{prefix}/":
        raise ValueError("it names a path of the protocol: leave out /v2 and what follows")
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("its path holds characters that a URL must escape")
    port = parts.port or _PORTS[parts.scheme]  # raises ValueError above 65535
    host = parts.hostname or ""
    if not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise ValueError("it names no host")
    if (reason := refusal_of(host)) is not None:
        raise ValueError(reason)
    return Address(text, host=host, port=port, tls=parts.scheme == "https", prefix=prefix)


def plain_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a text is, None for a name; one of version 4 in the clothes of version 6 is itself."""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        return ip.ipv4_mapped or _embedded(ip) or ip
    return ip


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the address of version 4 that a translator (NAT64) or a 6to4 gateway sends packets on to."""
    if any(ip in network for network in _EMBEDDING) and not (ip.is_loopback or ip.is_unspecified):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.sixtofour


def refusal_of(host: str) -> str | None:
    """Return why no model server may have this IP address; None for every other one, and for names."""
    ip = plain_ip(host)
    if ip is None:
        return None
    if ip.is_link_local or ip in _METADATA:
        return f"{host} is an address of a cloud's metadata service or of one link only, and no model server"
    if ip.is_unspecified or ip.is_multicast:
        return f"{host} is no address of a server"
    return None
