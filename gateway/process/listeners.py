"""
Listening sockets of the gateway: the public ones, and those of GATEWAY_ADMIN_BIND for operators.

A request is an operator's by the socket that its connection was accepted on, never by a path or a header.
"""

import os
import socket
from dataclasses import dataclass
from typing import Any

from gateway.errors import GatewayError
from gateway.process import socket_handover, socket_holder
from gateway.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Listeners:
    """
    Hold open descriptors, the public ones first; `names` are their addresses as GATEWAY_BIND writes them.

    `operators` are the socket names (`getsockname`) of those for operators.
    """

    descriptors: list[int]
    names: tuple[str, ...]
    operators: frozenset[Any]


def open_listeners(settings: Settings) -> Listeners:
    """
    Return the sockets of the socket holder if there is one, else new ones.

    Raises OSError, and GatewayError where the holder does not hold what GATEWAY_ADMIN_BIND names.
    """
    if settings.holder_socket is None:
        # Bound here, because gunicorn would try an address in use five times and report it without our hint.
        return _named(
            *([socket_holder.bind(one).detach() for one in which] for which in (settings.bind, settings.admin_bind))
        )
    wanted = {socket_handover.resolved(address): address for address in settings.admin_bind}
    public: list[int] = []
    operators: list[int] = []
    for descriptor in socket_holder.fetch(settings.holder_socket):
        (operators if wanted.pop(_name(descriptor)[0], None) else public).append(descriptor)
    if wanted:
        raise GatewayError(
            f"the socket holder does not hold {', '.join(wanted.values())} of GATEWAY_ADMIN_BIND",
            code="cannot-listen",
            hint="start the socket holder again with it: make stop, then make run",
        )
    return _named(public, operators)


def _named(public: list[int], operators: list[int]) -> Listeners:
    every = [*public, *operators]
    return Listeners(
        every, tuple(_name(one)[0] for one in every), frozenset(_name(descriptor)[1] for descriptor in operators)
    )


def _name(descriptor: int) -> tuple[str, Any]:
    """Return the address of a socket as GATEWAY_BIND writes it, and as the kernel does."""
    with socket.socket(fileno=os.dup(descriptor)) as listener:
        return socket_handover.name_of(listener), listener.getsockname()
