"""
Judge every connection of this process before it is opened: what a store names, or redirects to, it may make up.

A name is looked up once, and only what was found and judged then can be connected to. Connections that do not go
through Python's sockets (drivers of databases) lead to the address of the store alone, which the operator wrote.
"""

import socket
import sys
from collections.abc import Sequence
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.system.egress import Egress
from gateway.system.server_address import plain_ip

_FAMILIES: Final = frozenset({socket.AF_INET, socket.AF_INET6})


class EgressGuard:
    """
    Refuse connections that `server.egress_allow` does not hold, and those to addresses that hand out credentials.

    `is_cloud` is set while an artifact of a cloud's own store is fetched, whose client asks that cloud for credentials.
    """

    def __init__(self, entries: Sequence[str]) -> None:
        self.refusal = ""
        self.is_cloud = False
        self._egress = Egress(entries)
        self._judged: set[tuple[str, int]] = set()
        self._look_up = socket.getaddrinfo

    def stand(self) -> None:
        """Begin; there is no end."""
        socket.getaddrinfo = self._looked_up
        sys.addaudithook(self._hook)

    def error(self) -> GatewayError:
        """Return the error of the connection that was refused last."""
        return GatewayError(
            f"a connection was refused: {self.refusal}",
            code="egress-refused",
            hint="look at what the store names as the place of the model; if that is right, add it to "
            "`server.egress_allow`",
        )

    def _looked_up(self, host: Any, port: Any, *arguments: Any, **keywords: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
        number = port if isinstance(port, int) else int(port) if str(port).isdigit() else 0
        self._must_be_allowed(self._egress.refusal_of_name(name, number))
        found = self._look_up(host, port, *arguments, **keywords)
        judged = [(self._judgement(name, str(one[4][0]), number), one) for one in found]
        allowed = [one for refusal, one in judged if refusal is None]
        if not allowed:
            self._must_be_allowed(next((refusal for refusal, _ in judged), None))
        self._judged.update((str(one[4][0]), number) for one in allowed)
        return allowed

    def _judgement(self, name: str, address: str, port: int) -> str | None:
        if self._egress.names(address, port) or (self.is_cloud and not self._egress.is_bound):
            return None
        return self._egress.refusal_of_address(name, address, port)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "socket.connect" or arguments[0].family not in _FAMILIES:
            return
        address, port = str(arguments[1][0]), arguments[1][1]
        if (address, port) in self._judged:
            return
        if plain_ip(address) is None:
            self._must_be_allowed(f"{address} was not looked up here")
        self._must_be_allowed(self._judgement(address, address, port))

    def _must_be_allowed(self, refusal: str | None) -> None:
        if refusal is not None:
            self.refusal = refusal
            raise self.error()
