"""
Listening sockets of the gateway: the public ones, and those of GATEWAY_ADMIN_BIND for operators.

A request is an operator's by the socket that its connection was accepted on, never by a path or a header.
"""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import GatewayError
from gateway.process import socket_handover, socket_holder
from gateway.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Listeners:
    """
    Hold open descriptors; `names` are their addresses as GATEWAY_BIND writes them, in the same order.

    `operators` are the socket names (`getsockname`) of those for operators.
    """

    descriptors: list[int]
    names: tuple[str, ...]
    operators: frozenset[Any]


def open_listeners(settings: Settings) -> Listeners:
    """
    Return the sockets of the socket holder if there is one, in its order, else new ones.

    Raises OSError, and GatewayError where the holder does not hold what GATEWAY_ADMIN_BIND names.
    """
    if settings.holder_socket is None:
        # Bound here, because gunicorn would try an address in use five times and report it without our hint.
        public, own = (_bound(addresses) for addresses in (settings.bind, settings.admin_bind))
        return Listeners([*public, *own], _names([*public, *own]), _socket_names(own))
    descriptors = socket_holder.fetch(settings.holder_socket)
    wanted = {socket_handover.resolved(address): address for address in settings.admin_bind}
    names = _names(descriptors)
    if missing := [address for name, address in wanted.items() if name not in names]:
        raise GatewayError(
            f"the socket holder does not hold {', '.join(missing)} of GATEWAY_ADMIN_BIND",
            code="cannot-listen",
            hint="start the socket holder again with it: make stop, then make run",
        )
    own = [descriptor for name, descriptor in zip(names, descriptors, strict=True) if name in wanted]
    return Listeners(descriptors, names, _socket_names(own))


def _bound(addresses: Sequence[str]) -> list[int]:
    return [socket_holder.bind(address).detach() for address in addresses]


def _names(descriptors: Sequence[int]) -> tuple[str, ...]:
    """Return the addresses of sockets as GATEWAY_BIND writes them."""
    return tuple(_asked(one, socket_handover.name_of) for one in descriptors)


def _socket_names(descriptors: Sequence[int]) -> frozenset[Any]:
    """Return the addresses of sockets as the kernel tells them."""
    return frozenset(_asked(one, socket.socket.getsockname) for one in descriptors)


def _asked(descriptor: int, question: Callable[[socket.socket], Any]) -> Any:
    with socket.socket(fileno=os.dup(descriptor)) as listener:
        return question(listener)
