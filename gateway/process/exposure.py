"""
What a start and each reload are held to: addresses beyond this machine need keys, and operators one of their own.

Unix sockets are exempt: modes of files decide who reaches them.
"""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

from gateway.errors import GatewayError
from gateway.process import socket_handover
from gateway.security.keyring import Keyring
from gateway.settings.settings import Settings

#: A key for the clients of every route: a line that can be pasted.
MAKE_A_KEY: Final = "gateway key create clients --scope 'predict:*'"


def exposed(addresses: Iterable[str]) -> list[str]:
    """Return the addresses that other machines may reach."""
    return [address for address in addresses if not (address.startswith("unix:") or _is_loopback(address))]


def _is_loopback(address: str) -> bool:
    """Say whether every address that a host stands for is one of this machine alone; an unknown host is not."""
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(one[4][0]).partition("%")[0]).is_loopback for one in found)


def must_be_two_doors(settings: Settings) -> None:
    """Raise GatewayError where GATEWAY_ADMIN_BIND names an address of GATEWAY_BIND as well."""
    public = {socket_handover.resolved(address) for address in settings.bind}
    if both := [one for one in settings.admin_bind if socket_handover.resolved(one) in public]:
        raise GatewayError(
            f"GATEWAY_ADMIN_BIND and GATEWAY_BIND both name {', '.join(both)}",
            code="settings",
            hint="give operators an address of their own: GATEWAY_ADMIN_BIND=127.0.0.1:8001",
        )


def must_have_named_keys(settings: Settings) -> None:
    """Raise GatewayError where GATEWAY_KEYS names no file: whoever sets it does not mean to serve everybody."""
    if settings.keys is not None and settings.auth is None and not Keyring(settings.keys_path).is_configured:
        raise GatewayError(
            f"GATEWAY_KEYS names {settings.keys_path}, and there is no such file",
            code="no-keys",
            hint=f"make a key: {MAKE_A_KEY}; or unset GATEWAY_KEYS; or say that everybody may ask: GATEWAY_AUTH=none",
        )


def must_not_be_open(settings: Settings, addresses: Iterable[str] = ()) -> None:
    """
    Raise GatewayError where callers beyond this machine would need no key and nobody has said that they may.

    `addresses` are those of open sockets; without them, the settings say where the gateway listens.
    """
    has_keys = Keyring(settings.keys_path).is_configured
    if settings.auth == "none" and has_keys:
        raise GatewayError(
            "GATEWAY_AUTH=none opens every route, and there are keys",
            code="auth-contradiction",
            hint="unset GATEWAY_AUTH, so that keys are asked for; or move the file of keys away",
        )
    wide = exposed(addresses or (*settings.bind, *settings.admin_bind))
    if wide and settings.auth is None and not has_keys:
        raise GatewayError(
            f"{', '.join(wide)} can be reached from other machines, and no key is asked for",
            code="open-to-others",
            hint=f"make a key: {MAKE_A_KEY}; or listen on this machine only: {_of_this_machine(settings, wide)}; or "
            "say that everybody may ask: GATEWAY_AUTH=none",
        )


def _of_this_machine(settings: Settings, wide: list[str]) -> str:
    """Return the settings that listen on the same ports, and on this machine only."""
    local = {one: f"127.0.0.1:{one.rpartition(':')[2]}" for one in wide}
    named = (("GATEWAY_BIND", settings.bind), ("GATEWAY_ADMIN_BIND", settings.admin_bind))
    return (
        " ".join(
            f"{name}={','.join(dict.fromkeys(local.get(one, one) for one in addresses))}"
            for name, addresses in named
            if not local.keys().isdisjoint(addresses)
        )
        or f"addresses of the socket holder, such as {', '.join(local.values())}"
    )
