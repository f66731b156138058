"""
A network namespace for each node, joined by a switch that lies in a namespace, too.

Nothing of it appears in the network of the machine: no interface, no address, no route. Linux only, and root only.
"""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from cluster.plan import NODES
from gateway.errors import GatewayError

#: Addresses of a network that nothing outside the switch can reach.
HOSTS: Final = tuple(f"10.77.0.{number}" for number in range(1, NODES + 1))
#: Where `ip netns` keeps them.
_FOLDER: Final = Path("/run/netns")
_SWITCH: Final = "switch"
_NAME: Final = "gw-ray"


def names(mark: str) -> tuple[str, ...]:
    """Return the names of the namespaces of the nodes of a home."""
    return tuple(f"{_NAME}-{mark}-{number}" for number in range(1, NODES + 1))


def why_not() -> str:
    """Return why no namespace can be made here, '' if one can."""
    if missing := [program for program in ("ip", "nsenter") if shutil.which(program) is None]:
        return f"there is no program '{missing[0]}' here"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    trial = f"{_NAME}-trial-{os.getpid()}"
    try:
        _ip("netns", "add", trial)
    except GatewayError as error:
        return error.message
    _ip("netns", "delete", trial)
    return ""


def make(mark: str) -> None:
    """Make namespaces, switch and links; raises GatewayError, and leaves none, where the kernel refuses one."""
    switch = f"{_NAME}-{mark}-{_SWITCH}"
    try:
        _ip("netns", "add", switch)
        _ip("-n", switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", switch, "link", "set", "switch", "up")
        for number, (name, host) in enumerate(zip(names(mark), HOSTS, strict=True), start=1):
            _ip("netns", "add", name)
            link = link_of(number)
            _ip("-n", switch, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("-n", switch, "link", "set", link, "master", "switch", "up")
            _ip("-n", name, "address", "add", f"{host}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", "eth0", "up")
    except GatewayError:
        delete(mark)
        raise


def delete(mark: str) -> None:
    """Delete all namespaces of a home; interfaces and addresses go with them."""
    for name in (*names(mark), f"{_NAME}-{mark}-{_SWITCH}"):
        with contextlib.suppress(GatewayError):
            _ip("netns", "delete", name)


def present(mark: str) -> bool:
    """Say whether a home has namespaces."""
    return any((_FOLDER / name).exists() for name in (*names(mark), f"{_NAME}-{mark}-{_SWITCH}"))


def set_link(mark: str, number: int, state: str) -> None:
    """Cut (`down`) or mend (`up`) the cable between a node and the switch; neither side is told."""
    _ip("-n", f"{_NAME}-{mark}-{_SWITCH}", "link", "set", link_of(number), state)


def link_of(number: int) -> str:
    """Return the name of a node's link at the switch."""
    return f"node{number}"


def _ip(*words: str) -> None:
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GatewayError(f"`ip {' '.join(words)}` failed: {error}") from error
    if done.returncode:
        raise GatewayError(f"`ip {' '.join(words)}` failed: {done.stderr.strip()}")
