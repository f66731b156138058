"""Find the process that already listens on a port, from /proc, and say how to free the port."""

import errno
import ipaddress
import os
import shlex
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_LISTENS: Final = "0A"
_ENVIRONMENT: Final = b"GATEWAY_HOME="
MOST_CHARACTERS: Final = 120


def remedy(error: OSError, addresses: Sequence[str], home: Path, holder: Path | None) -> str:
    """Return the fix for a gateway of `home` that cannot listen on `addresses`."""
    if error.errno == errno.EACCES:
        return "ports below 1024 need rights that this user lacks: GATEWAY_BIND=127.0.0.1:8000"
    if error.errno == errno.EADDRNOTAVAIL:
        return "name an address of this machine: GATEWAY_BIND=127.0.0.1:8000, or 0.0.0.0:8000 for all of them"
    for address in addresses:
        if address.startswith("unix:"):
            continue
        port = int(address.rpartition(":")[2])
        if inodes := _listening(port):
            return _told(port, _owner(inodes), home)
    if holder is not None:
        return "start the process that keeps the sockets again: make stop, then make run"
    return "end what listens there, or set GATEWAY_BIND to another address"


def _told(port: int, pid: int, home: Path) -> str:
    elsewhere = f"listen elsewhere: GATEWAY_BIND=127.0.0.1:{_free_port()}"
    if not pid:
        return f"a process of another user listens there (ss -ltnp 'sport = :{port}', as root, names it); {elsewhere}"
    owner = f"process {pid} listens there ({_command(pid)})"
    theirs = _home(pid)
    if theirs is None:
        return f"{owner}; end it: kill {pid}; or {elsewhere}"
    if theirs == home:
        return f"{owner}, a gateway of this home; end it: make stop, or: gateway stop; or {elsewhere}"
    return f"{owner}, a gateway; end it: gateway stop --home {shlex.quote(str(theirs))}; or {elsewhere}"


def addresses_of(pid: int) -> list[str]:
    """Return the addresses on which a process listens over TCP, as GATEWAY_BIND writes them."""
    held = set(_links(pid))
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for fields in _rows(Path(table)):
            if fields[3] == _LISTENS and f"socket:[{fields[9]}]" in held:
                host, _, port = fields[1].rpartition(":")
                # The kernel writes each 32-bit word in the order of the machine.
                words = [int(host[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(host), 8)]
                address = ipaddress.ip_address(b"".join(words))
                found.append(f"[{address}]:{int(port, 16)}" if address.version == 6 else f"{address}:{int(port, 16)}")  # noqa: PLR2004
    return found


def _listening(port: int) -> set[str]:
    """Return the inodes of the sockets that listen on a port."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for fields in _rows(Path(table)):
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _rows(table: Path) -> Iterator[list[str]]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return
    yield from (line.split() for line in lines)


def _owner(inodes: set[str]) -> int:
    """Return the oldest process that holds one of the sockets, 0 if none is visible."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    pids = sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return next((pid for pid in pids if not wanted.isdisjoint(_links(pid))), 0)


def _links(pid: int) -> Iterator[str]:
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            yield str(entry.readlink())
    except OSError:
        return


def _command(pid: int) -> str:
    words = _read(pid, "cmdline").split(b"\0")
    text = shlex.join(word.decode(errors="replace") for word in words if word)
    text = "".join(one if one.isprintable() else "?" for one in text)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def _home(pid: int) -> Path | None:
    """Return the GATEWAY_HOME of a process, from its environment or its working folder."""
    words = _read(pid, "cmdline")
    if b"gateway" not in words:
        return None
    told = [entry for entry in _read(pid, "environ").split(b"\0") if entry.startswith(_ENVIRONMENT)]
    try:
        folder = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None
    home = folder / os.fsdecode(told[0].removeprefix(_ENVIRONMENT)) if told else folder / ".gateway"
    return home if (home / "run" / "status.json").exists() else None


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
