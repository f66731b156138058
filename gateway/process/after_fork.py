"""Clean up processes that a model forks from a worker: drop the gateway's sockets and signal handlers in them."""

import contextlib
import os
import signal
import socket
import stat
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final

_STANDARD: Final = 2


def share_nothing(listeners: Iterable[Any]) -> None:
    """Keep executed programs from inheriting descriptors, and forks from keeping the sockets of these listeners."""
    for descriptor in _descriptors():
        with contextlib.suppress(OSError):
            os.set_inheritable(descriptor, False)
    os.register_at_fork(after_in_child=partial(_let_go, frozenset(_place(listener) for listener in listeners)))


def _let_go(places: frozenset[Any]) -> None:
    """
    Drop listening sockets and connections of clients, in the forked process.

    A client would otherwise wait for a close that never comes, and the port would stay in use.
    """
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for descriptor in _descriptors():
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode) and _place_of(descriptor) in places:
                # Not closed: another file would get the number, and a socket object would later close it.
                os.dup2(nothing, descriptor, inheritable=False)
    os.close(nothing)
    # The worker's handlers only set a flag, which a forked process never reads.
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)) and number != signal.SIGINT:
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
    with contextlib.suppress(OSError, ValueError):
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _place_of(descriptor: int) -> Any:
    found = socket.socket(fileno=descriptor)
    try:
        return _place(found)
    finally:
        found.detach()


def _place(found: Any) -> Any:
    """Return the address that a listener shares with connections accepted from it: port or path."""
    name = found.getsockname()
    return name[1] if isinstance(name, tuple) and found.family in (socket.AF_INET, socket.AF_INET6) else name or None


def _descriptors() -> list[int]:
    try:
        found = [int(path.name) for path in Path("/proc/self/fd").iterdir()]
    except OSError:  # not Linux
        return []
    return [descriptor for descriptor in found if descriptor > _STANDARD]
