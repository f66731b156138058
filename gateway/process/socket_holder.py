"""
Keep the listening sockets open while the gateway is replaced: run by PM2 beside it, as `gateway-socket`.

Binds once, hands the file descriptors to whoever connects to a Unix socket, and does nothing else, so that it never
needs a restart. Connections that arrive while no gateway accepts wait in the kernel's backlog instead of being refused.
"""

import contextlib
import errno
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

#: Connections that the kernel keeps while nobody accepts; the kernel cuts it to net.core.somaxconn.
BACKLOG = 2048
#: Listeners that fit into one message; SCM_RIGHTS allows 253.
MAX_LISTENERS = 64


def bind(address: str) -> socket.socket:
    """
    Open one listening socket for `host:port`, `[v6]:port` or `unix:/path`.

    Raises OSError with the address in its text.
    """
    if address.startswith("unix:"):
        return _bind_unix(Path(address[5:]))
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno, f"cannot listen on {address}: {error.strerror}; end what uses it, or set GATEWAY_BIND"
        ) from error
    listener.listen(BACKLOG)
    return listener


def _bind_unix(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o660)
    listener.listen(BACKLOG)
    return listener


def hold(addresses: Sequence[str], path: Path) -> None:
    """
    Hold listeners for `addresses` and hand their descriptors out at the Unix socket `path`, for ever.

    Takes over from a holder that is still there (its PM2 died): the kernel's sockets stay the same, nothing is refused.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _error_file(path).unlink(missing_ok=True)
    listeners, predecessor = _inherit(addresses, path)
    for address in addresses[len(listeners) :]:
        listeners.append(_bind_patiently(address, path))
    path.unlink(missing_ok=True)
    desk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    desk.bind(str(path))
    path.chmod(0o600)
    desk.listen(8)
    _error_file(path).unlink(missing_ok=True)
    if predecessor:
        with contextlib.suppress(ProcessLookupError):
            os.kill(predecessor, signal.SIGTERM)
    print(f"holding {', '.join(addresses)}", file=sys.stderr, flush=True)
    while True:
        client, _ = desk.accept()
        with client, contextlib.suppress(OSError):
            socket.send_fds(client, [b"fds"], [listener.fileno() for listener in listeners])


def _inherit(addresses: Sequence[str], path: Path) -> tuple[list[socket.socket], int]:
    """Return the listeners of the holder before us where they are the wanted ones, and its process id."""
    descriptors, pid = _ask(path)
    found = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    if [_name(listener) for listener in found] == list(addresses):
        return found, pid
    for listener in found:
        listener.close()
    if pid:
        os.kill(pid, signal.SIGTERM)
    return [], 0


def _ask(path: Path) -> tuple[list[int], int]:
    """Return descriptors and process id of the holder at `path`; nothing and 0 where there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as desk:
        try:
            desk.connect(str(path))
            _, descriptors, _, _ = socket.recv_fds(desk, 8, MAX_LISTENERS)
            pid, _, _ = struct.unpack("3i", desk.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except (OSError, AttributeError):
            return [], 0
    return descriptors, int(pid)


def end(path: Path) -> int:
    """End the holder at `path`; return its process id, or 0 where there is none."""
    descriptors, pid = _ask(path)
    for descriptor in descriptors:
        os.close(descriptor)
    if pid:
        os.kill(pid, signal.SIGTERM)
    return pid


def _name(listener: socket.socket) -> str:
    name = listener.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def _bind_patiently(address: str, path: Path) -> socket.socket:
    """
    Bind, and wait while the address is taken: by a gateway that outlived its holder, it comes free at its restart.

    What stands in the way is written beside `path`, where `fetch` finds it.
    """
    while True:
        try:
            return bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            if not _error_file(path).exists():
                print(error.strerror, file=sys.stderr, flush=True)
                _error_file(path).write_text(str(error.strerror))
        time.sleep(0.2)


def _error_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.error")


def fetch(path: Path, timeout_s: float = 10.0) -> list[int]:
    """
    Ask the holder at `path` for its descriptors; it may be starting at this very moment.

    Raises OSError when it cannot be reached within `timeout_s`, with its own reason where it left one.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as desk:
            try:
                desk.connect(str(path))
                _, descriptors, _, _ = socket.recv_fds(desk, 8, MAX_LISTENERS)
                if descriptors:
                    return descriptors
            except OSError as error:
                if time.monotonic() > deadline:
                    raise OSError(error.errno, _why(path, error)) from error
        time.sleep(0.05)


def _why(path: Path, error: OSError) -> str:
    with contextlib.suppress(OSError):
        if reason := _error_file(path).read_text():
            return reason
    return f"the socket holder at {path} does not answer: {error.strerror}"


def main() -> None:
    """Run the holder: `python -m gateway.process.socket_holder PATH ADDRESS [ADDRESS …]`."""
    if len(sys.argv) < 3:  # noqa: PLR2004 - program, path, at least one address
        sys.exit("usage: python -m gateway.process.socket_holder PATH ADDRESS [ADDRESS ...]")
    os.umask(0o117)
    # PM2 stops with SIGINT; a PM2 that was started in the background of a script hands it down as ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        hold(sys.argv[2:], Path(sys.argv[1]))
    except OSError as error:
        print(f"gateway-socket: {error}", file=sys.stderr)
        # PM2's stop_exit_codes: a taken port does not come free by trying again at once.
        sys.exit(78)
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
