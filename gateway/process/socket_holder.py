"""
Keep the listening sockets open while the gateway is replaced: run by PM2 beside it, as `gateway-socket`.

Binds once, passes the file descriptors to processes that connect to a Unix socket, and does nothing else, so that it
never needs a restart. Connections that arrive while no gateway accepts wait in the backlog of the kernel.
"""

import contextlib
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gateway.process import socket_handover

#: Connections that the kernel queues until they are accepted; it caps this at net.core.somaxconn.
BACKLOG = 2048


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
    try:
        return socket_handover.bind_unix(path, 0o660, BACKLOG)
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot listen on unix:{path}: {error.strerror or error}; end what uses it, or set GATEWAY_BIND",
        ) from error


def hold(addresses: Sequence[str], path: Path) -> None:
    """
    Hold listeners for `addresses` and hand their descriptors out at the Unix socket `path`, for ever.

    Takes over the sockets of a holder that is still running (its PM2 died), so that no connection is refused.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _error_file(path).unlink(missing_ok=True)
    listeners, predecessor = _inherit(addresses, path)
    if not listeners:
        listeners = _bind_patiently(addresses, path)
    if predecessor:
        path.unlink(missing_ok=True)
    socket_return = socket_handover.bind_unix(path, 0o600, 8)
    _error_file(path).unlink(missing_ok=True)
    if predecessor:
        with contextlib.suppress(ProcessLookupError):
            os.kill(predecessor, signal.SIGTERM)
    print(f"holding {', '.join(addresses)}", file=sys.stderr, flush=True)
    socket_handover.hand_out(socket_return, listeners)


def _inherit(addresses: Sequence[str], path: Path) -> tuple[list[socket.socket], int]:
    """
    Return listeners for the wanted addresses, from an earlier holder or the gateway, and the pid of that holder.

    A gateway goes on serving when its holder dies, and keeps the sockets for the next one.
    """
    found, pid = socket_handover.ask(path)
    if not found:
        found, _ = socket_handover.ask(socket_handover.gateway_path(path))
    if [socket_handover.name_of(listener) for listener in found] == [
        socket_handover.resolved(address) for address in addresses
    ]:
        return found, pid
    for listener in found:
        listener.close()
    if pid:
        os.kill(pid, signal.SIGTERM)
    return [], 0


def end(path: Path) -> int:
    """End the holder at `path`; return its process id, or 0 if there is none."""
    listeners, pid = socket_handover.ask(path)
    for listener in listeners:
        listener.close()
    if pid:
        os.kill(pid, signal.SIGTERM)
    return pid


def _bind_patiently(addresses: Sequence[str], path: Path) -> list[socket.socket]:
    """
    Bind all addresses, and wait while one is in use: by a gateway that will hand it over, or by another process.

    The reason for the wait is written beside `path`, where `fetch` reads it.
    """
    bound: list[socket.socket] = []
    while True:
        try:
            while len(bound) < len(addresses):
                bound.append(bind(addresses[len(bound)]))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            if not _error_file(path).exists():
                print(error.strerror, file=sys.stderr, flush=True)
                _error_file(path).write_text(str(error.strerror))
        else:
            return bound
        time.sleep(0.2)
        if not bound and (inherited := _inherit(addresses, path)[0]):
            return inherited


def _error_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.error")


def fetch(path: Path, timeout_s: float = 10.0) -> list[int]:
    """
    Get the descriptors of the holder at `path`, which may still be starting.

    Raises OSError if it cannot be reached within `timeout_s`, with the reason that the holder wrote, if any.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as socket_return:
            socket_return.settimeout(socket_handover.PATIENCE_S)
            try:
                socket_return.connect(str(path))
                _, descriptors, _, _ = socket.recv_fds(socket_return, 8, socket_handover.MAX_LISTENERS)
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
    os.umask(0o077)
    # PM2 stops with SIGINT, which children of a PM2 in the background of a script inherit as ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        hold(sys.argv[2:], Path(sys.argv[1]))
    except OSError as error:
        print(f"gateway-socket: {error}", file=sys.stderr)
        # One of PM2's stop_exit_codes: an immediate restart does not free a port in use.
        sys.exit(78)
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
