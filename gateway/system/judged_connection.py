"""Open connections to places that `server.egress_allow` holds, and to no metadata service of a cloud."""

import socket
import time
from typing import Any

from gateway.system.egress import Egress


def connect(host: str, port: int, egress: Egress, limit: float) -> socket.socket:
    """
    Connect to the first of the addresses of a name that answers until `limit`, a time.monotonic() value.

    The name is looked up once, and what was found is what is judged and connected to. Raises OSError: the last one, or
    one with the reason of a refusal.
    """
    if (refusal := egress.refusal_of_name(host, port)) is not None:
        raise OSError(refusal)
    failure: OSError = OSError("its name has no address")
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if (refusal := egress.refusal_of_address(host, str(place[0]), port)) is not None:
            failure = OSError(refusal)
            continue
        try:
            made = connected(socket.socket(family, kind, protocol), place, limit)
        except OSError as error:
            failure = error
            continue
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    raise failure


def connected(made: socket.socket, place: Any, limit: float) -> socket.socket:
    """Connect a socket until `limit`, and return it; closes it and raises OSError where that fails."""
    try:
        made.settimeout(max(limit - time.monotonic(), 0.001))
        made.connect(place)
    except OSError:
        made.close()
        raise
    return made
