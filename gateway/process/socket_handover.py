"""
Hand listening sockets from one process to another over a Unix socket: from the holder to gateways and back.

Standard library only: the holder must never need a restart.
"""

import contextlib
import errno
import os
import socket
import stat
import struct
from collections.abc import Sequence
from pathlib import Path

from gateway.system.locks import locked

#: Listeners that fit into one message; SCM_RIGHTS allows 253.
MAX_LISTENERS = 64
#: A live process answers within this time; a stopped one (SIGSTOP) does not.
PATIENCE_S = 2.0
#: Bytes of a Unix socket's path that the kernel takes.
MOST_PATH_BYTES = 107


def bind_unix(path: Path, mode: int, backlog: int) -> socket.socket:
    """
    Listen on a Unix socket, replacing an abandoned one.

    Raises OSError: EADDRINUSE if another process listens there, EEXIST if the path is a file of another kind.
    """
    if len(os.fsencode(path)) > MOST_PATH_BYTES:
        raise OSError(errno.ENAMETOOLONG, f"its path is longer than {MOST_PATH_BYTES} bytes")
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True)
        path.parent.chmod(0o755)
    # Two processes that start together would both find it abandoned, and the second would replace the first's.
    with locked(path.parent, create=False):
        _clear(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(path))
            path.chmod(mode)
            listener.listen(backlog)
        except OSError:
            listener.close()
            raise
    return listener


def _clear(path: Path) -> None:
    """Delete a socket that no process listens on."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, "a file that is no socket lies there, and is not deleted")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            # A full backlog (EAGAIN), or another user's socket: a process may be listening.
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
    raise OSError(errno.EADDRINUSE, "another process listens there")


def ask(path: Path) -> tuple[list[socket.socket], int]:
    """Return the listeners and the pid of the process that hands out at `path`; nothing and 0 if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as socket_return:
        socket_return.settimeout(PATIENCE_S)
        try:
            socket_return.connect(str(path))
            _, descriptors, _, _ = socket.recv_fds(socket_return, 8, MAX_LISTENERS)
            pid, _, _ = struct.unpack("3i", socket_return.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except (OSError, AttributeError):
            return [], 0
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return [socket.socket(fileno=descriptor) for descriptor in descriptors], int(pid)


def gateway_path(holder: Path) -> Path:
    """Return where a gateway hands its listeners back, beside its holder's socket."""
    return holder.with_name(f"{holder.name}.back")


def answers(path: Path) -> bool:
    """Say whether a process hands out at `path`."""
    listeners, _ = ask(path)
    for listener in listeners:
        listener.close()
    return bool(listeners)


def hand_out(socket_return: socket.socket, listeners: Sequence[socket.socket]) -> None:
    """Send the listeners to every process that connects, until the socket is closed."""
    while True:
        try:
            client, _ = socket_return.accept()
        except OSError:
            return
        with client, contextlib.suppress(OSError):
            socket.send_fds(client, [b"fds"], [listener.fileno() for listener in listeners])


def name_of(listener: socket.socket) -> str:
    """Return the address of a listener as GATEWAY_BIND writes it."""
    name = listener.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def resolved(address: str) -> str:
    """Return an address with a numeric host: the value of `name_of` once it is bound."""
    if address.startswith("unix:"):
        return address
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.suppress(OSError):
        number = socket.getaddrinfo(host, int(port), family, socket.SOCK_STREAM)[0][4][0]
        return f"[{number}]:{port}" if family == socket.AF_INET6 else f"{number}:{port}"
    return address
