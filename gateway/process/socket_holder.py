"""
Keep the listening sockets open while the gateway is replaced: run by PM2 beside it, as `gateway-socket`.

Binds once, hands the file descriptors to whoever connects to a Unix socket, and does nothing else, so that it never
needs a restart. Connections that arrive while no gateway accepts wait in the kernel's backlog instead of being refused.
"""

import contextlib
import os
import socket
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
    """Bind `addresses` and hand their descriptors out at the Unix socket `path`, for ever."""
    listeners = [bind(address) for address in addresses]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    desk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    desk.bind(str(path))
    path.chmod(0o600)
    desk.listen(8)
    print(f"holding {', '.join(addresses)}", file=sys.stderr, flush=True)
    while True:
        client, _ = desk.accept()
        with client, contextlib.suppress(OSError):
            socket.send_fds(client, [b"fds"], [listener.fileno() for listener in listeners])


def fetch(path: Path, timeout_s: float = 10.0) -> list[int]:
    """
    Ask the holder at `path` for its descriptors; it may be starting at this very moment.

    Raises OSError when it cannot be reached within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as desk:
            try:
                desk.connect(str(path))
                _, descriptors, _, _ = socket.recv_fds(desk, 8, MAX_LISTENERS)
            except OSError as error:
                if time.monotonic() > deadline:
                    raise OSError(
                        error.errno, f"the socket holder at {path} does not answer: {error.strerror}"
                    ) from error
            else:
                if descriptors:
                    return descriptors
        time.sleep(0.05)


def main() -> None:
    """Run the holder: `python -m gateway.process.socket_holder PATH ADDRESS [ADDRESS …]`."""
    if len(sys.argv) < 3:  # noqa: PLR2004 - program, path, at least one address
        sys.exit("usage: python -m gateway.process.socket_holder PATH ADDRESS [ADDRESS ...]")
    os.umask(0o117)
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
