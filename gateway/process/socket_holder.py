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
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gateway.process import socket_handover

#: Connections that the kernel keeps while nobody accepts; the kernel cuts it to net.core.somaxconn.
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

    Takes over from a holder that is still there (its PM2 died): the kernel's sockets stay the same, nothing is refused.
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
    Return listeners of whoever has the wanted ones, and the process id of a holder before us.

    That holder, or else the gateway: it goes on serving when a holder dies, and keeps its sockets for the next one.
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
    """End the holder at `path`; return its process id, or 0 where there is none."""
    listeners, pid = socket_handover.ask(path)
    for listener in listeners:
        listener.close()
    if pid:
        os.kill(pid, signal.SIGTERM)
    return pid


def _bind_patiently(addresses: Sequence[str], path: Path) -> list[socket.socket]:
    """
    Bind all, and wait while one is taken: by a gateway that outlived its holder and will hand it over, or by others.

    What stands in the way is written beside `path`, where `fetch` finds it.
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
    Ask the holder at `path` for its descriptors; it may be starting at this very moment.

    Raises OSError when it cannot be reached within `timeout_s`, with its own reason where it left one.
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
