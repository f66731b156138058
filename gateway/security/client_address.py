"""Callers without a key are told apart by address: an IPv4 address, or the /64 network of an IPv6 one."""

import ipaddress
from functools import lru_cache
from typing import Final

#: What a provider gives to one customer at least: all of its addresses are one caller.
_IPV6_PREFIX: Final = 64


@lru_cache(maxsize=1024)  # keys are chosen by clients: 1 MB at most
def caller_at(address: str) -> str:
    """Return the name of the caller at an address; all that came through a Unix socket without one are one caller."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unix"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((found, _IPV6_PREFIX), strict=False))
    return str(found)
